"""How well a map of class numbers is met: pixel accuracy and mean intersection over union.

Everingham et al. 2015 (PASCAL VOC: a class's intersection over union), Long, Shelhamer and Darrell 2015 (sec. 5: both).
"""

from typing import Any

import numpy as np

from bench_core.errors import CellFailure
from bench_core.metric import Array, Metric, Score

VOID = 255
"""The class number of what nobody labeled: those pixels of a reference are scored nowhere."""

_SEMANTIC = ("semantic",)


class PixelAccuracy(Metric):
    """The share of a map's pixels whose class is the reference's, 0 to 1; void pixels of the reference (255) left out.

    Maps are uint8 H×W×1; three equal channels, as of a gray file that is read in color, count as one.
    """

    name = "pixel_acc"
    worst = 0.0
    compares = "labels"
    pairs = _SEMANTIC

    def prepare(self, reference: Array) -> Array:
        """The reference's class numbers, uint8 H·W.

        Raises:
            CellFailure: `skipped_unsupported`, where it is no map of class numbers, or all of it is void.
        """
        classes = _classes(reference)
        if (classes == VOID).all():
            raise CellFailure("skipped_unsupported", f"the reference has no labels: all of it is void ({VOID})")
        return classes

    def measure(self, estimate: Array, prepared: Array) -> Score:
        """Score a map, uint8 H×W×1."""
        labeled = prepared != VOID
        return Score(int((_classes(estimate) == prepared)[labeled].sum()) / int(labeled.sum()))


class MeanIou(PixelAccuracy):
    """The mean, over the classes in either map of one picture, of intersection over union, 0 to 1; void left out.

    IoU of class c = |estimate is c and reference is c| / |estimate is c or reference is c|, over the pixels whose
    reference is not void (255). A pixel that the estimate calls void is wrong, void itself is no class. So a class
    that is only in the estimate costs as much as one that is missed. Details hold `intersection` and `union`, in
    pixels by class number, of which summaries make the `pooled` figure that papers print: the mean over classes of
    the IoU over all pictures, a picture's repeats included.
    """

    name = "miou"

    def measure(self, estimate: Array, prepared: Array) -> Score:
        """Score a map, uint8 H×W×1."""
        labeled = prepared != VOID
        found, expected = _classes(estimate)[labeled], prepared[labeled]
        both = np.bincount(expected[found == expected], minlength=VOID + 1)[:VOID]
        either = (np.bincount(found, minlength=VOID + 1) + np.bincount(expected, minlength=VOID + 1))[:VOID] - both
        present = np.flatnonzero(either)
        details: dict[str, Any] = {
            name: {str(number): int(counts[number]) for number in present}
            for name, counts in (("intersection", both), ("union", either))
        }
        return Score(float(np.mean(both[present] / either[present])), details)


def _classes(image: Array) -> Array:
    """The class numbers of a map, H·W; CellFailure where its channels differ."""
    if (image != image[:, :, :1]).any():
        raise CellFailure("skipped_unsupported", "class numbers need one channel, and this picture has colors")
    return image[:, :, 0].ravel()
