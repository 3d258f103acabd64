"""How different two pictures' colors look: CIEDE2000, the CIE's formula of 2000."""

from typing import Any

import numpy as np

from bench_core.metric import Array, Metric, Score
from bench_metrics.lab import Plane, lab

Floats = np.ndarray[Any, np.dtype[np.floating[Any]]]

_AT_ONCE = 2**14  # pixels worked on at a time, so that what is in flight stays in the processor's cache
_TURN = 2 * np.pi
_DEGREE = np.pi / 180


def ciede2000(first: Floats, second: Floats) -> Floats:
    """ΔE00 of two arrays of CIE Lab colors, N×3 of one floating dtype (kL = kC = kH = 1); N of the same dtype.

    As Sharma, Wu and Dalal 2005 ("The CIEDE2000 color-difference formula: implementation notes, supplementary test
    data, and mathematical observations") write it; equation numbers are theirs.
    """
    (l1, a1, b1), (l2, a2, b2) = np.moveaxis(first, -1, 0), np.moveaxis(second, -1, 0)
    stretch = 1 + 0.5 * (1 - _saturation((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2))  # 1 + G, eq. 4
    a1, a2 = stretch * a1, stretch * a2
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.arctan2(b1, a1) % _TURN, np.arctan2(b2, a2) % _TURN
    apart = h2 - h1
    around = np.abs(apart) > np.pi  # the shorter way between the hues passes 0°
    # A color without chroma has no hue; its hue difference comes out as 0 below (eq. 10), whatever is put here.
    turn = np.where(around, -np.copysign(_TURN, apart), 0).astype(apart.dtype)
    hue_step = 2 * np.sqrt(c1 * c2) * np.sin((apart + turn) / 2)  # ΔH', eq. 11
    mean_hue = (h1 + h2) / 2
    mean_hue = (mean_hue + np.where(around, np.pi, 0).astype(apart.dtype)) % _TURN  # eq. 14
    mean_chroma, lightness = (c1 + c2) / 2, ((l1 + l2) / 2 - 50) ** 2
    s_l = 1 + 0.015 * lightness / np.sqrt(20 + lightness)  # eq. 19
    s_c = 1 + 0.045 * mean_chroma
    s_h = 1 + 0.015 * mean_chroma * _hue_weight(mean_hue)
    rotation = np.sin(60 * _DEGREE * np.exp(-(((mean_hue - 275 * _DEGREE) / (25 * _DEGREE)) ** 2)))  # sin 2Δθ, eq. 16
    light, chroma, hue = (l2 - l1) / s_l, (c2 - c1) / s_c, hue_step / s_h
    squares = light**2 + chroma**2 + hue**2 - 2 * _saturation(mean_chroma) * rotation * chroma * hue  # eq. 22
    differences: Floats = np.sqrt(np.maximum(squares, 0))
    return differences


def _saturation(chroma: Floats) -> Floats:
    """The root of C^7 / (C^7 + 25^7)."""
    power = (chroma / 25) ** 2
    power = power * power * power * (chroma / 25)
    root: Floats = np.sqrt(power / (power + 1))
    return root


def _hue_weight(hue: Floats) -> Floats:
    """T of eq. 15. The four cosines follow from one sine and one cosine, which takes a quarter of the time."""
    sine, cosine = np.sin(hue), np.cos(hue)
    cosine2, sine2 = 2 * cosine * cosine - 1, 2 * sine * cosine
    cosine3, sine3 = cosine * (2 * cosine2 - 1), sine * (2 * cosine2 + 1)
    cosine4, sine4 = 2 * cosine2 * cosine2 - 1, 2 * sine2 * cosine2

    def shifted(cosine: Floats, sine: Floats, degrees: float) -> Floats:
        moved: Floats = cosine * np.cos(degrees * _DEGREE) - sine * np.sin(degrees * _DEGREE)
        return moved

    weight: Floats = (
        1
        - 0.17 * shifted(cosine, sine, -30)
        + 0.24 * cosine2
        + 0.32 * shifted(cosine3, sine3, 6)
        - 0.20 * shifted(cosine4, sine4, -63)
    )
    return weight


class DeltaE(Metric):
    """The mean of CIEDE2000's ΔE00 over the pixels of uint8 sRGB pictures (D65); 0 for identical ones.

    About 1 is just noticeable side by side. Within 1e-3 of scikit-image's `deltaE_ciede2000`; computed in float32. A
    gray picture has colors without chroma.
    """

    name = "delta_e"
    direction = "lower"

    def prepare(self, reference: Array) -> Plane:
        """The reference's Lab colors, float32 N×3."""
        return lab(reference).reshape(-1, 3)

    def measure(self, estimate: Array, prepared: Plane) -> Score:
        """Score one pair of uint8 H×W×C pictures."""
        return Score(self._figure(_differences(estimate, prepared)))

    def _figure(self, differences: Floats) -> float:
        return float(differences.mean(dtype=np.float64))


class DeltaE95(DeltaE):
    """The 95th percentile over the pixels of CIEDE2000's ΔE00, else as `delta_e`: how wrong the worst colors are."""

    name = "delta_e_p95"

    def _figure(self, differences: Floats) -> float:
        return float(np.percentile(differences, 95))


def _differences(estimate: Array, reference: Plane) -> Plane:
    """ΔE00 for each pixel."""
    pixels = np.ascontiguousarray(estimate).reshape(1, -1, estimate.shape[2])
    found = np.empty(len(reference), np.float32)
    for start in range(0, len(found), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        found[part] = ciede2000(lab(pixels[:, part])[0], reference[part])
    return found
