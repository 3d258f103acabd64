import logging
import os
import random
import socket
import subprocess
import sys
import urllib.request

import numpy as np
import pytest
import torch
from skimage.data import astronaut

from bench_core.errors import CellFailure, RequestError
from bench_core.plugins import registry
from bench_core.torchvision_shim import ensure
from bench_iqa import backend, catalog, network
from bench_iqa.metric import create
from bench_metrics.ms_ssim import MsSsim, MsSsimY
from bench_metrics.psnr import Psnr, PsnrY
from bench_metrics.ssim import Ssim, SsimY

PHOTO = astronaut()[60:124, 180:244]
WIDE = astronaut()[:176, 100:276]
OFFLINE = ["psnr", "psnry", "ssim", "ssimc", "cw_ssim", "fsim", "gmsd", "nlpd", "vsi", "vif", "mad", "entropy", "piqe"]
"""What works without weights on small pictures (ms_ssim, the last of them, needs 161 pixels)."""


def noisy(image, sigma=12):
    noise = np.random.default_rng(0).normal(0, sigma, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


@pytest.fixture(autouse=True)
def nothing_is_fetched(monkeypatch, tmp_path):
    """No network, one thread, and empty caches, whatever this machine has fetched before."""
    ensure()
    import huggingface_hub.constants
    import pyiqa.utils.download_util

    monkeypatch.setenv("BENCH_OFFLINE", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    monkeypatch.setattr(pyiqa.utils.download_util, "DEFAULT_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(backend, "_built", {k: v for k, v in backend._built.items() if not isinstance(v, CellFailure)})
    yield
    torch.set_num_threads(before)


def measure(name, estimate, reference):
    return registry().metrics.create(f"iqa:{name}")(estimate, reference).value


@pytest.mark.parametrize(
    ("name", "metric", "image", "tolerance"),
    [
        ("psnr", Psnr, PHOTO, 5e-4),
        ("psnry", PsnrY, PHOTO, 5e-3),
        ("ssimc", Ssim, PHOTO, 1e-3),
        ("ssim", SsimY, PHOTO, 5e-4),
        ("ms_ssim", MsSsimY, WIDE, 5e-4),
        ("ms_ssim", MsSsimY, WIDE[:161, :163], 5e-4),
    ],
)
def test_built_in_metrics_agree_with_pyiqa(name, metric, image, tolerance):
    estimate = noisy(image)
    assert measure(name, estimate, image) == pytest.approx(metric()(estimate, image).value, abs=tolerance)


def test_ms_ssim_agrees_with_pyiqa_on_rgb():
    import pyiqa

    estimate = noisy(WIDE)
    tensors = [torch.from_numpy(image.transpose(2, 0, 1).copy())[None] / 255 for image in (estimate, WIDE)]
    theirs = float(pyiqa.create_metric("ms_ssim", device="cpu", test_y_channel=False)(*tensors))
    assert MsSsim()(estimate, WIDE).value == pytest.approx(theirs, abs=5e-4)


@pytest.mark.parametrize("name", OFFLINE)
def test_what_needs_no_weights_scores_color_and_gray(name):
    one = create(name)
    estimate = noisy(PHOTO)
    assert np.isfinite(one(estimate, PHOTO).value)
    gray = one(estimate[:, :, :1], PHOTO[:, :, :1]).value
    assert gray == one(estimate[:, :, :1].repeat(3, axis=2), PHOTO[:, :, :1].repeat(3, axis=2)).value
    assert one(estimate, PHOTO) == one(estimate, PHOTO)
    assert one.implementation == f"iqa:{name}@pyiqa-{catalog.version()}"


def test_direction_and_reference_are_pyiqas():
    import pyiqa

    for name in OFFLINE:
        net = pyiqa.create_metric(name, device="cpu")
        assert create(name).direction == ("lower" if net.lower_better else "higher")
        assert (create(name).prepare(PHOTO) is None) == (net.metric_mode == "NR")
    assert create("lpips").direction == "lower"
    assert create("musiq").direction == "higher"


def test_the_estimate_comes_first():
    # VIF is not symmetric: information about the reference that the estimate keeps.
    import pyiqa

    estimate = noisy(PHOTO, 30)
    tensors = [torch.from_numpy(image.transpose(2, 0, 1).copy())[None] / 255 for image in (estimate, PHOTO)]
    net = pyiqa.create_metric("vif", device="cpu")
    assert measure("vif", estimate, PHOTO) == pytest.approx(float(net(*tensors)), rel=1e-6)
    assert abs(float(net(*tensors)) - float(net(*tensors[::-1]))) > 0.01


def test_without_a_reference_only_the_estimate_counts():
    estimate = noisy(PHOTO)
    assert measure("piqe", estimate, PHOTO) == measure("piqe", estimate, 255 - PHOTO)


def test_every_name_of_pyiqa_is_known_or_explained():
    import pyiqa

    sets = {"fid", "sfid", "fid_dinov2", "inception_score"}
    known = set(catalog.names())
    assert set(pyiqa.list_models()) == known | sets | {"clipscore"}
    for name in sets - {"fid"}:
        with pytest.raises(RequestError, match=r"needs (two sets|a set) of pictures, .* iqa:fid and iqa:kid"):
            create(name)
    with pytest.raises(RequestError, match="caption"):
        create("clipscore")


@pytest.mark.parametrize(("name", "near"), [("lpisp", "iqa:lpips"), ("NIQE", "iqa:niqe"), ("qqqqqq", "e.g. iqa:lpips")])
def test_an_unknown_name_gets_near_ones(name, near):
    with pytest.raises(RequestError) as error:
        registry().metrics.create(f"iqa:{name}")
    assert len(error.value.problems) == 1
    assert near in str(error.value)


@pytest.mark.parametrize("name", ["lpips", "niqe", "topiq_nr", "clipiqa"])
def test_missing_weights_are_a_status_and_the_network_is_left_alone(name, monkeypatch):
    def never(*arguments, **options):
        pytest.fail("the network was used")

    monkeypatch.setattr(socket.socket, "connect", never)
    monkeypatch.setattr(network, "answers", never)
    for _ in range(2):
        with pytest.raises(CellFailure) as failure:
            measure(name, PHOTO, PHOTO)
        assert failure.value.status == "weights_missing"
        assert "BENCH_OFFLINE" in failure.value.reason
        assert f"iqa:{name}" in failure.value.reason
        assert "\n" not in failure.value.reason


def test_a_reason_says_what_to_fetch_and_where_to_put_it(tmp_path):
    with pytest.raises(CellFailure) as failure:
        measure("lpips", PHOTO, PHOTO)
    assert "put https://download.pytorch.org/models/alexnet-" in failure.value.reason
    assert f" at {tmp_path}" in failure.value.reason


def test_a_host_that_does_not_answer_is_a_status_too(monkeypatch):
    monkeypatch.setenv("BENCH_OFFLINE", "0")
    asked = []
    monkeypatch.setattr(network, "answers", lambda host, port: asked.append((host, port)))
    with pytest.raises(CellFailure, match=r"download\.pytorch\.org cannot be reached") as failure:
        measure("lpips", PHOTO, PHOTO)
    assert failure.value.status == "weights_missing"
    assert asked == [("download.pytorch.org", 443)]


def test_a_download_that_fails_is_a_status_too(monkeypatch):
    monkeypatch.setenv("BENCH_OFFLINE", "")
    monkeypatch.setattr(network, "answers", lambda host, port: True)

    def broken(*arguments, **options):
        raise ConnectionResetError("half of it came")

    real = urllib.request.urlopen
    calls = []

    def urlopen(*arguments, **options):
        calls.append(arguments)
        return real(*arguments, **options) if len(calls) == 1 else broken()

    monkeypatch.setattr(torch.hub, "urlopen", urlopen)
    with pytest.raises(CellFailure, match="half of it came") as failure:
        measure("lpips", PHOTO, PHOTO)
    assert failure.value.status == "weights_missing"


def test_the_network_closes_for_one_thread_only_and_opens_again():
    import threading

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        others = []
        with network.closed() as asked:
            with pytest.raises(network.NetworkClosedError):
                socket.create_connection(("localhost", port))
            thread = threading.Thread(target=lambda: others.append(network.answers("127.0.0.1", port)))
            thread.start()
            thread.join()
        assert asked == {("localhost", port)}
        assert others == [True]
        assert network.answers("127.0.0.1", port)
    assert not network.answers("127.0.0.1", port)


def test_a_picture_that_pyiqa_cannot_score_fails_with_its_size():
    with pytest.raises(CellFailure, match=r"iqa:ms_ssim cannot score 64×64 pixels") as failure:
        measure("ms_ssim", PHOTO, PHOTO)
    assert failure.value.status == "skipped_unsupported"


@pytest.mark.parametrize(
    ("output", "status"),
    [
        (torch.tensor([[float("nan")]]), "nan_output"),
        (torch.zeros(2), "skipped_unsupported"),
        (RuntimeError("CUDA out of memory"), "oom"),
        (MemoryError(), "oom"),
        (AssertionError("too small"), "skipped_unsupported"),
    ],
)
def test_what_pyiqa_may_do_wrong_is_a_status(monkeypatch, output, status):
    def net(estimate, reference):
        if isinstance(output, Exception):
            raise output
        return output

    monkeypatch.setitem(backend._built, "psnr", net)
    with pytest.raises(CellFailure) as failure:
        measure("psnr", PHOTO, PHOTO)
    assert failure.value.status == status


def test_building_a_metric_is_silent_and_leaves_random_generators_alone(capfd, monkeypatch, caplog):
    monkeypatch.setattr(backend, "_built", {})
    torch.manual_seed(5)
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    with caplog.at_level(logging.INFO):
        measure("cw_ssim", PHOTO, noisy(PHOTO))
        with pytest.raises(CellFailure):
            measure("lpips", PHOTO, PHOTO)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])
    assert random.getstate() == states[2]
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.name.startswith("pyiqa")]


def test_checking_a_name_imports_neither_torch_nor_pyiqa():
    code = """
import sys, bench_iqa
assert not {"numpy", "torch", "pyiqa", "huggingface_hub"} & set(sys.modules)
from bench_core.plugins import registry
from bench_core.torchvision_shim import ensure
metric = registry().metrics.create("iqa:lpips")
assert metric.direction == "lower"
assert not {"torch", "pyiqa", "torchvision", "huggingface_hub"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "BENCH_LOAD_PLUGINS": "iqa"})
