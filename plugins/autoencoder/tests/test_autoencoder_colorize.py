"""Pictures of any size: thumbnails, tiles, and the input's luma (properties 2 and 11)."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import color as skimage_color
from skimage import data
from torch import Tensor

from bench_autoencoder.colorize import area_weights, colorize, raised_cosine, thumb, tile, transfer_luma
from bench_autoencoder.config import load_preset
from bench_autoencoder.network import Autoencoder
from bench_autoencoder.pictures import to_gray
from bench_core.nn.lab import lightness, rgb_to_lab
from bench_core.photos import Pixels
from bench_core.surrogates.ycbcr import luminance


def gray_photo(height: int, width: int) -> Tensor:
    photo = data.astronaut()[40 : 40 + height, 100 : 100 + width]
    return torch.from_numpy(to_gray(photo[None], "luma")).permute(0, 3, 1, 2).float() / 255


class Constant(Autoencoder):
    """Answers one color, whatever it sees."""

    def __init__(self, *rgb: float) -> None:
        super().__init__(load_preset("tiny", ["filters=1", "latent=1"])[0])
        self.rgb = torch.tensor(rgb).reshape(1, 3, 1, 1)
        self.seen: list[Tensor] = []

    def logits(self, gray: Tensor) -> Tensor:
        self.seen.append(gray)
        return torch.logit(self.rgb.expand(len(gray), 3, *gray.shape[-2:]))


class Echo(Constant):
    """Colors by the gray value itself, so that a place can be told by its color."""

    def logits(self, gray: Tensor) -> Tensor:
        self.seen.append(gray)
        return torch.logit(torch.cat((0.4 + 0.2 * gray, 0.5 + 0 * gray, 0.6 - 0.2 * gray), dim=1))


@pytest.mark.parametrize("sizes", ["thumb", "tile"])
@torch.no_grad()
def test_the_right_size_is_the_networks_own_output(network: Autoencoder, sizes: str) -> None:
    gray = gray_photo(32, 32)
    assert torch.equal(colorize(network, gray, sizes, False), network(gray))
    assert torch.equal(colorize(network, gray, sizes, True), transfer_luma(network(gray), gray))


@given(height=st.integers(1, 70), width=st.integers(1, 70), sizes=st.sampled_from(["thumb", "tile"]))
@settings(max_examples=25, deadline=None)
@torch.no_grad()
def test_every_size_comes_back_with_the_inputs_lightness(height: int, width: int, sizes: str) -> None:
    gray = gray_photo(height, width)
    torch.manual_seed(0)
    network = Autoencoder(load_preset("tiny", ["filters=2", "latent=3"])[0]).eval()
    color = colorize(network, gray, sizes, False)
    assert color.shape == (1, 3, height, width)
    inside = ((color > 1e-4) & (color < 1 - 1e-4)).all(dim=1, keepdim=True)  # sRGB has the color: nothing was clipped
    if (height, width) != (32, 32):
        difference = (rgb_to_lab(color)[:, :1] - lightness(gray)).abs()[inside]
        assert not difference.numel() or float(difference.max()) < 0.05


@pytest.mark.parametrize("size", [32, 33, 96, 100, 20])
@torch.no_grad()
def test_a_thumbnail_is_an_average_over_equal_areas(size: int) -> None:
    weights = area_weights(size, 32)
    torch.testing.assert_close(weights.sum(1), torch.ones(32, dtype=torch.float64))
    torch.testing.assert_close(weights.sum(0), torch.full((size,), 32 / size, dtype=torch.float64))
    line = torch.rand(size, dtype=torch.float64)
    # Areas of fractions of a pixel: repeat each pixel 32 times, then average whole ones.
    torch.testing.assert_close(weights @ line, line.repeat_interleave(32).reshape(32, size).mean(1))
    network = Echo(0.5, 0.5, 0.5)
    gray = gray_photo(size, 96)
    thumb(network, gray)
    expected = (weights @ gray[0, 0].double()).reshape(32, 32, 3).mean(2)
    torch.testing.assert_close(network.seen[0][0, 0].double(), expected, rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_windows_of_tiles_add_up_to_one() -> None:
    window = raised_cosine()
    assert window.shape == (32, 32)
    assert float(window.min()) > 0
    total = window[:16, :16] + window[16:, :16] + window[:16, 16:] + window[16:, 16:]
    torch.testing.assert_close(total, torch.ones(16, 16, dtype=torch.float64))


@pytest.mark.parametrize("size", [(64, 64), (45, 90), (33, 20), (7, 100)])
@torch.no_grad()
def test_tiles_of_one_color_color_evenly(size: tuple[int, int]) -> None:
    network = Constant(0.7, 0.5, 0.4)
    gray = gray_photo(*size) * 0.2 + 0.4  # so that sRGB has the color
    color = tile(network, gray)
    ab = torch.from_numpy(skimage_color.rgb2lab(color.double().permute(0, 2, 3, 1).numpy()))[..., 1:]
    expected = skimage_color.rgb2lab(np.array([[[0.7, 0.5, 0.4]]]))[0, 0, 1:]
    assert float((ab - torch.from_numpy(expected)).abs().max()) < 0.05
    count = sum(len(part) for part in network.seen)
    height, width = (max(2, -(-side // 16)) for side in size)
    assert count == (height - 1) * (width - 1)


@torch.no_grad()
def test_tiles_lie_where_they_belong_and_blend(make: Callable[..., Autoencoder]) -> None:
    """A network that colors each pixel by itself gives the same, cut into tiles or not."""
    network = Echo(0.5, 0.5, 0.5)
    gray = 0.3 + 0.4 * gray_photo(53, 78)
    ab = rgb_to_lab(network(gray))[:, 1:]
    torch.testing.assert_close(rgb_to_lab(tile(network, gray))[:, 1:], ab, rtol=0, atol=0.05)
    # Two tiles of 32×48: the left 16 columns are the left tile's alone, and the middle ones a mixture.
    real, gray = make().eval(), gray_photo(32, 48)
    left, right = (rgb_to_lab(real(gray[..., at : at + 32]))[:, 1:] for at in (0, 16))
    found = rgb_to_lab(tile(real, gray))[:, 1:]
    share = raised_cosine()[0] / raised_cosine()[0, :16].add(raised_cosine()[0, 16:]).repeat(2)
    middle = left[..., 16:] * share[16:] + right[..., :16] * share[:16]
    expected = torch.cat((left[..., :16], middle.float(), right[..., 16:]), dim=-1)
    inside = ((tile(real, gray) > 0) & (tile(real, gray) < 1)).all(dim=1, keepdim=True).expand_as(found)
    assert float((found - expected).abs()[inside].max()) < 0.05


@torch.no_grad()
def test_without_bottleneck_the_whole_picture_is_colored_at_once(make: Callable[..., Autoencoder]) -> None:
    network = make("bottleneck=none").eval()
    gray = gray_photo(43, 50)
    color = colorize(network, gray, "whole", False)
    assert color.shape == (1, 3, 43, 50)
    padded = torch.nn.functional.pad(gray, (0, 6, 0, 5), mode="replicate")
    assert torch.equal(color, network(padded)[..., :43, :50])
    assert torch.equal(colorize(network, gray, "whole", True), transfer_luma(color, gray))


@given(seed=st.integers(0, 2**32), swapped=st.booleans())
@settings(max_examples=20, deadline=None)
def test_transferred_luma_is_the_inputs_where_nothing_is_clipped(seed: int, swapped: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    color, gray = torch.rand(1, 3, 6, 6, generator=generator), torch.rand(1, 1, 6, 6, generator=generator)
    moved = transfer_luma(color, gray, swapped)
    assert float(moved.min()) >= 0
    assert float(moved.max()) <= 1
    inside = ((moved > 0) & (moved < 1)).all(dim=1, keepdim=True)
    luma = luminance(moved.flip(1) if swapped else moved)
    torch.testing.assert_close(luma[inside], gray[inside], rtol=0, atol=1e-5)
    # What the luma says nothing of stays: the differences between channels.
    torch.testing.assert_close((moved - moved[:, :1])[inside.expand_as(moved)],
                               (color - color[:, :1])[inside.expand_as(color)], rtol=0, atol=1e-5)  # fmt: skip


@torch.no_grad()
def test_transferred_luma_lowers_the_error_of_an_untrained_network(network: Autoencoder, pictures: Pixels) -> None:
    color = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    gray = torch.from_numpy(to_gray(pictures, "luma")).permute(0, 3, 1, 2).float() / 255
    before = network(gray)
    after = transfer_luma(before, gray)
    assert float(((after - color) ** 2).mean()) < 0.5 * float(((before - color) ** 2).mean())
