"""Finding what was tampered with: the revealed watermark, beside the public one, shows where the carrier was changed.

RIIS is used that way against swapped faces: hide a picture that everybody knows, and where it comes back wrong, the
container is no longer what was sent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np

from bench_core.errors import CellFailure
from bench_core.metric import Array, Metric, Score

SIDE = 7
"""The side of the square over which the metrics average errors, in pixels."""

PERCENTILE = 99.0
"""Of the map on untampered carriers: the threshold that lets one pixel in a hundred of them seem tampered with."""

_CHANCE = 0.5
Counts = np.ndarray[Any, np.dtype[np.integer[Any]]]
Map = np.ndarray[Any, np.dtype[np.float32]]


def error_map(estimate: Array, reference: Array, side: int = SIDE) -> Map:
    """Box filter of the mean over channels of |estimate − reference|, float32 H×W in 8-bit levels, 0 to 255.

    Pictures are uint8 H×W×C, several watermarks following one another in the channels; the box is `side`×`side` pixels,
    and beyond the border errors are mirrored.

    Raises:
        ValueError: for a side that is even, or not positive: such a box has no center.
    """
    return _error_sums(estimate, reference, side) / np.float32(reference.shape[2] * side**2)


def _error_sums(estimate: Array, reference: Array, side: int) -> Map:
    """The map before it is divided: whole numbers, exact in float32 up to a side of 128."""
    if side < 1 or side % 2 == 0:
        raise ValueError(f"side must be odd and positive, not {side}")
    difference = cv2.absdiff(estimate, reference).astype(np.float32)
    summed = cv2.transform(difference, np.ones((1, reference.shape[2]), np.float32))
    return np.asarray(cv2.boxFilter(summed, -1, (side, side), normalize=False), np.float32)


def clean_threshold(clean: Iterable[Map], percentile: float = PERCENTILE) -> float:
    """The percentile of all pixels of the maps of untampered carriers together, in levels.

    Above it a pixel counts as tampered with; of carriers like these, 100 − `percentile` of a hundred pixels are.

    Raises:
        ValueError: without a map.
    """
    pixels = [levels.ravel() for levels in clean]
    if not pixels:
        raise ValueError("a threshold needs the map of an untampered carrier")
    return float(np.percentile(np.concatenate(pixels), percentile))


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


def localize(estimate: Array, reference: Array, mask: Array, side: int = SIDE) -> Localization:
    """Score `error_map` against a mask, uint8 H×W×1, 255 where tampered.

    The figures are exact over all thresholds: the map's sums are whole numbers, and counted.

    Raises:
        CellFailure: `skipped_unsupported`, where all or none of the pixels are tampered with; `bad_shape`, for a mask
            of another size.
    """
    tampered = _tampered(mask, reference.shape)
    levels = np.rint(_error_sums(estimate, reference, side)).astype(np.intp)
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
        threshold=(most - 1 - best) / (reference.shape[2] * side**2),
        share=positives / tampered.size,
    )


@dataclass(frozen=True)
class Detection:
    """How well "tampered where the map is above a threshold that was fixed beforehand" finds a mask, over pixels.

    `f1` = 2·TP / (2·TP + FP + FN), `iou` = TP / (TP + FP + FN), `recall` = TP / (TP + FN); `false_alarms` = FP / (FP +
    TN), the share of the untouched pixels that seem tampered with.
    """

    f1: float
    iou: float
    recall: float
    false_alarms: float


def detect(levels: Map, threshold: float, mask: Array) -> Detection:
    """Score one threshold, where `localize` seeks the best; `levels` is an `error_map`.

    Raises:
        CellFailure: as `localize` does.
    """
    tampered = _tampered(mask, levels.shape)
    found = levels > threshold
    hits, alarms, misses = (
        int(np.count_nonzero(both)) for both in (found & tampered, found & ~tampered, ~found & tampered)
    )
    return Detection(
        f1=2 * hits / (2 * hits + alarms + misses),
        iou=hits / (hits + alarms + misses),
        recall=hits / (hits + misses),
        false_alarms=alarms / int(np.count_nonzero(~tampered)),
    )


def _tampered(mask: Array, shape: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """The mask as truths H×W, if it fits and tells something apart."""
    if mask.shape[:2] != shape[:2]:
        raise CellFailure("bad_shape", f"the mask is {mask.shape[:2]}, the pictures are {shape[:2]}")
    tampered = mask.reshape(mask.shape[:2]) > 127
    if tampered.all() or not tampered.any():
        everything = "everything" if tampered.any() else "nothing"
        raise CellFailure("skipped_unsupported", f"{everything} was tampered with, so there is nothing to tell apart")
    return tampered


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
