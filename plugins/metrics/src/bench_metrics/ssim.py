"""Structural similarity."""

from typing import Any

from bench_core.errors import CellFailure
from bench_core.images import luminance
from bench_core.metric import Array, Metric, Score
from bench_metrics.structure import WINDOW, Floats, Moments, reference_moments, similarity


def planes(image: Array) -> Floats:
    """A picture as OpenCV's filters want it: H×W×3, or H×W for a gray one."""
    return image[:, :, 0] if image.shape[2] == 1 else image


def require_side(image: Array, least: int, name: str) -> None:
    """Raise CellFailure(`skipped_unsupported`, `too_small: …`) for a picture with a side below `least` pixels."""
    height, width = image.shape[:2]
    if min(height, width) < least:
        raise CellFailure("skipped_unsupported", f"too_small: {name} needs {least} pixels a side, not {width}×{height}")


class Ssim(Metric):
    """Mean SSIM of Wang, Bovik, Sheikh and Simoncelli 2004 (eq. 13), of R, G and B and then their mean.

    11×11 Gaussian window of σ = 1.5 that sums to 1, K1 = 0.01, K2 = 0.03, L = 255, population (not sample)
    covariance, windows inside the picture only, no downsampling first, negative values kept. scikit-image gives
    the same with `gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255`, within 1e-6
    (`exact=True`, which computes in float64: 1e-12). At most 1; 1 for identical pictures. A gray picture stays gray.
    """

    name = "ssim"
    worst = 0.0

    def __init__(self, exact: bool = False) -> None:
        self._dtype = "float64" if exact else "float32"

    def prepare(self, reference: Array) -> Moments:
        """The reference's local means and variances; CellFailure for a side below 11 pixels."""
        require_side(reference, WINDOW, self.name)
        return reference_moments(planes(self._convert(reference)), self._dtype)

    def measure(self, estimate: Array, prepared: Any) -> Score:
        """Score a uint8 H×W×C picture."""
        ssim, _ = similarity(planes(self._convert(estimate)), prepared)
        return Score(float(ssim.mean()))

    def _convert(self, image: Array) -> Array:
        return image


class SsimY(Ssim):
    """SSIM, as `Ssim`, of full-range BT.601 luma rounded to 8 bits; what pyiqa calls `ssim`."""

    name = "ssim_y"

    def _convert(self, image: Array) -> Array:
        return luminance(image)
