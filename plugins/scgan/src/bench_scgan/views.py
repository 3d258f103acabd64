"""What the network sees: pictures at its size, their gray, and the range of its numbers."""

import torch.nn.functional as F
from torch import Tensor

from bench_core.surrogates.rounding import round8
from bench_core.surrogates.ycbcr import luminance
from bench_scgan.config import NetworkConfig


def resized(pictures: Tensor, config: NetworkConfig) -> Tensor:
    """N×C×H×W in [0, 1] at size×size, its shape not kept, rounded to 8 bits as OpenCV's files are.

    Bilinear; where a picture is made smaller, `antialias` averages all its pixels, and OpenCV's default skips some.
    """
    if pictures.shape[-2:] != (config.size, config.size):
        side = (config.size, config.size)
        pictures = F.interpolate(pictures, side, mode="bilinear", align_corners=False, antialias=config.antialias)
    return round8(pictures)


def gray_of(color: Tensor) -> Tensor:
    """The 8-bit luma N×1×H×W (BT.601) of colors N×3×H×W in [0, 1], in [0, 1]."""
    return round8(luminance(color))


def to_range(pictures: Tensor, config: NetworkConfig) -> Tensor:
    """From [0, 1] to what the network works in: [−1, 1], or the same with `range=unit`."""
    return pictures * 2 - 1 if config.range == "signed" else pictures


def to_unit(pictures: Tensor, config: NetworkConfig) -> Tensor:
    """The inverse of `to_range`. Nothing is clipped: colors of `range=unit` may be below 0."""
    return (pictures + 1) / 2 if config.range == "signed" else pictures
