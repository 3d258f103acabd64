"""Single pixels or samples struck white or black."""

import cv2
import numpy as np

from bench_core.degradation import Array, Degradation, Received
from bench_core.params import Param


def _strike(image: Array, fraction: float, planes: int, rng: np.random.Generator) -> Received:
    """Set a share `fraction` of pixels (1 plane) or samples (C planes), half of them to 0 and half to 255."""
    draws = rng.random((*image.shape[:2], planes), dtype=np.float32)
    black, struck = (draws < np.float32(share) for share in (fraction / 2, fraction))
    # As masks of all bits or none: two passes over bytes, many times faster than numpy's choice by booleans.
    kept, white = (_all_bits(mask, image.shape) for mask in (~struck, struck & ~black))
    return Received((image & kept) | white)


def _all_bits(mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], shape: tuple[int, ...]) -> Array:
    """0 and 255, of the picture's shape."""
    bits = mask.view(np.uint8) * np.uint8(255)
    return bits if bits.shape == shape else np.asarray(cv2.merge([bits] * shape[2]), dtype=np.uint8)


class SaltPepper(Degradation):
    """A share `fraction` of the pixels, each with its own chance, becomes 0 or 255, half of them each."""

    name = "salt-pepper"
    stochastic = True
    params = (
        Param("fraction", float, 0, 1, example="salt-pepper:0.05", help="share that is struck"),
        Param(
            "per",
            str,
            choices=("pixel", "sample"),
            default="pixel",
            help="whether a pixel's channels are struck together (black and white) or each for itself (colored)",
        ),
    )

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Strike."""
        planes = 1 if self.values["per"] == "pixel" else image.shape[2]
        return _strike(image, float(self.values["fraction"]), planes, rng)


class Impulse(Degradation):
    """ImageNet-C's impulse noise: salt and pepper on single samples."""

    name = "impulse"
    stochastic = True
    params = (Param("fraction", float, 0, 1, example="impulse:0.06", help="share of the samples that is struck"),)

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Strike."""
        return _strike(image, float(self.values["fraction"]), image.shape[2], rng)
