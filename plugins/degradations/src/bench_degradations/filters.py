"""Filters with borders reflected about the outermost pixel (OpenCV's REFLECT_101)."""

import math

import cv2
import numpy as np

from bench_core.degradation import Array, Degradation, Received
from bench_core.errors import RequestError
from bench_core.params import Param
from bench_degradations.arrays import Floats, to_uint8, with_channels

_BORDER = cv2.BORDER_REFLECT_101


def _require_odd(size: int, name: str) -> None:
    """Refuse an even size: its window has no middle pixel, and would move the picture by half of one.

    Raises:
        RequestError: for an even size.
    """
    if size % 2 == 0:
        raise RequestError(f"size must be odd, e.g. {name}:{size - 1}")


def _gaussian(image: Array, sigma: float) -> Floats:
    """Blurred with a kernel of 2 ceil(3 sigma) + 1 samples, float32.

    OpenCV's GaussianBlur keeps 8 bits of a uint8 picture's kernel: up to 1.2 levels off, and slower than floats are.
    """
    kernel = cv2.getGaussianKernel(2 * math.ceil(3 * sigma) + 1, sigma, cv2.CV_32F)
    blurred = cv2.sepFilter2D(np.ascontiguousarray(image), cv2.CV_32F, kernel, kernel, borderType=_BORDER)
    return with_channels(np.asarray(blurred, dtype=np.float32))


class Blur(Degradation):
    """Gaussian blur; the kernel is 2 ceil(3 sigma) + 1 samples wide."""

    name = "blur"
    params = (Param("sigma", float, 0, 100, example="blur:2", help="standard deviation in pixels"),)

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Blur."""
        sigma = float(self.values["sigma"])
        return Received(to_uint8(_gaussian(image, sigma)) if sigma else image.copy())


class Median(Degradation):
    """The true median of size × size samples, channel by channel; borders repeat the outermost pixel."""

    name = "median"
    params = (Param("size", int, 3, 21, example="median:5", help="side of the window in pixels, odd"),)

    def setup(self) -> None:
        """Check the size."""
        _require_odd(int(self.values["size"]), self.name)

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Take medians."""
        found = cv2.medianBlur(np.ascontiguousarray(image), int(self.values["size"]))
        return Received(with_channels(np.asarray(found, dtype=np.uint8)))


class Box(Degradation):
    """The mean of size × size samples, channel by channel."""

    name = "box"
    params = (Param("size", int, 1, 101, example="box:5", help="side of the window in pixels, odd"),)

    def setup(self) -> None:
        """Check the size."""
        _require_odd(int(self.values["size"]), self.name)

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Take means."""
        size = int(self.values["size"])
        found = cv2.blur(np.ascontiguousarray(image), (size, size), borderType=_BORDER)
        return Received(with_channels(np.asarray(found, dtype=np.uint8)))


class Sharpen(Degradation):
    """Unsharp masking: `y = x + amount (x - G x)`, G a Gaussian blur of `sigma`; then clip and round."""

    name = "sharpen"
    params = (
        Param("amount", float, 0, 20, example="sharpen:1", help="how much of the detail is added once more"),
        Param("sigma", float, 0.1, 20, default=1.0, help="deviation of the blur that tells detail, in pixels"),
    )

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Add detail."""
        amount = float(self.values["amount"])
        blurred = _gaussian(image, float(self.values["sigma"]))
        blurred *= np.float32(-amount)
        blurred += np.float32(1 + amount) * image
        return Received(to_uint8(blurred))
