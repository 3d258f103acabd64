"""How well a saliency map is met: mean absolute error, and F-measure."""

from typing import Any

import numpy as np

from bench_core.images import luminance
from bench_core.metric import Array, Metric, Score

BETA2 = 0.3
"""β² of the F-measure: precision counts more than recall (Achanta, Hemami, Estrada and Susstrunk 2009, eq. 6)."""

THRESHOLD = 128
"""From this 8-bit value on a pixel is salient: 0.5 and above, in [0, 1]."""

_SALIENCY = ("saliency",)


class MaeSaliency(Metric):
    """The mean of |S - G| over the pixels of two saliency maps in [0, 1] (Perazzi et al. 2012); 0 at best.

    Maps are uint8 H×W×1; of a picture in color, its luminance.
    """

    name = "mae_saliency"
    direction = "lower"
    pairs = _SALIENCY

    def prepare(self, reference: Array) -> Array:
        """The reference map, uint8 H×W×1."""
        return luminance(reference)

    def measure(self, estimate: Array, prepared: Array) -> Score:
        """Score a map, uint8 H×W×C."""
        errors = luminance(estimate).astype(np.int16) - prepared
        return Score(int(np.abs(errors).sum(dtype=np.int64)) / (255 * errors.size))


class FbetaSaliency(Metric):
    """The F-measure, with β² = 0.3, of two saliency maps cut at 0.5, 0 to 1 (Achanta et al. 2009, eq. 6).

    F = (1 + β²) precision · recall / (β² precision + recall), of what is at least 0.5 (128 of 255) in either map. Where
    nothing of the reference is salient, it is 1 if nothing of the estimate is, else 0. Details hold `precision` and
    `recall`, where there are any. Maps are uint8 H×W×1; of a picture in color, its luminance.
    """

    name = "fbeta_saliency"
    worst = 0.0
    pairs = _SALIENCY

    def prepare(self, reference: Array) -> Any:
        """Where the reference is salient, bool H×W×1."""
        return luminance(reference) >= THRESHOLD

    def measure(self, estimate: Array, prepared: Any) -> Score:
        """Score a map, uint8 H×W×C."""
        salient = luminance(estimate) >= THRESHOLD
        hits, found, expected = (int(mask.sum()) for mask in (salient & prepared, salient, prepared))
        if not (found and expected):
            return Score(float(found == expected))
        precision, recall = hits / found, hits / expected
        value = (1 + BETA2) * precision * recall / (BETA2 * precision + recall) if hits else 0.0
        return Score(value, {"precision": precision, "recall": recall})
