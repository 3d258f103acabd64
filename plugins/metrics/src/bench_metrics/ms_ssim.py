"""Multi-scale structural similarity."""

from typing import Any

import cv2
import numpy as np

from bench_core.images import luminance
from bench_core.metric import Array, Metric, Score
from bench_metrics.ssim import planes, require_side
from bench_metrics.structure import WINDOW, Floats, Moments, reference_moments, similarity

WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
"""The exponents of the five scales, finest first (Wang, Simoncelli and Bovik 2003, §3.2)."""

MIN_SIDE = (WINDOW - 1) * 2 ** (len(WEIGHTS) - 1) + 1
"""161: the smallest side that leaves one window at the coarsest scale."""


def _halve(image: Floats) -> Floats:
    """The means of 2×2 blocks; an odd side gets a line of zeros first.

    That line is what pyiqa and pytorch_msssim average in, and with it the figures agree at any size.
    """
    height, width = image.shape[:2]
    if height % 2 or width % 2:
        image = cv2.copyMakeBorder(image, height % 2, 0, width % 2, 0, cv2.BORDER_CONSTANT)
        height, width = image.shape[:2]
    halved: Floats = cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return halved


def _scales(image: Array) -> list[Floats]:
    """The picture at the five scales, finest first; float32, whose 24 bits hold every one of these means exactly."""
    scales = [planes(image).astype(np.float32)]
    for _ in WEIGHTS[1:]:
        scales.append(_halve(scales[-1]))
    return scales


class MsSsim(Metric):
    """MS-SSIM of Wang, Simoncelli and Bovik 2003 (eq. 7), of R, G and B and then their mean; in 0..1.

    Five scales with the paper's exponents, `bench_core`'s SSIM settings at each, no padding of the windows; a scale's
    negative mean contrast counts as 0, for it has no real power. That is what pytorch_msssim computes; pyiqa, whose
    own `ms_ssim` takes luma (see `MsSsimY`), agrees within 5e-4 when it is told to take RGB. A gray picture stays gray.
    """

    name = "ms_ssim"
    worst = 0.0

    def prepare(self, reference: Array) -> list[Moments]:
        """The reference's local moments at each scale.

        Raises:
            CellFailure: `skipped_unsupported`, for a side below 161 pixels.
        """
        require_side(reference, MIN_SIDE, self.name)
        return [reference_moments(scale) for scale in _scales(self._convert(reference))]

    def measure(self, estimate: Array, prepared: Any) -> Score:
        """Score a uint8 H×W×C picture."""
        levels = [
            similarity(scale, moments)
            for scale, moments in zip(_scales(self._convert(estimate)), prepared, strict=True)
        ]
        factors = np.stack([*(contrast for _, contrast in levels[:-1]), levels[-1][0]])
        return Score(float(np.prod(np.maximum(factors, 0) ** WEIGHTS[:, None], axis=0).mean()))

    def _convert(self, image: Array) -> Array:
        return image


class MsSsimY(MsSsim):
    """MS-SSIM, as `MsSsim`, of full-range BT.601 luma rounded to 8 bits; what pyiqa calls `ms_ssim`."""

    name = "ms_ssim_y"

    def _convert(self, image: Array) -> Array:
        return luminance(image)
