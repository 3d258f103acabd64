"""`scgan` as a method (specification §1, properties 2, 3 and 12)."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

from bench_core.errors import MissingWeights, RequestError
from bench_core.images import luminance
from bench_core.model import Condition
from bench_core.nn.lab import lightness, rgb_to_lab
from bench_scgan.config import NetworkConfig, TrainingConfig
from bench_scgan.method import Scgan
from bench_scgan.networks import Generator
from bench_scgan.views import resized, to_range, to_unit
from bench_scgan.weights import SHIPPED, load_weights, save_weights

Tiny = Callable[..., tuple[NetworkConfig, TrainingConfig]]
MODES = ("resize", "resize_rgb", "pad")


@pytest.fixture
def weights(tiny: Tiny, tmp_path: Path) -> Callable[..., Path]:
    def make(*overrides: str) -> Path:
        torch.manual_seed(0)
        network = Generator(tiny(*overrides)[0], "default")
        path = tmp_path / "weights.safetensors"
        save_weights(path, network, {})
        return path

    return make


@pytest.fixture
def gray() -> Tensor:
    photo = luminance(data.astronaut()[:91, 200:237])
    return torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 255


def decode(path: Path, received: Tensor, **settings: str) -> dict[str, Tensor]:
    with torch.inference_mode():
        return Scgan(settings, path, "cpu").decode(received, Condition())


@pytest.mark.parametrize("infer", MODES)
@pytest.mark.parametrize("size", [(1, 1), (37, 91), (255, 257)])
def test_any_size_is_taken(weights: Callable[..., Path], infer: str, size: tuple[int, int]) -> None:
    found = decode(weights(), torch.rand(2, 1, *size), infer=infer)
    assert {name: value.shape for name, value in found.items()} == {"color": (2, 3, *size), "saliency": (2, 1, *size)}
    for value in found.values():
        assert torch.isfinite(value).all()
        assert value.min() >= 0
        assert value.max() <= 1


def test_a_shallow_network_takes_a_single_pixel(weights: Callable[..., Path]) -> None:
    path = weights("depth=1", "global_encoder=off", "attention=off", "gan=none")
    assert decode(path, torch.rand(1, 1, 1, 1), infer="pad")["color"].shape == (1, 3, 1, 1)


@pytest.mark.parametrize("infer", ["resize", "pad"])
def test_the_pictures_own_luminance_is_kept(weights: Callable[..., Path], gray: Tensor, infer: str) -> None:
    color = decode(weights(), gray, infer=infer)["color"]
    inside = ((color > 1e-4) & (color < 1 - 1e-4)).all(dim=1, keepdim=True)  # the gamut cut nothing off
    assert inside.float().mean() > 0.5
    error = (rgb_to_lab(color)[:, :1] - lightness(gray)).abs()[inside]
    assert error.max() < 0.01
    assert rgb_to_lab(color)[:, 1:].abs().max() > 0.1  # there is color


def test_resize_rgb_is_the_public_codes(weights: Callable[..., Path], gray: Tensor) -> None:
    path = weights()
    network = load_weights(path).network
    with torch.no_grad():
        raw = network(to_range(resized(gray, network.config), network.config))[0]
    small = torch.floor(to_unit(raw, network.config).clamp(0, 1) * 255) / 255
    expected = torch.nn.functional.interpolate(small, gray.shape[-2:], mode="bilinear", align_corners=False)
    assert torch.equal(decode(path, gray, infer="resize_rgb")["color"], expected)


def test_pad_and_resize_agree_where_nothing_is_fitted(weights: Callable[..., Path]) -> None:
    received = torch.rand(1, 1, 64, 64).mul(255).round() / 255
    path = weights()
    resize, pad = (decode(path, received, infer=infer) for infer in ("resize", "pad"))
    assert all(torch.allclose(resize[name], pad[name], atol=1e-6) for name in resize)


def test_batch_statistics_are_those_of_each_picture_alone(weights: Callable[..., Path], gray: Tensor) -> None:
    path = weights()
    pictures = torch.cat([gray, 1 - gray])
    together = decode(path, pictures, bn_mode_at_test="batch")["color"]
    alone = [decode(path, picture, bn_mode_at_test="batch")["color"] for picture in torch.split(pictures, 1)]
    assert torch.allclose(together, torch.cat(alone), atol=1e-6)
    assert not torch.allclose(together, decode(path, pictures)["color"], atol=1e-3)
    model = Scgan({"bn_mode_at_test": "batch"}, path, "cpu")
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    with torch.inference_mode():
        model.decode(gray, Condition())
    assert all(torch.equal(value, before[name]) for name, value in model.network.state_dict().items())


def test_weights_without_a_branch_return_the_color_alone(weights: Callable[..., Path], gray: Tensor) -> None:
    path = weights("attention=off")
    assert set(decode(path, gray)) == {"color"}
    assert Scgan({}, path, "cpu").returned() == ("color",)
    assert Scgan({}, weights(), "cpu").returned() == ("color", "saliency")


@pytest.mark.parametrize("overrides", [(), ("sn_g=on",), ("range=unit", "antialias=off", "global_encoder=off")])
def test_weights_rebuild_the_network(weights: Callable[..., Path], tiny: Tiny, overrides: tuple[str, ...]) -> None:
    loaded = load_weights(weights(*overrides))
    assert loaded.network.config == tiny(*overrides)[0]
    torch.manual_seed(0)
    original = Generator(tiny(*overrides)[0], "default").eval()
    gray = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        assert torch.allclose(loaded.network(gray)[0], original(gray)[0], atol=1e-6)


def test_missing_and_foreign_weights_are_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scgan, "default_weights", tmp_path / SHIPPED.name)
    with pytest.raises(MissingWeights, match="bench train scgan"):
        Scgan({}, None, "cpu")
    (tmp_path / "other.safetensors").write_bytes(b"none")
    with pytest.raises(RequestError, match=r"other\.safetensors"):
        Scgan({}, tmp_path / "other.safetensors", "cpu")


def test_resizing_without_antialias_is_opencvs(tiny: Tiny) -> None:
    import cv2

    photo = data.chelsea()[:150, :211]
    expected = cv2.resize(photo, (64, 64)).astype(int)
    tensor = torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 255
    found = resized(tensor, tiny("antialias=off")[0])[0].mul(255).round().int().permute(1, 2, 0).numpy()
    assert np.abs(found - expected).max() <= 1
    smooth = resized(tensor, tiny()[0])[0].mul(255).round().int().permute(1, 2, 0).numpy()
    assert np.abs(smooth - expected).max() > 10
