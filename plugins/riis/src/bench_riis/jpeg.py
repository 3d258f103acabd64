"""A JPEG that gradients pass through: everything of baseline 4:2:0 JPEG but the entropy coding, on tensors.

Pictures N×3×H×W in [0, 1]. The quantiser's rounding is one of three: `fourier` (a truncated Fourier series, RIIS
after Invertible-ISP), `cubic` (round(x) + (x − round(x))³, Shin and Song 2017) or `ste` (hard, gradient 1).
"""

import math
from collections.abc import Callable, Sequence
from functools import cache, partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Tables = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

# ITU-T T.81, Annex K.1 and K.2: row = vertical frequency.
_LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56), (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
_CHROMA = (
    (17, 18, 24, 47), (18, 21, 26, 66), (24, 26, 56, 99), (47, 66, 99, 99),
)  # fmt: skip

# JFIF: full-range BT.601.
_TO_YCBCR = ((0.299, 0.587, 0.114), (-0.168735892, -0.331264108, 0.5), (0.5, -0.418687589, -0.081312411))


def quantization_tables(quality: int) -> Tables:
    """The luma and chroma tables of libjpeg at `quality` 1..100, int64 2×8×8."""
    chroma = np.full((8, 8), 99)
    chroma[:4, :4] = _CHROMA
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    tables: Tables = np.clip((np.stack((np.array(_LUMA), chroma)) * scale + 50) // 100, 1, 255)
    return tables


def fourier_round(x: Tensor, terms: int) -> Tensor:
    """The Fourier rounding x − (1/π)·Σ_{k=1..terms} ((−1)^{k+1}/k)·sin(2πkx)."""
    total = torch.zeros_like(x)
    for k in range(1, terms + 1):
        total = total + ((-1) ** (k + 1) / k) * torch.sin(2 * math.pi * k * x)
    return x - total / math.pi


def cubic_round(x: Tensor) -> Tensor:
    """The cubic rounding round(x) + (x − round(x))³."""
    nearest = x.round().detach()
    return nearest + (x - nearest) ** 3


def hard_round(x: Tensor) -> Tensor:
    """Rounding with gradient 1."""
    return x + (x.round() - x).detach()


def rounding(name: str, terms: int = 10) -> Callable[[Tensor], Tensor]:
    """The rounding of a name: `fourier`, `cubic` or `ste`."""
    if name == "fourier":
        return partial(fourier_round, terms=terms)
    return {"cubic": cubic_round, "ste": hard_round}[name]


@cache
def _dct() -> Tensor:
    """The orthonormal 8×8 DCT-II matrix."""
    k, n = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    matrix = torch.cos(math.pi * (2 * n + 1) * k / 16) / 2
    matrix[0] /= math.sqrt(2)
    return matrix


def _quantize(plane: Tensor, table: Tensor, round_: Callable[[Tensor], Tensor]) -> Tensor:
    """N×C×h×w on 0..255 (h, w multiples of 8) through DCT, quantiser and back; table N×8×8."""
    n, c, h, w = plane.shape
    dct = _dct().to(plane)
    blocks = (plane - 128).reshape(n, c, h // 8, 8, w // 8, 8).transpose(3, 4)
    step = table.to(plane)[:, None, None, None]
    blocks = dct.T @ (round_(dct @ blocks @ dct.T / step) * step) @ dct
    return blocks.transpose(3, 4).reshape(n, c, h, w) + 128


def simulate_jpeg(images: Tensor, qualities: Sequence[int], round_: Callable[[Tensor], Tensor]) -> Tensor:
    """Each picture through JPEG at its own quality. Sides that are no multiple of 16 are padded and cropped again."""
    height, width = images.shape[-2:]
    padded = F.pad(images * 255, (0, -width % 16, 0, -height % 16), mode="replicate")
    matrix = torch.tensor(_TO_YCBCR).to(padded)
    ycc = torch.einsum("ij,njhw->nihw", matrix, padded)
    luma, chroma = ycc[:, :1], F.avg_pool2d(ycc[:, 1:] + 128, 2)
    tables = torch.from_numpy(np.stack([quantization_tables(quality) for quality in qualities])).to(padded)
    luma = _quantize(luma, tables[:, 0], round_)
    chroma = _quantize(chroma, tables[:, 1], round_) - 128
    ycc = torch.cat((luma, F.interpolate(chroma, scale_factor=2, mode="nearest")), dim=1)
    decoded = torch.einsum("ij,njhw->nihw", torch.linalg.inv(matrix.cpu().double()).to(padded), ycc)
    return decoded[..., :height, :width] / 255
