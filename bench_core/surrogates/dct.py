"""The 8×8 discrete cosine transform of planes, and the padding that it needs."""

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor


@cache
def _matrix() -> Tensor:
    frequency, position = torch.meshgrid(
        torch.arange(8, dtype=torch.float64), torch.arange(8, dtype=torch.float64), indexing="ij"
    )
    matrix = torch.cos(math.pi * (2 * position + 1) * frequency / 16) / 2
    matrix[0] /= math.sqrt(2)
    return matrix


def dct_matrix(like: Tensor) -> Tensor:
    """The orthonormal DCT-II matrix 8×8, row = frequency, of `like`'s type and device."""
    return _matrix().to(like)


def pad_to(planes: Tensor, vertical: int, horizontal: int) -> Tensor:
    """N×C×H×W with the last row and column repeated until H and W are multiples of the two numbers."""
    down, right = -planes.shape[-2] % vertical, -planes.shape[-1] % horizontal
    return F.pad(planes, (0, right, 0, down), mode="replicate") if down or right else planes


def crop_to(planes: Tensor, like: Tensor) -> Tensor:
    """The top left corner of `like`'s height and width."""
    return planes[..., : like.shape[-2], : like.shape[-1]]


def analyze(planes: Tensor) -> Tensor:
    """Coefficients N×C×H/8×W/8×8×8 (vertical, then horizontal frequency) of planes whose sides are multiples of 8."""
    n, c, h, w = planes.shape
    dct = dct_matrix(planes)
    blocks = planes.reshape(n, c, h // 8, 8, w // 8, 8).transpose(3, 4)
    return dct @ blocks @ dct.T


def synthesize(coefficients: Tensor) -> Tensor:
    """The planes of coefficients: the inverse of `analyze`."""
    n, c, rows, columns = coefficients.shape[:4]
    dct = dct_matrix(coefficients)
    return (dct.T @ coefficients @ dct).transpose(3, 4).reshape(n, c, 8 * rows, 8 * columns)
