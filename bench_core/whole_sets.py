"""Figures of whole sets: descriptions come in with the slices, and are compared when all of them are there."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from bench_core.errors import CellFailure, as_failure
from bench_core.metric import Metric, SetMetric
from bench_core.plan import Workbench
from bench_core.records import CellKey, Description, ScoreRecord, TripKey, TripRecord


class WholeSets:
    """Collects what the missing cells of whole sets need, and makes their records.

    A picture without a description leaves the figure of its set without a value, since a set with a hole in it is
    another set; what the rest would score stands in the details (`value_of_rest`, `n`).
    """

    def __init__(self, bench: Workbench, cells: Sequence[CellKey]) -> None:
        self._bench = bench
        self._metrics = {metric.implementation: metric for metric in bench.metrics.values()}
        self._parts: dict[CellKey, list[tuple[TripKey, Description]]] = {cell: [] for cell in cells}

    def add(self, records: Iterable[TripRecord]) -> None:
        """Take the descriptions out of a slice's records."""
        found = {(cell.degradation, cell.pair, cell.implementation): cell for cell in self._parts}
        for record in records:
            for part in record.described:
                cell = found.get((record.key.degradation, part.pair, part.implementation))
                if cell is not None:
                    self._parts[cell].append((record.key, part))

    def records(self) -> list[TripRecord]:
        """One record a channel, of the image `WHOLE_SET`."""
        records: dict[TripKey, TripRecord] = {}
        for cell in self._parts:
            record = records.setdefault(cell.trip, TripRecord(cell.trip, self._bench.digests[cell.image]))
            record.scores.append(self._record(cell))
        return list(records.values())

    def _record(self, cell: CellKey) -> ScoreRecord:
        metric = self._metrics[cell.implementation]
        parts = sorted(self._parts[cell], key=lambda part: part[0])  # whatever the order they came in
        failures = [part.failure for _, part in parts if part.failure]
        value, details, failure = _compare(metric, parts, self._bench.request.seed)
        details["kind"] = metric.kind
        if failures and value is not None:
            details["value_of_rest"], value = value, None
        if failures:
            reason = f"{len(failures)} of {len(parts)} pictures have none: {failures[0].reason}"
            failure = CellFailure(failures[0].status, reason)
        record = ScoreRecord(cell.pair, metric.name, cell.implementation, value, details=details)
        if failure is not None:
            record.status, record.error = failure.status, failure.reason
        return record


def _compare(
    metric: Metric, parts: Sequence[tuple[TripKey, Description]], seed: int
) -> tuple[float | None, dict[str, Any], CellFailure | None]:
    if not isinstance(metric, SetMetric):
        raise TypeError(f"{metric.name} does not compare sets")
    images: list[str] = []
    estimates, references = [], []
    for key, part in parts:
        if part.estimates is not None and part.references is not None:
            estimates.append(part.estimates)
            references.append(part.references)
            images += [key.image] * len(part.estimates)
    details: dict[str, Any] = {"n": len(set(images))}
    if len(set(images)) < metric.least:
        reason = f"{metric.name} needs {metric.least} pictures, not {len(set(images))}"
        return None, details, CellFailure("skipped_unsupported", reason)
    try:
        score = metric.compare(np.concatenate(estimates), np.concatenate(references), images, seed)
    except Exception as error:  # a metric may come from anyone's plugin
        return None, details, as_failure(error, f"metric {metric.name}: ")
    if score.value is not None and not np.isfinite(score.value):
        return None, details, CellFailure("nan_output", f"{metric.name} gave {score.value}")
    return score.value, {**details, **score.details}, None
