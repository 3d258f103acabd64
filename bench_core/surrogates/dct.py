"""The 8×8 discrete cosine transform of planes."""

import math
from functools import cache

import torch
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
