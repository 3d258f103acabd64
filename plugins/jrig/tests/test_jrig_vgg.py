"""The contrast loss: real weights or none, and the scale it stands on (specification §3, property 14)."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from bench_core.errors import RequestError
from bench_core.nn.vgg import MEAN, STD, widths_to
from bench_core.torchvision_shim import ensure
from bench_core.weights import lookup
from bench_jrig.vgg import CAFFE_SCALE, LAYER, ContrastLoss, load_contrast


def state_of(net: str) -> dict[str, Tensor]:
    """Weights of the right shapes: what a real file would hold, as far as names go."""
    torch.manual_seed(0)
    state, channels, place = {}, 3, 0
    for width in widths_to(net, LAYER):
        if width:
            state[f"features.{place}.weight"] = torch.randn(width, channels, 3, 3) * (2 / (9 * channels)) ** 0.5
            state[f"features.{place}.bias"] = torch.zeros(width)
            channels = width
        place += 2 if width else 1
    return {**state, "classifier.0.bias": torch.zeros(3)}


@pytest.fixture(scope="module")
def vgg16() -> dict[str, Tensor]:
    return state_of("vgg16")


@pytest.fixture
def nothing_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


@pytest.mark.parametrize(("net", "place"), [("vgg19", 20), ("vgg16", 18)])
def test_the_features_are_those_of_conv4_1_after_its_relu(net: str, place: int) -> None:
    ensure()
    import torchvision.models

    with torch.device("meta"):
        whole = getattr(torchvision.models, net)(weights=None)
        state = {name: torch.empty_like(value) for name, value in whole.state_dict().items()}
        loss = ContrastLoss.of(net, state)
    assert [(type(a), getattr(a, "weight", torch.empty(0)).shape) for a in loss.vgg.features] == [
        (type(b), getattr(b, "weight", torch.empty(0)).shape) for b in whole.features[: place + 1]
    ]
    poolings = [layer for layer in loss.vgg.features if isinstance(layer, torch.nn.MaxPool2d)]
    assert len(poolings) == 3


def test_the_loss_compares_gray_with_color_in_caffes_scale(vgg16: dict[str, Tensor]) -> None:
    loss = ContrastLoss.of("vgg16", vgg16)
    gray, color = torch.rand(1, 1, 40, 40, requires_grad=True), torch.rand(1, 3, 40, 40)
    value = loss(gray, color)
    assert value.item() == pytest.approx(
        (loss.describe(gray.expand(-1, 3, -1, -1)) - loss.describe(color)).square().mean().item(), rel=1e-5
    )
    value.backward()
    assert gray.grad is not None
    assert gray.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in loss.parameters())
    same = loss(gray.detach(), gray.detach().expand(-1, 3, -1, -1))
    assert same.item() == 0
    # Without biases VGG is homogeneous: torchvision's scale times this number is Caffe's, 0..255 minus the mean.
    assert pytest.approx(255 * sum(STD) / 3) == CAFFE_SCALE
    level = torch.full((1, 3, 224, 224), 0.2)
    caffe = (level + 1) * 127.5 - 255 * torch.tensor(MEAN)[:, None, None]
    spread = STD[0] / (sum(STD) / 3)  # channels differ a little from the average
    with torch.no_grad():
        ours, theirs = loss.describe(level), loss.vgg.features(caffe)
    assert (ours.norm() / theirs.norm()).item() == pytest.approx(1, abs=abs(spread - 1) + 0.02)


def test_weights_come_from_a_file(vgg16: dict[str, Tensor], tmp_path: Path) -> None:
    save_file(vgg16, tmp_path / "vgg.safetensors")
    torch.save(vgg16, tmp_path / "vgg.pth")
    picture = torch.rand(1, 3, 32, 32)
    expected = ContrastLoss.of("vgg16", vgg16).describe(picture)
    for name in ("vgg.safetensors", "vgg.pth"):
        assert torch.equal(load_contrast("vgg16", str(tmp_path / name)).describe(picture), expected)
    with pytest.raises(RequestError, match=r"no weights of vgg19: features\.16\.weight is missing"):
        load_contrast("vgg19", str(tmp_path / "vgg.pth"))


@pytest.mark.parametrize("name", ["vgg.pth", "vgg.safetensors"])
def test_a_wrong_file_is_one_clear_line(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"no weights")
    with pytest.raises(RequestError) as caught:
        load_contrast("vgg19", str(tmp_path / name))
    assert len(caught.value.problems) == 1
    assert name in caught.value.problems[0]
    with pytest.raises(RequestError, match="no such file"):
        load_contrast("vgg19", str(tmp_path / f"other-{name}"))


@pytest.mark.usefixtures("nothing_fetched")
@pytest.mark.parametrize(("net", "command"), [("vgg19", "bench weights fetch vgg19"), ("vgg16", "fetch lpips-vgg")])
def test_missing_weights_name_the_commands_and_nothing_stands_in(net: str, command: str) -> None:
    with pytest.raises(RequestError) as caught:
        load_contrast(net)
    (line,) = caught.value.problems
    for part in (command, "--set vgg_file=", "--set weight_contrast=0"):
        assert part in line


def test_fetched_weights_are_found_by_name(
    vgg16: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path))
    save_file(vgg16, tmp_path / lookup("lpips-vgg").file)  # a converted file is known by its name
    assert load_contrast("vgg16").describe(torch.rand(1, 3, 16, 16)).shape == (1, 512, 28, 28)


def test_vgg19_is_registered_with_its_digest() -> None:
    weights = lookup("vgg19")
    assert weights.sha256.startswith("dcbb9e9d")
    assert weights.file == weights.original == "vgg19-dcbb9e9d.pth"
    assert weights.sources[0].advice == "download https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
