"""LPIPS and ST-LPIPS: the arithmetic against numpy, the published figures where the weights are here, and the rules."""

import io
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from skimage.data import astronaut

from bench_core.errors import CellFailure
from bench_core.plugins import registry
from bench_core.weights import lookup
from bench_core.weights_pickle import read_arrays
from bench_learned import convert, networks, perceptual, runtime

PHOTO = np.ascontiguousarray(astronaut()[:256, 96:352])
SMALL = PHOTO[60:112, 70:130]
NAMES = ["lpips", "lpips-vgg", "st-lpips", "st-lpips-vgg"]


def jpeg(image, quality):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.array(Image.open(buffer))


def random_state(net):
    """Weights drawn so that signals neither die nor grow, under the names of PerceptualDistance."""
    generator = np.random.default_rng(7)
    state = {}
    for name, slot in networks.PerceptualDistance(net).state_dict().items():
        weight, head = name.endswith("weight"), name.startswith("heads")
        spread = np.sqrt(2 / np.prod(slot.shape[1:])) if weight else 10 if head else 0.1
        values = generator.normal(0, spread, tuple(slot.shape))
        state[name] = torch.from_numpy(np.abs(values) if head else values).float()
    return state


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def own_cache(monkeypatch, tmp_path):
    """No weights but those a test puts here, and no network built before."""
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(runtime, "_built", {})
    return tmp_path


@pytest.fixture
def random_weights(own_cache):
    """LPIPS with random weights, read from a file as the real ones are."""
    for net in ("alex", "vgg"):
        save_file(random_state(net), own_cache / lookup(f"lpips-{net}").file)


# The networks once more, in float64 and without torch.


def convolved(signal, kernel, bias, stride, padding):
    padded = np.pad(signal, [(0, 0)] + [(padding, padding)] * 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[2:], axis=(1, 2))[:, ::stride, ::stride]
    return np.tensordot(kernel, windows, axes=([1, 2, 3], [0, 3, 4])) + bias[:, None, None]


def pooled(signal, side, stride):
    windows = np.lib.stride_tricks.sliding_window_view(signal, (side, side), axis=(1, 2))
    return windows[:, ::stride, ::stride].max((3, 4))


def blurred(signal):
    padded = np.pad(signal, [(0, 0), (2, 2), (2, 2)], mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))[:, ::2, ::2]
    return np.einsum("chwij,i,j->chw", windows, *[np.array([0.25, 0.5, 0.25])] * 2)


ALEX = [(11, 4, 2), "pool3", (5, 1, 2), "pool3", (3, 1, 1), (3, 1, 1), (3, 1, 1)]
VGG = [
    *[(3, 1, 1)] * 2,
    "pool2",
    *[(3, 1, 1)] * 2,
    "pool2",
    *[(3, 1, 1)] * 3,
    "pool2",
    *[(3, 1, 1)] * 3,
    "pool2",
    *[(3, 1, 1)] * 3,
]
TAPPED = {"alex": (0, 1, 2, 3, 4), "vgg": (1, 3, 6, 9, 12)}


def features_by_numpy(image, state, net, tolerant):
    shift, scale = np.array([-0.030, -0.088, -0.188]), np.array([0.458, 0.448, 0.450])
    signal = (((image / 255 * 2 - 1) - shift) / scale).transpose(2, 0, 1)
    weights = [value.double().numpy() for name, value in state.items() if name.startswith("features")]
    found, count = [], 0
    for step in ALEX if net == "alex" else VGG:
        if isinstance(step, str):
            side = int(step[-1])
            signal = blurred(pooled(signal, side, 1)) if tolerant else pooled(signal, side, 2)
            continue
        _, stride, padding = step
        kernel, bias = weights[2 * count : 2 * count + 2]
        signal = convolved(signal, kernel, bias, 1 if tolerant else stride, padding)
        signal = np.maximum(blurred(signal) if tolerant and stride > 1 else signal, 0)
        if count in TAPPED[net]:
            found.append(signal / (np.sqrt((signal**2).sum(0)) + 1e-10))
        count += 1
    return found


def distance_by_numpy(estimate, reference, state, net, tolerant):
    pairs = zip(*(features_by_numpy(image, state, net, tolerant) for image in (estimate, reference)), strict=True)
    heads = [state[f"heads.{k}"].double().numpy() for k in range(5)]
    return sum((((a - b) ** 2).mean((1, 2)) * head).sum() for (a, b), head in zip(pairs, heads, strict=True))


