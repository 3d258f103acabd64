"""Colors for class numbers: the palette of PASCAL VOC, in which label maps are usually shown."""

import numpy as np

from bench_core.images import Array


def voc_color(index: int) -> tuple[int, int, int]:
    """The color of a class number, RGB of 0..255: bit 3k + c of the number is bit 7 − k of channel c."""
    red, green, blue = (sum((index >> (3 * k + c) & 1) << (7 - k) for k in range(8)) for c in range(3))
    return red, green, blue


def shown_labels(labels: Array) -> Array:
    """A map of class numbers, uint8 H×W×1, as a picture to look at, uint8 H×W×3."""
    palette = np.array([voc_color(index) for index in range(256)], np.uint8)
    colors: Array = palette[labels[:, :, 0]]
    return colors
