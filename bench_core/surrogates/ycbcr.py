"""JFIF's YCbCr: full-range BT.601, here with chroma around 0."""

import torch
from torch import Tensor

_TO_YCBCR = ((0.299, 0.587, 0.114), (-0.168735892, -0.331264108, 0.5), (0.5, -0.418687589, -0.081312411))


def _apply(matrix: Tensor, images: Tensor) -> Tensor:
    return torch.einsum("ij,njhw->nihw", matrix.to(images), images)


def to_ycbcr(images: Tensor) -> Tensor:
    """RGB N×3×H×W on any scale as Y, Cb, Cr on the same scale; Cb and Cr are around 0."""
    return _apply(torch.tensor(_TO_YCBCR, dtype=torch.float64), images)


def luminance(images: Tensor) -> Tensor:
    """BT.601's luma N×1×H×W of RGB N×3×H×W on any scale, not rounded."""
    return torch.einsum("c,nchw->nhw", torch.tensor(_TO_YCBCR[0]).to(images), images).unsqueeze(1)


def to_rgb(images: Tensor) -> Tensor:
    """The inverse of `to_ycbcr`."""
    return _apply(torch.linalg.inv(torch.tensor(_TO_YCBCR, dtype=torch.float64)), images)
