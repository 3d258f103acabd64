"""Peak signal-to-noise ratio."""

import math
from typing import Any

import cv2
import numpy as np

from bench_core.metric import Array, Metric, Score

CAP_DB = 100.0
"""What a summary averages with where a picture is identical to its reference, or nearer to it than this."""

_BT601 = np.array([0.299, 0.587, 0.114])


def psnr_score(mse: float) -> Score:
    """The score of a mean squared error in 8-bit units: 10 log10(255² / MSE) dB.

    Identical pictures have no PSNR: the value is None, with details `identical` and `cap`. A value above the cap
    stays what it is, and brings the cap along for summaries. `mse` is always among the details.
    """
    if mse == 0:
        return Score(None, {"mse": 0.0, "identical": True, "cap": CAP_DB})
    value = 10 * math.log10(255**2 / mse)
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

    The limited-range luma (16..235) of MATLAB's `rgb2ycbcr`, which some published code uses, gives exactly
    20 log10(255 / 219) = 1.322 dB more. A gray picture is its own luma.
    """

    name = "psnr_y"
    unit = "dB"

    def measure(self, estimate: Array, prepared: Any) -> Score:
        """Score one pair of uint8 H×W×C pictures."""
        difference = cv2.subtract(estimate, prepared, dtype=cv2.CV_64F).reshape(-1, estimate.shape[2])
        luma = difference @ _BT601 if estimate.shape[2] == 3 else difference[:, 0]
        return psnr_score(float(luma @ luma) / luma.size)
