"""The base class of metrics: one pair of 8-bit pictures in, one score out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from bench_core.errors import CellFailure
from bench_core.task import Pair

Array = np.ndarray[Any, np.dtype[np.uint8]]
Floats = np.ndarray[Any, np.dtype[np.floating[Any]]]


@dataclass(frozen=True)
class Score:
    """What a metric says of one pair.

    `value` is None where the number does not exist although nothing failed (the PSNR of identical pictures);
    `details` are JSON-able facts that belong to it. Four keys have a meaning for summaries
    (bench_core.statistics): `cap`, the number to average with where `value` is None or above it; `identical`, that
    the pictures do not differ; `mse`, the mean squared error in 8-bit units, which is pooled; and `reference`,
    the same figure of the reference picture. Two together are pooled as well: `intersection` and `union`, in pixels by
    class.
    """

    value: float | None
    details: dict[str, Any] = field(default_factory=dict)


class Metric:
    """A measurement on uint8 H×W×C pictures of equal shape, C = 1 or 3.

    `version` names the implementation; it is part of a cell's identity, so that a changed definition is
    computed afresh. `direction` is `higher` or `lower`, whichever is better, or `none` for a figure to be read
    beside its reference's. `kind` is `mean` or `proportion` (a 0/1 value a picture, with a Wilson interval).
    `worst` is what a failure counts in the pessimistic average; None: what a mid-gray picture would score.
    `compares` is the kind of pairs that the metric means something on: `picture`, or `labels`, maps of class numbers;
    `pairs` names those among them (none: all of them). Of several secrets in one image, the figures are averaged, or
    added up (`combine = "sum"`). One instance serves all threads: `prepare` and `measure` keep nothing between calls.
    """

    name: str = ""
    version: str = "1"
    direction: str = "higher"
    unit: str = ""
    kind: str = "mean"
    worst: float | None = None
    compares: ClassVar[str] = "picture"
    pairs: ClassVar[tuple[str, ...]] = ()
    combine: ClassVar[str] = "mean"

    @property
    def implementation(self) -> str:
        """`name@version`, as stored with each value."""
        return f"{self.name}@{self.version}"

    def scores(self, pair: Pair) -> bool:
        """Whether the metric means something on this pair."""
        return pair.kind == self.compares and (not self.pairs or pair.name in self.pairs)

    def prepare(self, reference: Array) -> Any:
        """What depends on the reference alone, computed once however many estimates follow."""
        return reference

    def measure(self, estimate: Array, prepared: Any) -> Score:
        """Score `estimate` against what `prepare` made of its reference.

        Raises:
            CellFailure: where the metric is not defined for these pictures (`skipped_unsupported`) or its
                weights cannot be had (`weights_missing`).
        """
        raise TypeError(f"{type(self).__name__} does not say how to measure")

    def measure_with(self, estimate: Array, prepared: Any, facts: Mapping[str, Any]) -> Score:
        """Score `estimate`, knowing more of its trip; overridden by metrics that need more than two pictures.

        `facts` holds what there is of: `mask` (uint8 H×W×1, 255 where the channel tampered with the picture) and
        `label` (the class number of what the picture shows).
        """
        return self.measure(estimate, prepared)

    def __call__(self, estimate: Array, reference: Array, facts: Mapping[str, Any] | None = None) -> Score:
        """Score one pair of uint8 pictures of the same shape.

        Raises:
            CellFailure: `bad_shape` where the two differ in shape or are not uint8 H×W×1 or H×W×3; otherwise as
                `measure` does.
        """
        if estimate.shape != reference.shape:
            raise CellFailure(
                "bad_shape", f"{self.name} compares pictures of one shape, not {estimate.shape} and {reference.shape}"
            )
        if (
            estimate.ndim != 3
            or estimate.shape[2] not in (1, 3)
            or {estimate.dtype, reference.dtype} != {np.dtype(np.uint8)}
        ):
            raise CellFailure(
                "bad_shape", f"{self.name} takes uint8 H×W×1 or H×W×3, not {estimate.dtype} {estimate.shape}"
            )
        return self.measure_with(estimate, self.prepare(reference), facts or {})


class SetMetric(Metric):
    """A figure of a whole set of pictures against the set of their references: FID, a detector's error, ….

    Each picture is described on its own, wherever its trip is computed; the descriptions are compared once, when all
    are there, so that the figure depends on no order. `least` is how many pictures a figure needs. An interval stands
    in the score's details as `low` and `high`, the number of pictures as `n`.
    """

    kind = "set"
    worst = None
    least: ClassVar[int] = 2

    def describe(self, image: Array) -> Floats:
        """What the comparison needs of one uint8 H×W×C picture: a vector, of one length for all pictures.

        Raises:
            CellFailure: where the picture cannot be described.
        """
        raise TypeError(f"{type(self).__name__} does not say how to describe a picture")

    def compare(self, estimates: Floats, references: Floats, images: Sequence[str], seed: int) -> Score:
        """The figure of N×D descriptions against the N×D ones of their references.

        `images` names the image that each row belongs to: rows of one image (repeats, several secrets) must stay on one
        side of any split. `seed` is the run's.

        Raises:
            CellFailure: where there is no figure for these sets.
        """
        raise TypeError(f"{type(self).__name__} does not say how to compare sets")

    def measure(self, estimate: Array, prepared: Any) -> Score:
        """Not for a single pair; CellFailure."""
        raise CellFailure("skipped_unsupported", f"{self.name} compares sets of pictures, not two pictures")
