"""How colorful a picture is, how often that is natural, and how near it is to the original's: CCI and what follows."""

import math

import cv2
import numpy as np

from bench_core.errors import CellFailure
from bench_core.metric import Array, Metric, Score
from bench_metrics.pairs import COLOR

NATURAL = (16.0, 20.0)
"""The range that counts as natural in SCGAN's evaluation, both ends included."""

# Twice the opponent axes, so that both are whole numbers: 2 (R - G), and R + G - 2 B.
_AXES = np.array([[2, -2, 0], [1, 1, -2]], dtype=np.float64)


def colorfulness(image: Array) -> float:
    """The color colorfulness index of Hasler and Suesstrunk 2003 (eq. M3; SCGAN's CCI), of uint8 H×W×C values 0..255.

    With rg = R - G and yb = (R + G) / 2 - B: the root of the summed population variances, plus 0.3 times the root of
    the summed squared means. 0 for a gray picture; no upper bound.
    """
    if image.shape[2] == 1:
        return 0.0
    mean, deviation = cv2.meanStdDev(cv2.transform(image.astype(np.float64), _AXES))
    return (math.hypot(*deviation[:, 0]) + 0.3 * math.hypot(*mean[:, 0])) / 2


class _OfColorfulness(Metric):
    """What the figures of one picture's colorfulness share."""

    direction = "none"
    pairs = COLOR

    def prepare(self, reference: Array) -> float:
        """The reference's colorfulness."""
        return colorfulness(reference)


class Cci(_OfColorfulness):
    """The colorfulness of the estimate; details hold the `reference`'s. Neither high nor low is better: near it is."""

    name = "cci"

    def measure(self, estimate: Array, prepared: float) -> Score:
        """Score a uint8 H×W×C picture."""
        return Score(colorfulness(estimate), {"reference": prepared})


class CciRatio(_OfColorfulness):
    """Whether the estimate's colorfulness is in 16..20, both included: 1 or 0, so that the mean is SCGAN's CCI ratio.

    Details hold the estimate's `cci`, and `reference`, which is 1 or 0 for the reference picture. Read the ratio beside
    that one: of real photos only about one in twenty is in the range.
    """

    name = "cci_ratio"
    worst = 0.0
    kind = "proportion"

    def measure(self, estimate: Array, prepared: float) -> Score:
        """Score a uint8 H×W×C picture."""
        value = colorfulness(estimate)
        return Score(_natural(value), {"cci": value, "reference": _natural(prepared)})


class CciAbsErr(_OfColorfulness):
    """How far the estimate's colorfulness is from the reference's: |CCI(estimate) - CCI(reference)|, 0 at best.

    Details hold the estimate's `cci` and the reference's, `cci_reference`.
    """

    name = "cci_abs_err"
    direction = "lower"

    def measure(self, estimate: Array, prepared: float) -> Score:
        """Score a uint8 H×W×C picture."""
        value = colorfulness(estimate)
        return Score(abs(value - prepared), {"cci": value, "cci_reference": prepared})


class ColorfulnessRatio(_OfColorfulness):
    """CCI(estimate) / CCI(reference): below 1 for colors that are too pale, above 1 for ones that are too strong.

    Details hold both, `cci` and `cci_reference`.
    """

    name = "colorfulness_ratio"

    def measure(self, estimate: Array, prepared: float) -> Score:
        """Score a uint8 H×W×C picture.

        Raises:
            CellFailure: `skipped_unsupported`, where the reference has no color to have a share of.
        """
        if prepared == 0:
            raise CellFailure("skipped_unsupported", "the reference is gray: its colorfulness, 0, divides nothing")
        value = colorfulness(estimate)
        return Score(value / prepared, {"cci": value, "cci_reference": prepared})


def _natural(value: float) -> float:
    return float(NATURAL[0] <= value <= NATURAL[1])
