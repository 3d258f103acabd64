"""`autoencoder` as the harness sees it, and its weights files."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data

from bench_autoencoder.config import load_preset
from bench_autoencoder.method import Autoencoder
from bench_autoencoder.network import Autoencoder as Network
from bench_autoencoder.pictures import to_gray
from bench_autoencoder.weights import load_weights, save_weights
from bench_core.errors import MissingWeights, RequestError
from bench_core.images import Array
from bench_core.model import Condition
from bench_core.task import COLORIZATION


def gray(height: int, width: int) -> Array:
    return to_gray(data.astronaut()[None, 40 : 40 + height, 100 : 100 + width], "luma")[0]


def test_the_plugin_module_imports_nothing_heavy() -> None:
    code = "import sys, bench_autoencoder; print([m for m in ('torch', 'cv2', 'accelerate') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_method_says_what_it_is() -> None:
    assert (Autoencoder.name, Autoencoder.task, Autoencoder.outputs) == ("autoencoder", COLORIZATION, ("color",))
    assert {param.name: param.default for param in Autoencoder.params} == {"sizes": "thumb", "luma_transfer": False}


def test_the_file_alone_rebuilds_the_network(make: Callable[..., Network], tmp_path: Path) -> None:
    network = make("batch_norm=on", "dropout=0.2", "bottleneck=none").eval()
    path = tmp_path / "w.safetensors"
    save_weights(path, network, {"gray": "bgr_bug"})
    loaded = load_weights(path)
    assert (loaded.network.config, loaded.training) == (network.config, {"gray": "bgr_bug"})
    given = torch.rand(1, 1, 32, 32)
    torch.testing.assert_close(loaded.network(given), network(given))


def test_weights_that_are_none_are_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from safetensors.torch import save_file

    other = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(1)}, other)
    with pytest.raises(
        RequestError, match="holds no auto-encoder weights; `bench train autoencoder` writes such files"
    ):
        Autoencoder(weights=other)
    record = {"network": load_preset("tiny")[0].record()}
    del record["network"]["latent"]
    save_file({"x": torch.zeros(1)}, other, {"autoencoder": json.dumps(record)})
    with pytest.raises(RequestError, match="holds no auto-encoder weights"):
        Autoencoder(weights=other)
    monkeypatch.setattr(Autoencoder, "default_weights", tmp_path / "not-shipped.safetensors")
    with pytest.raises(MissingWeights, match=r"autoencoder needs weights.*bench train autoencoder"):
        Autoencoder()


def test_a_picture_of_the_right_size_is_the_networks_own(weights: Path) -> None:
    received = gray(32, 32)
    (found,) = Autoencoder(weights=weights, device="cpu").decode_all([received], Condition())
    given = torch.from_numpy(received.transpose(2, 0, 1)[None]).float() / 255
    with torch.no_grad():
        expected = load_weights(weights).network(given)[0].permute(1, 2, 0).numpy()
    assert np.array_equal(found["color"], expected)
    transferring = Autoencoder({"luma_transfer": True}, weights, "cpu")
    (other,) = transferring.decode_all([received], Condition())
    luma = other["color"] @ np.array([0.299, 0.587, 0.114], np.float32)
    inside = ((other["color"] > 0) & (other["color"] < 1)).all(axis=2)
    assert inside.mean() > 0.5
    assert np.abs(luma - received[..., 0] / 255)[inside].max() < 1e-5


@pytest.mark.parametrize("sizes", ["thumb", "tile"])
def test_other_sizes_and_unrounded_pictures_are_colored(weights: Path, sizes: str) -> None:
    model = Autoencoder({"sizes": sizes}, weights, "cpu")
    for height, width in ((45, 67), (9, 40), (1, 1)):
        received = gray(height, width)
        (found,) = model.decode_all([received], Condition())
        assert found["color"].shape == (height, width, 3)
        (unrounded,) = model.decode_all([received.astype(np.float32) / 255], Condition())
        assert np.allclose(found["color"], unrounded["color"], atol=1e-5)


def test_whole_pictures_need_a_network_without_bottleneck(
    weights: Path, make: Callable[..., Network], tmp_path: Path
) -> None:
    with pytest.raises(
        RequestError, match=r"sizes=whole needs a network without bottleneck, and .* 32×32 only; e\.g\."
    ):
        Autoencoder({"sizes": "whole"}, weights, "cpu")
    free = tmp_path / "free.safetensors"
    save_weights(free, make("bottleneck=none"), {})
    (found,) = Autoencoder({"sizes": "whole"}, free, "cpu").decode_all([gray(45, 30)], Condition())
    assert found["color"].shape == (45, 30, 3)


def test_the_harness_finds_nothing_against_it(weights: Path) -> None:
    from bench_core.conformance import check_model
    from bench_core.plan import Request

    request = Request("autoencoder", dataset="sample", limit=2, size="32", weights=weights, device="cpu")
    assert [(check.rule, check.detail) for check in check_model(request) if not check.passed] == []
