"""From uint8 pictures to what Pillow and OpenCV want, and back to the contract: uint8 H×W×C."""

from typing import Any, TypeVar

import cv2
import numpy as np
from PIL import Image

from bench_core.degradation import Array
from bench_core.errors import CellFailure

Floats = np.ndarray[tuple[int, ...], np.dtype[np.floating]]
Samples = TypeVar("Samples", bound=np.dtype[Any])

OPENCV_SIDE = 32766
"""The longest side that OpenCV's warps take: they hold coordinates in 16 bits."""


def to_uint8(values: Floats) -> Array:
    """Clip to 0..255 and round, halves to even: in one pass of OpenCV, where numpy needs three."""
    return np.asarray(cv2.addWeighted(values, 1, values, 0, 0, dtype=cv2.CV_8U), dtype=np.uint8).reshape(values.shape)


def to_picture(image: Array) -> Image.Image:
    """A Pillow picture, mode L or RGB."""
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def to_array(picture: Image.Image) -> Array:
    """A new H×W×C array of a Pillow picture of mode L or RGB."""
    return with_channels(np.array(picture))


def with_channels(pixels: np.ndarray[Any, Samples]) -> np.ndarray[Any, Samples]:
    """H×W×C of what a library returned: most drop a single channel's axis."""
    return pixels[..., None] if pixels.ndim == 2 else pixels


def look_up(table: Array, image: Array) -> Array:
    """Every sample replaced by `table`'s entry for it; four times as fast as an index in numpy."""
    return with_channels(np.asarray(cv2.LUT(np.ascontiguousarray(image), table), dtype=np.uint8))


def check_side(name: str, image: Array, longest: int) -> None:
    """Refuse a picture with a side beyond what a format or library can hold.

    Raises:
        CellFailure: `skipped_unsupported`, with both sizes.
    """
    height, width = image.shape[:2]
    if max(height, width) > longest:
        reason = f"{name} allows {longest} pixels a side; this picture is {width}x{height}"
        raise CellFailure("skipped_unsupported", reason)
