"""From the network, which takes 32×32, to colors for pictures of any size."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from bench_autoencoder.config import SIDE
from bench_autoencoder.network import GRID, Autoencoder
from bench_core.nn.lab import colored, rgb_to_lab
from bench_core.nn.padding import crop_to, pad_to
from bench_core.surrogates.ycbcr import luminance

SIZES = ("thumb", "tile", "whole")

STRIDE = SIDE // 2
"""Between tiles: each pixel but those at the border is in four."""

_TILES_AT_ONCE = 128


def transfer_luma(color: Tensor, gray: Tensor, swapped: bool = False) -> Tensor:
    """`color` N×3×H×W with the luma of `gray` N×1×H×W, both in [0, 1]: the difference goes to all channels; clipped.

    `swapped` weighs red as blue and blue as red, for gray pictures that were made so.
    """
    own = luminance(color.flip(1) if swapped else color)
    return (color + gray - own).clamp(0, 1)


def area_weights(size: int, to: int) -> Tensor:
    """The to×size matrix that averages `size` pixels over `to` equal areas, parts of pixels included; float64."""
    edges = torch.arange(to + 1, dtype=torch.float64) * size / to
    pixels = torch.arange(size, dtype=torch.float64)
    covered = torch.minimum(edges[1:, None], pixels + 1) - torch.maximum(edges[:-1, None], pixels)
    return covered.clamp(min=0) * to / size


def thumb(network: Autoencoder, gray: Tensor) -> Tensor:
    """Color N×3×H×W: that of the picture averaged to 32×32, enlarged, on the input's own lightness."""
    down, across = (area_weights(side, SIDE).to(gray) for side in gray.shape[-2:])
    small = down @ gray @ across.T
    return colored(gray, rgb_to_lab(network(small))[:, 1:])


def tile(network: Autoencoder, gray: Tensor) -> Tensor:
    """Color N×3×H×W: tiles of 32×32 every 16 pixels, their a* and b* blended, on the input's own lightness.

    A tile weighs by a raised cosine of the distance to its middle. Where the last tiles do not end with the picture,
    it is padded by repetition.
    """
    padded = pad_to(gray, *(SIDE if side < SIDE else STRIDE for side in gray.shape[-2:]))
    count, _, height, width = padded.shape
    tiles = F.unfold(padded, SIDE, stride=STRIDE)  # N×1024×L
    number = tiles.shape[-1]
    pictures = tiles.transpose(1, 2).reshape(-1, 1, SIDE, SIDE)
    ab = torch.cat([rgb_to_lab(network(part))[:, 1:] for part in torch.split(pictures, _TILES_AT_ONCE)])
    window = raised_cosine().to(ab)
    weighted = (ab * window).reshape(count, number, -1).transpose(1, 2)
    weights = window.reshape(1, -1, 1).expand(1, -1, number)
    blended, total = (F.fold(value, (height, width), SIDE, stride=STRIDE) for value in (weighted, weights.contiguous()))
    return colored(gray, crop_to(blended / total, gray))


def raised_cosine() -> Tensor:
    """The weights 32×32 of a tile's pixels: above 0, and 1 in sum over tiles where four overlap; float64."""
    middle = (torch.arange(SIDE, dtype=torch.float64) + 0.5) / SIDE
    line = 0.5 - 0.5 * torch.cos(2 * math.pi * middle)
    return line[:, None] * line


def whole(network: Autoencoder, gray: Tensor) -> Tensor:
    """Color N×3×H×W of a network without bottleneck, its very output; padded to multiples of 8 by repetition."""
    return crop_to(network(pad_to(gray, GRID)), gray)


def colorize(network: Autoencoder, gray: Tensor, sizes: str, luma_transfer: bool) -> Tensor:
    """Color N×3×H×W of gray N×1×H×W, both in [0, 1].

    At 32×32, and for `sizes` `whole`, it is the network's output, with the input's luma if `luma_transfer`; of other
    sizes by `thumb` or `tile`, which have the input's lightness anyway.
    """
    if sizes == "whole" or gray.shape[-2:] == (SIDE, SIDE):
        color = whole(network, gray)
        return transfer_luma(color, gray) if luma_transfer else color
    return thumb(network, gray) if sizes == "thumb" else tile(network, gray)
