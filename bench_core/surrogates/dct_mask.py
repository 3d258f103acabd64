"""The zig-zag mask: an 8×8 DCT of which only the first k coefficients are kept (HiDDeN 2018, JRIG 2021).

It removes high frequencies and never quantizes low ones. An error as large as JPEG's, but of another structure: so
it is called a mask, not JPEG.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor

from bench_core.nn.padding import crop_to, pad_to
from bench_core.surrogates.dct import analyze, synthesize
from bench_core.surrogates.precision import for_each, full_precision
from bench_core.surrogates.ycbcr import to_rgb, to_ycbcr

ZIGZAG: tuple[int, ...] = tuple(
    8 * row + column
    for _, _, row, column in sorted(
        (row + column, row if (row + column) % 2 else column, row, column) for row in range(8) for column in range(8)
    )
)
"""Raster index (8·row + column, row = vertical frequency) of each coefficient in zig-zag order (ITU-T T.81, Fig. 5)."""


@cache
def _ranks() -> Tensor:
    ranks = torch.empty(64, dtype=torch.int64)
    ranks[list(ZIGZAG)] = torch.arange(64)
    return ranks.reshape(8, 8)


def mask(keep: int) -> Tensor:
    """8×8, 1 for the first `keep` coefficients in zig-zag order and 0 for the others; `keep` from 1 to 64."""
    if not 1 <= keep <= 64:
        raise ValueError(f"a mask keeps 1 to 64 coefficients, not {keep}")
    return (_ranks() < keep).float()


def draw_keep(count: int, rng: np.random.Generator, low: int = 32, high: int = 64) -> list[int]:
    """How many coefficients each picture of a batch keeps: uniform integers, both ends included (JRIG: 32 to 64)."""
    return [int(k) for k in rng.integers(low, high + 1, count)]


@full_precision
def dct_mask(images: Tensor, keep: int | Sequence[int]) -> Tensor:
    """Each picture with its first `keep` coefficients, all channels alike; the result is not clipped.

    Linear, an orthogonal projection, and its own gradient (where no side is padded). 64 keeps the picture itself.
    """
    counts = for_each(keep, images, "numbers of coefficients")
    return _masked(images, torch.stack([mask(k) for k in counts])[:, None])


@full_precision
def hidden_mask(images: Tensor, luma: int = 25, chroma: int = 9) -> Tensor:
    """HiDDeN's layer: `luma` coefficients of Y and `chroma` of both chroma channels; a gray picture has Y alone.

    Pads by repeating the edge, where HiDDeN pads with zeros, which darkens the border. HiDDeN's U and V are multiples
    of Cb and Cr, and a mask is linear: the result is the same.
    """
    if images.shape[1] == 1:
        return dct_mask(images, luma)
    masks = torch.stack([mask(luma), mask(chroma), mask(chroma)])[None]
    return to_rgb(_masked(to_ycbcr(images), masks))


def _masked(planes: Tensor, masks: Tensor) -> Tensor:
    """`masks` broadcast to N×C×8×8."""
    coefficients = analyze(pad_to(planes, 8)) * masks[:, :, None, None].to(planes)
    return crop_to(synthesize(coefficients), planes)
