"""PSNR of the channels of OpenCV's 8-bit Lab: what code that calls `cvtColor(…, COLOR_RGB2LAB)` on uint8 reports."""

from typing import ClassVar

import cv2
import numpy as np

from bench_core.metric import Array, Metric, Score
from bench_metrics.pairs import COLOR
from bench_metrics.psnr import psnr_score


class PsnrLab8(Metric):
    """PSNR of one channel of 8-bit Lab as OpenCV converts uint8 sRGB: L*·255/100, a* + 128, b* + 128, rounded, in dB.

    Means are within 0.2 dB of `psnr_lab`'s, single pictures within about half a decibel: values are rounded, and come
    from integer tables that are up to two levels off besides. A gray picture is converted as three equal channels.
    """

    unit = "dB"
    _channel: ClassVar[int]

    def prepare(self, reference: Array) -> Array:
        """The reference's channel, uint8 H×W."""
        return self._plane(reference)

    def measure(self, estimate: Array, prepared: Array) -> Score:
        """Score one pair of uint8 H×W×C pictures."""
        return psnr_score(round(cv2.norm(self._plane(estimate), prepared, cv2.NORM_L2SQR)) / prepared.size)

    def _plane(self, image: Array) -> Array:
        color = image if image.shape[2] == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
        lab = np.asarray(cv2.cvtColor(color, cv2.COLOR_RGB2LAB), np.uint8)
        return np.ascontiguousarray(lab[:, :, self._channel])


class PsnrLab8L(PsnrLab8):
    """PSNR of 8-bit L*·255/100."""

    name = "psnr_lab8_l"
    _channel = 0


class PsnrLab8A(PsnrLab8):
    """PSNR of 8-bit a* + 128."""

    name = "psnr_lab8_a"
    pairs = COLOR
    _channel = 1


class PsnrLab8B(PsnrLab8):
    """PSNR of 8-bit b* + 128."""

    name = "psnr_lab8_b"
    pairs = COLOR
    _channel = 2
