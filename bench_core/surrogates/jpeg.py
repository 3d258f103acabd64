"""JPEG on tensors: everything of a baseline codec but the entropy coding, which changes no pixel.

Each step is libjpeg's (version 6b, and libjpeg-turbo): its tables, its way to pad, to average chroma, to smooth the
chroma that it enlarges. What is left is that its DCT is one of integers, which moves a few coefficients by one step.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from bench_core.nn.padding import crop_to, pad_to
from bench_core.surrogates.dct import analyze, synthesize
from bench_core.surrogates.precision import for_each, full_precision
from bench_core.surrogates.rounding import Rounding, round8, ste, straight_through
from bench_core.surrogates.ycbcr import to_rgb, to_ycbcr

Tables = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

SUBSAMPLING = {"444": (1, 1), "422": (1, 2), "420": (2, 2)}
"""Rows and columns of luma for one sample of chroma."""

# ITU-T T.81, Annex K.1 and K.2: row = vertical frequency. DiffJPEG and its relatives have the transpose.
_LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56), (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
_CHROMA = (
    (17, 18, 24, 47), (18, 21, 26, 66), (24, 26, 56, 99), (47, 66, 99, 99),
)  # fmt: skip


def quantization_tables(quality: int) -> Tables:
    """The luma and chroma tables of libjpeg at `quality` 1..100 (baseline: steps 1..255), int64 2×8×8.

    Raises:
        ValueError: for a quality out of bounds.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"a JPEG quality is an integer from 1 to 100, not {quality}")
    chroma = np.full((8, 8), 99)
    chroma[:4, :4] = _CHROMA
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    tables: Tables = np.clip((np.stack((np.array(_LUMA), chroma)) * scale + 50) // 100, 1, 255)
    return tables


@full_precision
def simulate_jpeg(
    images: Tensor,
    quality: int | Sequence[int],
    *,
    subsampling: str = "420",
    rounding: Rounding = ste,
    exact: bool = False,
) -> Tensor:
    """Pictures N×C×H×W in [0, 1] through JPEG, each at its own quality if there is one for each; clipped to [0, 1].

    Args:
        images: gray ones (C = 1) have no chroma, as in mode L of the codec.
        quality: libjpeg's, 1..100.
        subsampling: of chroma: `420`, `422` or `444`.
        rounding: what the quantizer does with coefficients (`bench_core.surrogates.rounding`).
        exact: round planes to 8 bits wherever libjpeg does, the pictures before and after among them. Without it the
            result is smoother than any file can be. These roundings have gradient 1.

    The gradient is that of the same steps without rounding times that of `rounding`; 0 where the result is clipped.
    """
    if subsampling not in SUBSAMPLING:
        raise ValueError(f"unknown subsampling {subsampling!r}; known: {', '.join(SUBSAMPLING)}")
    qualities = for_each(quality, images, "qualities")
    tables = torch.from_numpy(np.stack([quantization_tables(q) for q in qualities])).to(images)
    levels = (round8(images) if exact else images) * 255
    if images.shape[1] == 1:
        return _clip(_code(levels - 128, tables[:, :1], rounding, exact) + 128, exact)
    planes = to_ycbcr(levels)
    luma, chroma = planes[:, :1] - 128, planes[:, 1:]
    if exact:
        luma, chroma = ste(luma), ste(chroma)
    luma = _code(luma, tables[:, :1], rounding, exact) + 128
    chroma = _chroma(chroma, SUBSAMPLING[subsampling], tables[:, 1:], rounding, exact)
    return _clip(to_rgb(torch.cat((luma, chroma), dim=1)), exact)


def _chroma(planes: Tensor, factors: tuple[int, int], tables: Tensor, rounding: Rounding, exact: bool) -> Tensor:
    down, right = factors
    # Columns are repeated before chroma is averaged, rows only to complete a pair: the rest of the block repeats
    # what was averaged.
    averaged = F.avg_pool2d(pad_to(planes, down, 8 * right), factors)
    if exact and right == 2:
        # libjpeg has no time for a fair coin: halves go down and up in turn.
        bias = planes.new_tensor((1.0, 2.0) if down == 2 else (0.0, 1.0)).repeat(averaged.shape[-1] // 2)
        averaged = straight_through(torch.floor(averaged.detach() + bias / (down * right)), averaged)
    coded = _code(averaged, tables, rounding, exact)
    height, width = (-(-side // factor) for side, factor in zip(planes.shape[-2:], factors, strict=True))
    coded = coded[..., :height, :width]
    if right == 1:
        return coded
    # Bilinear is libjpeg's "fancy" triangle filter: ¾ of the nearer and ¼ of the farther sample along each axis.
    enlarged = F.interpolate(coded, scale_factor=(float(down), float(right)), mode="bilinear", align_corners=False)
    if exact:
        bias = planes.new_tensor((8.0, 7.0) if down == 2 else (4.0, 8.0)).repeat(width) / 16
        enlarged = straight_through(torch.floor(enlarged.detach() + bias), enlarged)
    return crop_to(enlarged, planes)


def _code(planes: Tensor, tables: Tensor, rounding: Rounding, exact: bool) -> Tensor:
    """Planes around 0 on the scale of levels through DCT, quantizer and back; tables N×1×8×8."""
    steps = tables[:, :, None, None]
    coefficients = analyze(pad_to(planes, 8))
    if exact:
        # libjpeg's transform gives whole eighths, so that a coefficient half-way between two steps is not rare.
        coefficients = straight_through(torch.floor(coefficients.detach() * 8 + 0.5) / 8, coefficients)
    coded = crop_to(synthesize(rounding(coefficients / steps) * steps), planes)
    return straight_through(torch.floor(coded.detach() + 0.5).clamp(-128, 127), coded) if exact else coded


def _clip(levels: Tensor, exact: bool) -> Tensor:
    return ((ste(levels) if exact else levels) / 255).clamp(0, 1)
