"""Blurs that a camera makes: moving while the shutter is open, or out of focus."""

import cv2
import numpy as np

from bench_core.degradation import Array, Degradation, Received
from bench_core.params import Param
from bench_degradations.arrays import with_channels

Kernel = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


def _convolve(image: Array, kernel: Kernel) -> Array:
    """Correlate each channel with `kernel`, whose sum is 1; borders reflected, result rounded."""
    found = cv2.filter2D(np.ascontiguousarray(image), -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    return with_channels(np.asarray(found, dtype=np.uint8))


def line(length: int, degrees: float, sigma: float = 0.0) -> Kernel:
    """A line of `length` taps one pixel apart, at an angle counterclockwise from the right; its sum is 1.

    With `sigma` 0 the taps weigh the same and lie about the middle. Otherwise they begin at the middle and fall off
    as exp(-i² / (2 sigma²)), which is ImageMagick's motion blur. A tap between pixels is shared out bilinearly.
    """
    steps = np.arange(length, dtype=np.float64)
    weights = np.exp(-(steps**2) / (2 * sigma**2)) if sigma else np.ones(length)
    if not sigma:
        steps -= (length - 1) / 2
    angle = np.deg2rad(degrees)
    reach = int(np.ceil(np.abs(steps).max())) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    # Rounded, so that sin(180°) = 1e-16 does not leave dust in the next row.
    x = np.round(reach + steps * np.cos(angle), 9)
    y = np.round(reach - steps * np.sin(angle), 9)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    for right in (0, 1):
        for below in (0, 1):
            share = np.abs(1 - right - (x - left)) * np.abs(1 - below - (y - top))
            inside = share > 0
            np.add.at(kernel, (top[inside] + below, left[inside] + right), (weights * share)[inside])
    # No wider than it must be, and square, so that the middle stays the middle.
    used = np.flatnonzero(kernel.any(axis=0) | kernel.any(axis=1))
    margin = int(min(used[0], 2 * reach - used[-1]))
    kernel = kernel[margin : 2 * reach + 1 - margin, margin : 2 * reach + 1 - margin]
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)


def disk(radius: float, alias: float) -> Kernel:
    """ImageNet-C's disk: pixels whose middles lie within `radius`, softened by a small Gaussian; its sum is 1.

    The Gaussian has 3 × 3 taps up to radius 8 and 5 × 5 beyond, of deviation `alias` pixels.
    """
    reach = max(8, int(radius))
    axis = np.arange(-reach, reach + 1)
    inside = (axis[:, None] ** 2 + axis[None, :] ** 2 <= radius**2).astype(np.float32)
    taps = 3 if radius <= 8 else 5
    soft = np.asarray(cv2.GaussianBlur(inside, (taps, taps), alias)) if alias else inside
    rim = int(np.argmax(soft.any(axis=1)))  # zeros cost as much as other taps
    soft = soft[rim : len(soft) - rim, rim : len(soft) - rim]
    return np.asarray(soft / soft.sum(), dtype=np.float32)


class Motion(Degradation):
    """The camera moves along a line while the shutter is open."""

    name = "motion"
    stochastic = True
    params = (
        Param("length", int, 1, 201, example="motion:9", help="taps of the line, one pixel apart"),
        Param("angle", float, -180, 180, default=0.0, help="degrees counterclockwise from the right"),
        Param("spread", float, 0, 180, default=0.0, help="the angle is drawn from angle - spread to angle + spread"),
        Param(
            "sigma",
            float,
            0,
            100,
            default=0.0,
            help="0: all taps weigh the same; above: they fall off to one side as a Gaussian (ImageMagick, ImageNet-C)",
        ),
    )

    def setup(self) -> None:
        """Make the kernel, where none is drawn."""
        # The class's answer is for the general case; a fixed angle draws nothing, and need not be repeated.
        self.stochastic = bool(self.values["spread"])
        self.kernel = self._kernel(float(self.values["angle"]))

    def _kernel(self, angle: float) -> Kernel:
        return line(int(self.values["length"]), angle, float(self.values["sigma"]))

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Blur along the line; the details tell the `angle` that was drawn."""
        spread = float(self.values["spread"])
        if not spread:
            return Received(_convolve(image, self.kernel))
        angle = float(self.values["angle"]) + float(rng.uniform(-spread, spread))
        return Received(_convolve(image, self._kernel(angle)), {"angle": angle})


class Defocus(Degradation):
    """Out of focus: every point becomes a disk."""

    name = "defocus"
    params = (
        Param("radius", float, 0, 60, example="defocus:4", help="of the disk, in pixels"),
        Param("alias", float, 0, 5, default=0.5, help="deviation of the Gaussian that softens its edge, in pixels"),
    )

    def setup(self) -> None:
        """Make the kernel."""
        self.kernel = disk(float(self.values["radius"]), float(self.values["alias"]))

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Blur; a radius of 0 changes nothing."""
        return Received(_convolve(image, self.kernel) if self.values["radius"] else image.copy())