@pytest.mark.parametrize("net", ["alex", "vgg"])
@pytest.mark.parametrize("tolerant", [False, True])
def test_the_networks_compute_what_numpy_computes(net, tolerant):
    state = random_state(net)
    network = networks.load(networks.PerceptualDistance(net, tolerant), state)
    estimate = jpeg(SMALL, 20)
    ours = float(network(runtime.tensor(estimate), runtime.tensor(SMALL)))
    theirs = distance_by_numpy(estimate, SMALL, state, net, tolerant)
    assert theirs > 0.01
    assert ours == pytest.approx(theirs, rel=2e-5)


@pytest.mark.parametrize(("name", "net"), [("lpips", "alex"), ("lpips-vgg", "vgg")])
def test_lpips_is_pyiqas_class_with_the_same_weights(random_weights, monkeypatch, name, net):
    pytest.importorskip("pyiqa")
    from types import SimpleNamespace

    from pyiqa.archs import lpips_arch

    state = random_state(net)
    trunk = networks._features(net)
    for index, layer in enumerate(trunk):
        if f"features.{index}.weight" in state:
            layer.load_state_dict({part: state[f"features.{index}.{part}"] for part in ("weight", "bias")}, assign=True)
    features = SimpleNamespace(features=trunk)
    monkeypatch.setattr(lpips_arch, "models", SimpleNamespace(alexnet=lambda **_: features, vgg16=lambda **_: features))
    theirs = lpips_arch.LPIPS(net=net, pretrained=False, pnet_rand=True)
    for k in range(5):
        theirs.lins[k].model[1].weight.data = state[f"heads.{k}"].reshape(1, -1, 1, 1)
    estimate = jpeg(PHOTO, 30)
    with torch.no_grad():
        figure = float(theirs(runtime.tensor(estimate), runtime.tensor(PHOTO)))
    assert figure > 0.01
    assert registry().metrics.create(name)(estimate, PHOTO).value == pytest.approx(figure, abs=1e-5)


FIGURES = {"lpips": 0.054378, "lpips-vgg": 0.233302, "st-lpips": 0.009056, "st-lpips-vgg": 0.103447}
"""What the packages `lpips` 0.1.4 and `stlpips-pytorch` 0.0.2 say: python benchmarks/learned.py agreement."""


@pytest.mark.parametrize("name", NAMES)
def test_with_the_published_weights_the_figures_are_the_published_ones(name):
    metric = registry().metrics.create(name)
    if lookup(metric.weights).path is None:
        pytest.skip(f"bench weights fetch {metric.weights}")
    assert metric(jpeg(PHOTO, 40), PHOTO).value == pytest.approx(FIGURES[name], abs=1e-5)
    assert metric.implementation.endswith(lookup(metric.weights).sha256[:8])


@pytest.mark.parametrize("name", ["lpips", "lpips-vgg"])
def test_equal_pictures_are_at_no_distance_and_worse_ones_farther(random_weights, name):
    metric = registry().metrics.create(name)
    assert metric.direction == "lower"
    assert metric(SMALL, SMALL).value == 0
    values = [metric(jpeg(SMALL, quality), SMALL).value for quality in (90, 40, 5)]
    assert 0 < values[0] < values[1] < values[2]


def test_a_gray_picture_is_its_channel_three_times(random_weights):
    metric = registry().metrics.create("lpips")
    estimate = jpeg(PHOTO, 10)
    gray = metric(estimate[:, :, :1], PHOTO[:, :, :1])
    assert gray == metric(estimate[:, :, :1].repeat(3, axis=2), PHOTO[:, :, :1].repeat(3, axis=2))
    assert gray.value > 0


def test_features_that_are_kept_and_those_that_are_not_give_the_same_figure(random_weights, monkeypatch):
    metric = registry().metrics.create("lpips")
    estimate = jpeg(PHOTO, 10)
    kept = metric.prepare(PHOTO)
    monkeypatch.setattr(perceptual, "KEPT_BYTES", 0)
    again = metric.prepare(PHOTO)
    assert isinstance(kept, list)
    assert again is PHOTO
    assert metric.measure(estimate, kept) == metric.measure(estimate, again)


def test_threads_share_one_network_and_do_not_disturb_each_other(random_weights, monkeypatch):
    built = []
    real = perceptual.Lpips._build
    monkeypatch.setattr(perceptual.Lpips, "_build", lambda self, path: built.append(path) or real(self, path))
    qualities = [5, 20, 40, 60, 80, 95]
    found = {}

    def work(quality):
        found[quality] = registry().metrics.create("lpips")(jpeg(PHOTO, quality), PHOTO).value

    threads = [threading.Thread(target=work, args=(quality,)) for quality in qualities]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    assert found == {q: registry().metrics.create("lpips")(jpeg(PHOTO, q), PHOTO).value for q in qualities}


