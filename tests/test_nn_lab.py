"""CIE Lab of tensors: against scikit-image, its inverse, and coloring a gray picture."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage import data
from skimage.color import rgb2lab

from bench_core.nn.lab import colored, lab_to_rgb, lightness, rgb_to_lab, within_gamut


def photo(side: int = 64) -> torch.Tensor:
    return torch.from_numpy(data.astronaut()[:side, 180 : 180 + side].copy()).permute(2, 0, 1)[None].float() / 255


def test_it_is_the_lab_of_scikit_image() -> None:
    ours = rgb_to_lab(photo().double())[0].permute(1, 2, 0).numpy()
    assert np.abs(ours - rgb2lab(photo()[0].permute(1, 2, 0).double().numpy())).max() < 1e-3


@given(st.lists(st.integers(0, 255), min_size=3, max_size=3))
def test_every_8_bit_color_comes_back(color: list[int]) -> None:
    rgb = torch.tensor(color, dtype=torch.float64)[None, :, None, None] / 255
    assert (lab_to_rgb(rgb_to_lab(rgb)) - rgb).abs().max() * 255 < 0.01


def test_lightness_is_that_of_three_equal_channels() -> None:
    gray = (torch.arange(256, dtype=torch.float64) / 255)[None, None, None]
    assert (lightness(gray) - rgb_to_lab(gray.expand(1, 3, 1, 256))[:, :1]).abs().max() < 1e-3
    assert lightness(gray).diff().min() > 0


def test_a_picture_is_colored_at_its_own_size_and_keeps_its_lightness() -> None:
    gray = photo(48).mean(dim=1, keepdim=True)
    result = colored(gray, 8 * torch.randn(1, 2, 12, 12))
    assert result.shape == (1, 3, 48, 48)
    inside = ((result > 0) & (result < 1)).all(dim=1, keepdim=True)
    assert inside.float().mean() > 0.8
    assert ((rgb_to_lab(result)[:, :1] - lightness(gray)).abs()[inside]).max() < 0.01
    assert (colored(gray, torch.zeros(1, 2, 3, 5)) - gray).abs().max() < 1e-3


@pytest.mark.parametrize(("count", "height", "width"), [(1, 107, 53), (2, 81, 24), (1, 70, 201)])
def test_a_picture_that_is_colored_in_bands_of_rows_is_the_same(
    monkeypatch: pytest.MonkeyPatch, count: int, height: int, width: int
) -> None:
    gray, ab = torch.rand(count, 1, height, width), 60 * torch.randn(count, 2, 9, 7)
    at_once = colored(gray, ab)
    sizes = []

    def joined(band: torch.Tensor) -> torch.Tensor:
        sizes.append(band[:, 0].numel())
        return lab_to_rgb(band)

    monkeypatch.setattr("bench_core.nn.lab._PIXELS_AT_ONCE", 3500)
    monkeypatch.setattr("bench_core.nn.lab.lab_to_rgb", joined)
    assert torch.equal(colored(gray, ab), at_once)
    assert len(sizes) > 1
    assert max(sizes) <= max(3500, 32 * width)


def test_colors_that_srgb_lacks_lose_chroma_and_not_lightness() -> None:
    lab = torch.stack(torch.meshgrid(torch.linspace(0, 100, 21), torch.linspace(-120, 120, 9), indexing="ij"))
    lab = torch.cat((lab, -lab[1:]))[None]
    found = within_gamut(lab)
    assert torch.equal(found[:, :1], lab[:, :1])
    assert (rgb_to_lab(lab_to_rgb(found))[:, :1] - lab[:, :1]).abs().max() < 0.1
    assert (rgb_to_lab(lab_to_rgb(lab))[:, :1] - lab[:, :1]).abs().max() > 10  # what clipping does
    share = found[:, 1] / lab[:, 1].where(lab[:, 1] != 0, torch.ones(()))
    assert share.min() >= 0
    assert share.max() <= 1
    assert torch.equal(within_gamut(rgb_to_lab(photo())), rgb_to_lab(photo()))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_gradients_are_finite_in_black_and_in_white(value: float) -> None:
    rgb = torch.full((1, 3, 2, 2), value, requires_grad=True)
    lab_to_rgb(rgb_to_lab(rgb) + torch.tensor([0.0, 1.0, -1.0])[None, :, None, None]).sum().backward()
    assert rgb.grad is not None
    assert torch.isfinite(rgb.grad).all()
