"""SSIM as SCGAN's evaluation computes it, for comparing with the tables of its paper."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from bench_core.metric import Array, Metric, Score
from bench_metrics.ssim import planes, require_side

Floats = np.ndarray[Any, np.dtype[np.float64]]

WINDOW = 7
RANGE = 2 * 255
"""What scikit-image took for the range of values of float pictures, -1 to 1; in 8-bit units."""

_C1, _C2 = (0.01 * RANGE) ** 2, (0.03 * RANGE) ** 2
_SAMPLE = WINDOW**2 / (WINDOW**2 - 1)


@dataclass(frozen=True)
class _Reference:
    picture: Floats
    mean: Floats
    variance: Floats


class SsimScgan(Metric):
    """SSIM with a uniform 7×7 window, sample covariance and a data range of 2 on values in [0, 1]; mean of R, G, B.

    Wang et al. 2004 (eq. 13), K1 = 0.01, K2 = 0.03, windows inside the picture only: what scikit-image's
    `compare_ssim(multichannel=True)` made of float pictures, and `structural_similarity(data_range=2, channel_axis=2)`
    still does. The range is twice that of the values, so that the figure is higher than with 1 on photos: it is good
    for comparing with SCGAN's tables, and `ssim` for all else. 1 for identical pictures.
    """

    name = "ssim_scgan"
    worst = 0.0

    def prepare(self, reference: Array) -> _Reference:
        """The reference's local means and variances; CellFailure for a side below 7 pixels."""
        require_side(reference, WINDOW, self.name)
        picture = planes(reference).astype(np.float64)
        mean = _local(picture)
        return _Reference(picture, mean, _SAMPLE * (_local(picture * picture) - mean * mean))

    def measure(self, estimate: Array, prepared: _Reference) -> Score:
        """Score a uint8 H×W×C picture."""
        picture = planes(estimate).astype(np.float64)
        mean = _local(picture)
        variance = _SAMPLE * (_local(picture * picture) - mean * mean)
        covariance = _SAMPLE * (_local(picture * prepared.picture) - mean * prepared.mean)
        similar = (2 * mean * prepared.mean + _C1) * (2 * covariance + _C2)
        similar /= (mean**2 + prepared.mean**2 + _C1) * (variance + prepared.variance + _C2)
        return Score(float(similar.mean()))


def _local(values: Floats) -> Floats:
    """The mean in each window that is inside the picture."""
    half = WINDOW // 2
    means = np.asarray(cv2.blur(values, (WINDOW, WINDOW)), np.float64)
    return means[half:-half, half:-half]