@pytest.mark.parametrize("name", NAMES)
def test_the_shortest_side_is_the_shortest_that_the_network_takes(name, monkeypatch):
    metric = registry().metrics.create(name)
    network = networks.load(networks.PerceptualDistance(metric.net, metric.shift_tolerant), random_state(metric.net))
    monkeypatch.setattr(runtime, "_built", {metric.weights: network})
    least = metric.least
    assert np.isfinite(metric(SMALL[:least], jpeg(SMALL, 50)[:least]).value)
    with pytest.raises(
        CellFailure, match=rf"too_small: {name} needs {least} pixels a side, not 60×{least - 1}"
    ) as error:
        metric(SMALL[: least - 1], SMALL[: least - 1])
    assert error.value.status == "skipped_unsupported"
    monkeypatch.setattr(type(metric), "least", 1)
    with pytest.raises(RuntimeError):
        metric(SMALL[: least - 1], SMALL[: least - 1])


@pytest.mark.parametrize("name", NAMES)
def test_missing_weights_are_a_status_with_the_command(own_cache, name):
    metric = registry().metrics.create(name)
    for _ in range(2):
        with pytest.raises(CellFailure, match=f"bench weights fetch {metric.weights}$") as error:
            metric(SMALL, SMALL)
        assert error.value.status == "weights_missing"


def test_weights_of_another_network_are_named_and_not_used(own_cache):
    save_file(random_state("vgg"), own_cache / lookup("lpips-alex").file)
    with pytest.raises(CellFailure, match=r"lpips-alex-443c5bc3\.safetensors cannot be used .*delete it") as error:
        registry().metrics.create("lpips")(SMALL, SMALL)
    assert error.value.status == "weights_missing"
    assert "\n" not in error.value.reason


def test_a_lack_of_memory_is_a_status(random_weights, monkeypatch):
    def describe(self, pictures):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr(networks.PerceptualDistance, "describe", describe)
    with pytest.raises(CellFailure) as error:
        registry().metrics.create("lpips")(SMALL, SMALL)
    assert error.value.status == "oom"


def test_building_a_network_draws_no_random_numbers_and_holds_no_classifier(random_weights):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    metric = registry().metrics.create("lpips-vgg")
    metric(SMALL, SMALL)
    assert torch.equal(torch.get_rng_state(), before)
    assert sum(value.numel() for value in metric._network().state_dict().values()) < 15e6  # of VGG-16's 138 million


def test_kernels_are_turned_and_named(tmp_path):
    import pickle

    generator = np.random.default_rng(0)
    shapes = [(11, 11, 3, 64), (5, 5, 64, 192), (3, 3, 192, 384), (3, 3, 384, 256), (3, 3, 256, 256)]
    tree = {
        "AlexNet_0": {
            f"Conv_{i}": {
                "kernel": generator.normal(size=shape).astype(np.float32),
                "bias": generator.normal(size=shape[3]).astype(np.float32),
            }
            for i, shape in enumerate(shapes)
        }
    }
    for i, shape in enumerate(shapes):
        tree[f"NetLinLayer_{i}"] = {"Conv_0": {"kernel": generator.random((1, 1, shape[3], 1), dtype=np.float32)}}
    (tmp_path / "alexnet.ckpt").write_bytes(pickle.dumps(tree, protocol=3))
    convert.lpips_alex(tmp_path / "alexnet.ckpt", tmp_path / "out.safetensors")
    from safetensors.torch import load_file

    network = networks.load(networks.PerceptualDistance("alex"), load_file(tmp_path / "out.safetensors"))
    assert len(read_arrays(tmp_path / "alexnet.ckpt")) == 15
    # A convolution with an HWIO kernel, by its definition, at one place of the picture.
    picture = generator.normal(size=(1, 3, 31, 31)).astype(np.float32)
    first = tree["AlexNet_0"]["Conv_0"]
    expected = np.einsum("chw,hwco->o", picture[0, :, 2:13, 6:17], first["kernel"]) + first["bias"]
    found = network.features["0"](torch.from_numpy(picture))[0, :, 1, 2]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(network.heads[2], tree["NetLinLayer_2"]["Conv_0"]["kernel"].reshape(-1))


def test_the_plugin_names_things_and_imports_nothing():
    code = (
        "import sys, bench_learned; from bench_core.plugins import registry; registry().metrics.create('lpips');"
        "from bench_core import weights; weights.every();"
        "print(sorted({'torch', 'torchvision', 'pooch', 'safetensors'} & set(sys.modules)))"
    )
    env = {**os.environ, "BENCH_LOAD_PLUGINS": "learned"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.strip() == "[]"


def test_every_metric_says_which_weights_it_needs():
    for entry in registry().metrics:
        if entry.plugin == "learned":
            assert entry.name in lookup(registry().metrics.create(entry.name).weights).needed_by
