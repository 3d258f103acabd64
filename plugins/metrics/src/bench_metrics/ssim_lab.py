"""SSIM of the three channels of CIE Lab."""

from typing import ClassVar

from bench_core.metric import Array, Metric, Score
from bench_metrics.lab import encoded
from bench_metrics.pairs import COLOR
from bench_metrics.ssim import require_side
from bench_metrics.structure import WINDOW, Moments, reference_moments, similarity


class SsimLab(Metric):
    """SSIM, with the settings of `bench_metrics.ssim.Ssim`, of one channel of CIE Lab (D65) from uint8 sRGB.

    The channel is in the 8-bit encoding of Lab without its rounding, L*·255/100, a* + 128 or b* + 128, and the data
    range is 255. Chroma is smooth, so that a* and b* score higher than their PSNR lets one expect.
    """

    worst = 0.0
    _channel: ClassVar[str]

    def prepare(self, reference: Array) -> Moments:
        """The reference's local means and variances; CellFailure for a side below 11 pixels."""
        require_side(reference, WINDOW, self.name)
        return reference_moments(encoded(reference, self._channel))

    def measure(self, estimate: Array, prepared: Moments) -> Score:
        """Score a uint8 H×W×C picture."""
        ssim, _ = similarity(encoded(estimate, self._channel), prepared)
        return Score(float(ssim.mean()))


class SsimLabL(SsimLab):
    """SSIM of L*."""

    name = "ssim_lab_l"
    _channel = "l"


class SsimLabA(SsimLab):
    """SSIM of a*."""

    name = "ssim_lab_a"
    pairs = COLOR
    _channel = "a"


class SsimLabB(SsimLab):
    """SSIM of b*."""

    name = "ssim_lab_b"
    pairs = COLOR
    _channel = "b"
