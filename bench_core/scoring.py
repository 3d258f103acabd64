"""From pictures to score records: every pair of a trip under every metric, for one image."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from bench_core.errors import CellFailure, as_failure
from bench_core.metric import Metric, Score, SetMetric
from bench_core.records import CellKey, Description, ScoreRecord
from bench_core.task import Pair

Array = np.ndarray[Any, np.dtype[np.uint8]]
Floats = np.ndarray[Any, np.dtype[np.floating[Any]]]

MID_GRAY = 128
"""What stands in for the picture that a failed trip did not give, in the pessimistic average."""


class Scorer:
    """Scores the trips of one image. What depends on its references alone is computed once.

    `references` are the pictures known before the channel, by source: the sample's, and the carrier where there is
    one. Trips may be scored from several threads.
    """

    def __init__(self, pairs: Iterable[Pair], metrics: Iterable[Metric], references: Mapping[str, Array]) -> None:
        self._pairs = {pair.name: pair for pair in pairs}
        self._metrics = {metric.implementation: metric for metric in metrics}
        self._references = references
        self._prepared: dict[tuple[str, str], list[Any]] = {}
        self._early: dict[tuple[str, str], ScoreRecord] = {}
        self._described: dict[tuple[str, str], Floats] = {}
        self._lock = threading.Lock()

    def score(
        self, cells: Sequence[CellKey], arrived: Mapping[str, Array], facts: Mapping[str, Any] | None = None
    ) -> list[ScoreRecord]:
        """The records of one trip.

        `arrived` holds the received picture and the outputs, by source; `facts` what a metric may want to know besides
        (bench_core.metric.Metric.measure_with). Cells of sets' metrics have no score of their own and are passed over.
        """
        with self._lock:
            return [self._score(cell, arrived, facts or {}) for cell in cells if not self._of_a_set(cell)]

    def describe(self, cells: Sequence[CellKey], arrived: Mapping[str, Array]) -> list[Description]:
        """One trip's part in the figures of whole sets."""
        with self._lock:
            return [self._describe(cell, arrived) for cell in cells if self._of_a_set(cell)]

    def failed(self, cells: Sequence[CellKey], failure: CellFailure) -> list[ScoreRecord]:
        """Records for a trip that did not come to its end."""
        with self._lock:
            return [self._failure(cell, failure) for cell in cells if not self._of_a_set(cell)]

    def undescribed(self, cells: Sequence[CellKey], failure: CellFailure) -> list[Description]:
        """What the figures of whole sets miss of a trip that did not come to its end."""
        return [Description(*_of(cell), failure=failure) for cell in cells if self._of_a_set(cell)]

    def _of_a_set(self, cell: CellKey) -> bool:
        return isinstance(self._metrics[cell.implementation], SetMetric)

    def _describe(self, cell: CellKey, arrived: Mapping[str, Array]) -> Description:
        metric, pair = self._metrics[cell.implementation], self._pairs[cell.pair]
        try:
            estimates, references = (
                self._vectors(metric, source, arrived) for source in (pair.estimate, pair.reference)
            )
        except Exception as error:  # a metric may come from anyone's plugin
            return Description(*_of(cell), failure=as_failure(error, f"metric {metric.name}: "))
        return Description(*_of(cell), estimates, references)

    def _vectors(self, metric: Any, source: str, arrived: Mapping[str, Array]) -> Floats:
        """The descriptions of a source's pictures; what no channel can change is described once."""
        if source in arrived:
            return np.stack([metric.describe(part) for part in pictures(arrived[source])])
        key = (source, metric.implementation)
        if key not in self._described:
            self._described[key] = np.stack([metric.describe(part) for part in pictures(self._references[source])])
        return self._described[key]

    def _score(self, cell: CellKey, arrived: Mapping[str, Array], facts: Mapping[str, Any]) -> ScoreRecord:
        pair, metric = self._pairs[cell.pair], self._metrics[cell.implementation]
        key = (cell.pair, cell.implementation)
        if pair.before_channel and key in self._early:
            return self._early[key]
        try:
            estimate = arrived[pair.estimate] if pair.estimate in arrived else self._references[pair.estimate]
            record = self._measure(cell, estimate, facts)
        except Exception as error:  # a metric may come from anyone's plugin
            record = self._failure(cell, as_failure(error, f"metric {metric.name}: "))
        if pair.before_channel:
            self._early[key] = record
        return record

    def _measure(self, cell: CellKey, estimate: Array, facts: Mapping[str, Any]) -> ScoreRecord:
        metric, reference = self._metrics[cell.implementation], self._references[self._pairs[cell.pair].reference]
        if estimate.shape != reference.shape:
            raise CellFailure("bad_shape", f"{cell.pair}: {estimate.shape} against {reference.shape}")
        key = (cell.pair, cell.implementation)
        if key not in self._prepared:
            self._prepared[key] = [metric.prepare(part) for part in pictures(reference)]
        parts = zip(pictures(estimate), self._prepared[key], strict=True)
        scores = [metric.measure_with(part, prepared, facts) for part, prepared in parts]
        value, details = _together(scores, metric.combine)
        if value is not None and not np.isfinite(value):
            raise CellFailure("nan_output", f"{metric.name} gave {value}")
        if metric.kind != "mean":
            details["kind"] = metric.kind  # summaries read rows alone
        return ScoreRecord(cell.pair, metric.name, cell.implementation, value, details=details)

    def _failure(self, cell: CellKey, failure: CellFailure) -> ScoreRecord:
        metric = self._metrics[cell.implementation]
        details: dict[str, Any] = {"kind": metric.kind} if metric.kind != "mean" else {}
        worst = self._worst(cell)
        if worst is not None:
            details["worst"] = worst
        return ScoreRecord(cell.pair, metric.name, cell.implementation, None, failure.status, failure.reason, details)

    def _worst(self, cell: CellKey) -> float | None:
        """What a failure counts in the pessimistic average: the metric's floor, or a mid-gray picture's score."""
        metric = self._metrics[cell.implementation]
        if metric.worst is not None:
            return metric.worst
        reference = self._references.get(self._pairs[cell.pair].reference)
        if reference is None:
            return None
        try:
            return self._measure(cell, np.full_like(reference, MID_GRAY), {}).value
        except Exception:  # the metric itself is what fails here; then there is no such figure
            return None


