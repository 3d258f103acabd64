"""CIE Lab (D65) of 8-bit sRGB, without rounding, and PSNR and error of its channels.

JRIG (Fig. 12) reports a restored picture's colors that way. `bench_metrics.lab8` has OpenCV's 8-bit Lab.
"""

from typing import Any, ClassVar

import cv2
import numpy as np

from bench_core.metric import Array, Metric, Score
from bench_metrics.pairs import COLOR
from bench_metrics.psnr import psnr_score

Plane = np.ndarray[Any, np.dtype[np.float32]]

# sRGB (IEC 61966-2-1) to linear light, for each 8-bit value.
_CODES = np.arange(256) / 255
_LINEAR = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4).astype(np.float32)
# Linear sRGB to XYZ over the D65 white (2° observer), row by row; the numbers scikit-image uses.
_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_ROWS = (_XYZ / np.array([[0.95047], [1.0], [1.08883]])).astype(np.float32)
_X, _Y, _Z = range(3)

# Each channel as a multiple of a response, or of the difference of two, less an offset (CIE 15:2004, eq. 8.3 to 8.5).
_TERMS = {"l": (_Y,), "a": (_X, _Y), "b": (_Y, _Z)}
_FACTORS = {"l": 116, "a": 500, "b": 200}
_ENCODING = {"l": 255 / 100, "a": 1, "b": 1}
_OFFSETS = {"l": -16 * 255 / 100, "a": 128, "b": 128}


def _response(linear: Plane, row: int) -> Plane:
    """CIE's f(X/Xn), f(Y/Yn) or f(Z/Zn) (CIE 15:2004, eq. 8.6) of linear H×W×3, as H×W."""
    ratio = cv2.transform(linear, _ROWS[row : row + 1])
    return np.where(ratio > 0.008856, np.cbrt(ratio), np.float32(7.787) * ratio + np.float32(16 / 116))


def _linear(image: Array) -> Plane:
    return _LINEAR.take(image if image.shape[2] == 3 else np.repeat(image, 3, axis=2))


def lab(image: Array) -> Plane:
    """CIE Lab of uint8 sRGB H×W×C: float32 H×W×3, L* in 0..100; a* and b* of a gray picture are 0."""
    planes = np.zeros((*image.shape[:2], 3), np.float32)
    linear = _linear(image)
    y = _response(linear, _Y)
    planes[:, :, 0] = 116 * y - 16
    if image.shape[2] == 3:
        planes[:, :, 1] = 500 * (_response(linear, _X) - y)
        planes[:, :, 2] = 200 * (y - _response(linear, _Z))
    return planes


def centered(image: Array, channel: str) -> Plane:
    """A channel, `l`, `a` or `b`, in the 8-bit encoding of Lab but for its offset, which errors do not show.

    Float32 H×W, not rounded: (L* + 16)·255/100, a* or b*, of a uint8 sRGB picture H×W×C.
    """
    terms = _TERMS[channel]
    if image.shape[2] == 1 and len(terms) == 2:
        return np.zeros(image.shape[:2], np.float32)
    linear = _linear(image)
    plane = _response(linear, terms[0])
    for term in terms[1:]:
        plane -= _response(linear, term)
    plane *= np.float32(_FACTORS[channel] * _ENCODING[channel])
    return plane


def encoded(image: Array, channel: str) -> Plane:
    """A channel, `l`, `a` or `b`, in the 8-bit encoding of Lab, not rounded: L*·255/100, a* + 128 or b* + 128.

    Float32 H×W, of a uint8 sRGB picture H×W×C.
    """
    plane = centered(image, channel)
    plane += np.float32(_OFFSETS[channel])
    return plane


class RmseAb(Metric):
    """The root mean squared error of a* and b* together, in CIE Lab units (D65), from uint8 sRGB; 0 at best.

    The root of the mean of (Δa*² + Δb*²) / 2 over pixels: the error of color without luminance. `psnr_ab` is the same
    figure in decibels, 20 log10(255 / RMSE), so they rank single pictures alike; but their means over pictures differ,
    and only this one is a distance. A gray picture has no chroma.
    """

    name = "rmse_ab"
    direction = "lower"
    pairs = COLOR

    def prepare(self, reference: Array) -> list[Plane]:
        """a* and b*, float32 H×W each."""
        return [centered(reference, channel) for channel in "ab"]

    def measure(self, estimate: Array, prepared: list[Plane]) -> Score:
        """Score one pair of uint8 H×W×C pictures."""
        return Score(_mean_square(estimate, "ab", prepared) ** 0.5)


def _mean_square(estimate: Array, channels: str, references: list[Plane]) -> float:
    """The mean squared error of encoded channels, over all of their samples."""
    errors = (
        cv2.norm(centered(estimate, channel), reference, cv2.NORM_L2SQR) / reference.size
        for channel, reference in zip(channels, references, strict=True)
    )
    return sum(errors) / len(channels)


class PsnrLab(Metric):
    """PSNR of one channel of CIE Lab (D65), from uint8 sRGB, in dB.

    L* is scaled by 255/100, so that its peak is 100; a* and b* are taken as they are, with a peak of 255. That is the
    8-bit encoding of Lab without its rounding. A gray picture has no chroma, so that a* and b* of two of them are
    identical. Details hold `mse` of the encoded channel; see `bench_metrics.psnr.psnr_score` for identical channels.
    """

    unit = "dB"
    _channels: ClassVar[str]

    def prepare(self, reference: Array) -> list[Plane]:
        """The encoded channels, float32 H×W each, but for their offsets."""
        return [centered(reference, channel) for channel in self._channels]

    def measure(self, estimate: Array, prepared: list[Plane]) -> Score:
        """Score one pair of uint8 H×W×C pictures."""
        return psnr_score(_mean_square(estimate, self._channels, prepared))


class PsnrLabL(PsnrLab):
    """PSNR of L* = 116 f(Y) - 16."""

    name = "psnr_lab_l"
    _channels = "l"


class PsnrLabA(PsnrLab):
    """PSNR of a* = 500 (f(X) - f(Y))."""

    name = "psnr_lab_a"
    pairs = COLOR
    _channels = "a"


class PsnrLabB(PsnrLab):
    """PSNR of b* = 200 (f(Y) - f(Z))."""

    name = "psnr_lab_b"
    pairs = COLOR
    _channels = "b"


class PsnrAb(PsnrLab):
    """PSNR of a* and b* together, peak 255: color alone, where `psnr` is dominated by an untouched luminance."""

    name = "psnr_ab"
    pairs = COLOR
    _channels = "ab"
