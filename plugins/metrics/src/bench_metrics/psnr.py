"""Peak signal-to-noise ratio, in the variants that published figures are made with."""

import math
from typing import Any

import cv2
import numpy as np

from bench_core.metric import Array, Metric, Score

Floats = np.ndarray[Any, np.dtype[np.float64]]

CAP_DB = 100.0
"""What a summary averages with where a picture is identical to its reference, or nearer to it than this."""

_BT601 = np.array([0.299, 0.587, 0.114])
_FOOTROOM, _SWING = 16, 219
"""Studio range: 8-bit luma from 16 to 235."""


def decibels(mse: float) -> float:
    """10 log10(255² / MSE), of a mean squared error in 8-bit units that is not 0."""
    return 10 * math.log10(255**2 / mse)


def psnr_score(mse: float) -> Score:
    """The score of a mean squared error in 8-bit units: 10 log10(255² / MSE) dB.

    Identical pictures have no PSNR: the value is None, with details `identical` and `cap`. A value above the cap
    stays what it is, and brings the cap along for summaries. `mse` is always among the details.
    """
    if mse == 0:
        return Score(None, {"mse": 0.0, "identical": True, "cap": CAP_DB})
    value = decibels(mse)
    return Score(value, {"mse": mse, "cap": CAP_DB} if value > CAP_DB else {"mse": mse})


class Psnr(Metric):
    """PSNR over all samples of a picture, all channels together: MSE of exact integer differences, peak 255, in dB.

    See `psnr_score` for identical pictures.
    """

    name = "psnr"
    unit = "dB"

    def measure(self, estimate: Array, prepared: Any) -> Score:
        """Score one pair of uint8 H×W×C pictures."""
        # OpenCV adds up integers, in blocks that cannot overflow; some builds then take a root and square it again.
        return psnr_score(round(cv2.norm(estimate, prepared, cv2.NORM_L2SQR)) / estimate.size)


class PsnrY(Metric):
    """PSNR of luma Y = 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601, full range 0..255, not rounded), peak 255, in dB.

    A gray picture is its own luma.
    """

    name = "psnr_y"
    unit = "dB"

    def measure(self, estimate: Array, prepared: Any) -> Score:
        """Score one pair of uint8 H×W×C pictures."""
        return psnr_score(_luma_mse(estimate, prepared))


class PsnrYBt601(Metric):
    """PSNR of studio-range luma Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255, not rounded, peak 255, in dB.

    ITU-R BT.601's luma in 16..235, as MATLAB's `rgb2ycbcr` computes it; exactly 20 log10(255 / 219) = 1.322 dB above
    `psnr_y`, since its errors are 219/255 as large and the peak stays 255. HiNet's evaluation reports this one. A gray
    picture v is an RGB one with three channels v.
    """

    name = "psnr_y_bt601"
    unit = "dB"

    def measure(self, estimate: Array, prepared: Any) -> Score:
        """Score one pair of uint8 H×W×C pictures."""
        return psnr_score(_luma_mse(estimate, prepared) * (_SWING / 255) ** 2)


class PsnrYBt601Rounded(Metric):
    """PSNR of studio-range luma as `psnr_y_bt601`, rounded to 8 bits (half to even) before it is compared, in dB.

    What comes out where luma is converted with 8-bit arithmetic, as `rgb2ycbcr` does on uint8 pictures.
    """

    name = "psnr_y_bt601_8bit"
    unit = "dB"

    def prepare(self, reference: Array) -> Floats:
        """The reference's luma, whole numbers 16..235 as float64, H·W."""
        return _studio_luma(reference)

    def measure(self, estimate: Array, prepared: Floats) -> Score:
        """Score one pair of uint8 H×W×C pictures."""
        error = _studio_luma(estimate) - prepared
        return psnr_score(float(error @ error) / error.size)


class PsnrChannelMean(Metric):
    """The mean of the PSNRs of R, G and B, in dB, as the code of Invertible Grayscale reports it.

    Never below `psnr`, and the more above it the more the channels differ. A channel without an error counts as 100 dB,
    as it does there; where none has one, there is no PSNR, see `psnr_score`. Details hold the `mse` over all channels,
    so that `pooled` in summaries is `psnr`'s. Of a gray picture it is `psnr`.
    """

    name = "psnr_chmean"
    unit = "dB"

    def measure(self, estimate: Array, prepared: Any) -> Score:
        """Score one pair of uint8 H×W×C pictures."""
        error = cv2.absdiff(estimate, prepared)
        sums = cv2.sumElems(cv2.multiply(error, error, dtype=cv2.CV_16U))[: estimate.shape[2]]
        together = psnr_score(sum(sums) / estimate.size)
        if together.value is None:
            return together
        samples = estimate.shape[0] * estimate.shape[1]
        value = float(np.mean([decibels(total / samples) if total else CAP_DB for total in sums]))
        return Score(value, {"mse": together.details["mse"], **({"cap": CAP_DB} if value > CAP_DB else {})})


def _luma_mse(estimate: Array, reference: Array) -> float:
    """The mean squared error of full-range luma, not rounded."""
    difference = cv2.subtract(estimate, reference, dtype=cv2.CV_64F).reshape(-1, estimate.shape[2])
    luma = difference @ _BT601 if estimate.shape[2] == 3 else difference[:, 0]
    return float(luma @ luma) / luma.size


def _studio_luma(image: Array) -> Floats:
    """Rounded luma in 16..235. The sums are whole numbers, so the only rounding is the one that is meant."""
    values = image.reshape(-1, image.shape[2])
    thousandths = values @ np.array([299.0, 587.0, 114.0]) if image.shape[2] == 3 else values[:, 0] * 1000.0
    return _FOOTROOM + np.rint(thousandths * _SWING / 255_000)