def _of(cell: CellKey) -> tuple[str, str]:
    return cell.pair, cell.implementation


def pictures(array: Array) -> list[Array]:
    """The RGB pictures of K secrets on 3K channels; anything else as it is."""
    channels = array.shape[2]
    if channels > 3:
        return [np.ascontiguousarray(array[:, :, start : start + 3]) for start in range(0, channels, 3)]
    return [array]


def _together(scores: Sequence[Score], combine: str) -> tuple[float | None, dict[str, Any]]:
    """Several secrets' scores inside one image as one: mean or sum, none entering with more than its cap.

    Of details, numbers are averaged and truths hold if all do; of anything else there is a list.
    """
    if len(scores) == 1:
        return scores[0].value, dict(scores[0].details)
    details: dict[str, Any] = {}
    for name in scores[0].details:
        found = [score.details.get(name) for score in scores]
        given: list[Any] = [score.details[name] for score in scores if name in score.details]
        if all(isinstance(value, bool) for value in given):
            details[name] = all(found)
        elif all(isinstance(value, (int, float)) for value in given):
            details[name] = float(np.mean(given))
        else:
            details[name] = found
    values = [_capped(score) for score in scores]
    numbers = [value for value in values if value is not None]
    if len(numbers) < len(values) or all(score.value is None for score in scores):
        return None, details
    return float(np.sum(numbers) if combine == "sum" else np.mean(numbers)), details


def _capped(score: Score) -> float | None:
    cap: float | None = score.details.get("cap")
    if cap is None or (score.value is not None and score.value < cap):
        return score.value
    return cap
