"""PSNR of the three channels of CIE Lab, as JRIG (Fig. 12) reports a restored picture's colors."""

from typing import Any, ClassVar

import cv2
import numpy as np

from bench_core.metric import Array, Metric, Score
from bench_metrics.psnr import psnr_score

Plane = np.ndarray[Any, np.dtype[np.float32]]

# sRGB (IEC 61966-2-1) to linear light, for each 8-bit value.
_CODES = np.arange(256) / 255
_LINEAR = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4).astype(np.float32)
# Linear sRGB to XYZ over the D65 white (2° observer), row by row; the numbers scikit-image uses.
_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_ROWS = (_XYZ / np.array([[0.95047], [1.0], [1.08883]])).astype(np.float32)
_X, _Y, _Z = range(3)


def _response(linear: Plane, row: int) -> Plane:
    """CIE's f(X/Xn), f(Y/Yn) or f(Z/Zn) (CIE 15:2004, eq. 8.6) of linear H×W×3, as H×W."""
    ratio = cv2.transform(linear, _ROWS[row : row + 1])
    return np.where(ratio > 0.008856, np.cbrt(ratio), np.float32(7.787) * ratio + np.float32(16 / 116))


class PsnrLab(Metric):
    """PSNR of one channel of CIE Lab (D65), from uint8 sRGB, in dB.

    L* is scaled by 255/100, so that its peak is 100; a* and b* are taken as they are, with a peak of 255. That is the
    8-bit encoding of Lab without its rounding. A gray picture has no chroma, so that a* and b* of two of them are
    identical. Details hold `mse` of the encoded channel; see `bench_metrics.psnr.psnr_score` for identical channels.
    """

    unit = "dB"
    _scale: ClassVar[float]
    _terms: ClassVar[tuple[int, ...]]
    """The response, or the two whose difference makes the channel. The offsets of L*, a* and b* cancel in errors."""

    def prepare(self, reference: Array) -> Plane:
        """The encoded channel, float32 H×W, but for its offset."""
        return self._plane(reference)

    def measure(self, estimate: Array, prepared: Plane) -> Score:
        """Score one pair of uint8 H×W×C pictures."""
        return psnr_score(cv2.norm(self._plane(estimate), prepared, cv2.NORM_L2SQR) / prepared.size)

    def _plane(self, image: Array) -> Plane:
        if image.shape[2] == 1:
            if len(self._terms) == 2:
                return np.zeros(image.shape[:2], np.float32)
            image = np.repeat(image, 3, axis=2)
        linear = _LINEAR.take(image)
        plane = _response(linear, self._terms[0])
        for term in self._terms[1:]:
            plane -= _response(linear, term)
        plane *= np.float32(self._scale)
        return plane


class PsnrLabL(PsnrLab):
    """PSNR of L* = 116 f(Y) - 16."""

    name = "psnr_lab_l"
    _scale = 116 * 255 / 100
    _terms = (_Y,)


class PsnrLabA(PsnrLab):
    """PSNR of a* = 500 (f(X) - f(Y))."""

    name = "psnr_lab_a"
    _scale = 500
    _terms = (_X, _Y)


class PsnrLabB(PsnrLab):
    """PSNR of b* = 200 (f(Y) - f(Z))."""

    name = "psnr_lab_b"
    _scale = 200
    _terms = (_Y, _Z)
