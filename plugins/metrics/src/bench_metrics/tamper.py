"""Finding what was tampered with: the revealed watermark, beside the public one, shows where the carrier was changed.

RIIS is used that way against swapped faces: hide a picture that everybody knows, and where it comes back wrong, the
container is no longer what was sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np

from bench_core.errors import CellFailure
from bench_core.metric import Array, Metric, Score

SIDE = 7
"""The side of the square over which errors are averaged, in pixels."""

_CHANCE = 0.5
Counts = np.ndarray[Any, np.dtype[np.integer[Any]]]


@dataclass(frozen=True)
class Localization:
    """How well a map of errors tells tampered pixels from others.

    `auc` is the area under the ROC curve over pixels, 0.5 by chance; `f1` the best F1 score of "tampered where the map
    is at least `threshold`" over all thresholds, `iou` the intersection over union there, which is its best as well.
    `threshold` is in 8-bit units, `share` what part of the picture was tampered with.
    """

    auc: float
    f1: float
    iou: float
    threshold: float
    share: float


def localize(estimate: Array, reference: Array, mask: Array) -> Localization:
    """Score the mean absolute error over 7×7 pixels and all channels against a mask, uint8 H×W×1, 255 where tampered.

    Beyond the border errors are mirrored. The figures are exact over all thresholds: the sums are whole numbers, and
    counted.

    Raises:
        CellFailure: `skipped_unsupported`, where all or none of the pixels are tampered with; `bad_shape`, for a mask
            of another size.
    """
    if mask.shape[:2] != reference.shape[:2]:
        raise CellFailure("bad_shape", f"the mask is {mask.shape[:2]}, the pictures are {reference.shape[:2]}")
    tampered = mask.reshape(mask.shape[:2]) > 127
    if tampered.all() or not tampered.any():
        everything = "everything" if tampered.any() else "nothing"
        raise CellFailure("skipped_unsupported", f"{everything} was tampered with, so there is nothing to tell apart")
    channels = reference.shape[2]
    difference = cv2.absdiff(estimate, reference).astype(np.float32)
    errors = cv2.boxFilter(
        cv2.transform(difference, np.ones((1, channels), np.float32)), -1, (SIDE, SIDE), normalize=False
    )
    levels = np.rint(errors).astype(np.intp)
    most = int(levels.max()) + 1
    hits, alarms = (_from_the_top(levels[chosen], most) for chosen in (tampered, ~tampered))
    positives, negatives = int(hits[-1]), int(alarms[-1])
    auc = float(np.trapezoid(np.r_[0, hits], np.r_[0, alarms])) / (positives * negatives)
    f1 = 2 * hits / (hits + alarms + positives)
    best = int(np.argmax(f1))
    return Localization(
        auc=auc,
        f1=float(f1[best]),
        iou=float(hits[best] / (alarms[best] + positives)),
        threshold=(most - 1 - best) / (channels * SIDE**2),
        share=positives / tampered.size,
    )


def _from_the_top(levels: Counts, most: int) -> Counts:
    """How many of `levels`, 0 to `most` - 1, are at least each level, the highest first."""
    return np.cumsum(np.bincount(levels, minlength=most)[::-1])


class _Tamper(Metric):
    """What the three figures share. The public watermark is the secret, so they mean something on that pair alone."""

    pairs = ("secret",)
    _figure: ClassVar[str]

    def measure(self, estimate: Array, prepared: Any) -> Score:
        """Not without the mask; CellFailure."""
        return self.measure_with(estimate, prepared, {})

    def measure_with(self, estimate: Array, prepared: Array, facts: Mapping[str, Any]) -> Score:
        """Score a revealed uint8 H×W×C watermark, where `facts` has the `mask` of what was tampered with.

        Raises:
            CellFailure: as `localize` does; `skipped_unsupported` where there is no mask.
        """
        if facts.get("mask") is None:
            raise CellFailure(
                "skipped_unsupported",
                f"{self.name} needs a channel that tampers with a known part of the picture, e.g. -d paste:0.1",
            )
        found = localize(estimate, prepared, facts["mask"])
        return Score(getattr(found, self._figure), {"threshold": found.threshold, "share": found.share})


class TamperAuc(_Tamper):
    """The area under the ROC curve of the revealed watermark's error as a sign of tampering; see `localize`.

    Over pixels: 0.5 is chance, 1 a perfect map, no threshold chosen. Details hold the `share` of the picture that
    was tampered with, and the `threshold`, in 8-bit units, that is best for `tamper_f1`.
    """

    name = "tamper_auc"
    worst = _CHANCE
    _figure = "auc"


class TamperF1(_Tamper):
    """The best F1 score, over all thresholds, of the revealed watermark's error as a sign of tampering; see `localize`.

    The threshold is the best for the picture at hand, so this is what a detector could reach, not what one does.
    Calling everything tampered scores 2·share / (1 + share). Details as `tamper_auc`'s.
    """

    name = "tamper_f1"
    worst = 0.0
    _figure = "f1"


class TamperIou(_Tamper):
    """Intersection over union of the true mask with the best one that thresholding gives, as `tamper_f1` finds it.

    IoU = F1 / (2 - F1), so both are best at one threshold. Details as `tamper_auc`'s.
    """

    name = "tamper_iou"
    worst = 0.0
    _figure = "iou"
