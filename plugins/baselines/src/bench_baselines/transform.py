"""The transforms that `dct-hide` is built of: YCbCr and the cosine transform, in float64."""

from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]
Array = np.ndarray[Any, np.dtype[np.uint8]]

YCBCR: Floats = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
"""R, G, B in 0..255 to Y in 0..255 and Cb, Cr around 0 (BT.601 full range, as in JPEG: ITU-T T.871 §7)."""
RGB: Floats = np.linalg.inv(YCBCR).astype(np.float64)


def dct_matrix(size: int, rows: int | None = None) -> Floats:
    """The orthonormal DCT-II of `size` samples: its first `rows` basis vectors (default: all), rows×size."""
    frequency = np.arange(size if rows is None else rows)[:, None]
    matrix: Floats = np.cos(np.pi * (2 * np.arange(size) + 1) * frequency / (2 * size)) * np.sqrt(2 / size)
    matrix[0] /= np.sqrt(2)
    return matrix
