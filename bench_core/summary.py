"""From long rows to the lines of a table; the command line and the pages print these, so they cannot disagree."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bench_core.statistics import Cell, Summary, summarize
from bench_core.store.queries import Row
from bench_core.task import TASKS


@dataclass(frozen=True)
class SummaryLine:
    """One metric on one pair under one degradation in one run."""

    run: str
    plugin: str
    dataset: str
    task: str
    degradation: str
    pair: str
    metric: str
    summary: Summary

    @property
    def failed(self) -> int:
        """Cells without a figure."""
        return self.summary.n_total - self.summary.n_ok

    def as_dict(self) -> dict[str, Any]:
        """Plain values, the summary's beside the names."""
        names = {key: value for key, value in vars(self).items() if key != "summary"}
        return {**names, **self.summary.as_dict(), "failed": self.failed}


def summarize_rows(rows: Iterable[Row], *, seed: int = 0) -> list[SummaryLine]:
    """Summarize long rows by (run, degradation, pair, metric), in reading order.

    Reading order: the clean channel first, then by name and number; the task's order of pairs; metrics by name; and
    beside each other what is to be compared, the runs.
    """
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        key = (row.run, row.degradation, row.pair, row.metric)
        groups.setdefault(key, []).append(row)
    lines = []
    for group in groups.values():
        row = group[0]
        names = (row.run, row.plugin, row.dataset, row.task, row.degradation, row.pair, row.metric)
        lines.append(SummaryLine(*names, _summary(group, seed)))
    return sorted(lines, key=_reading_order)


def natural_order(degradation: str) -> tuple[Any, ...]:
    """A key that sorts canonical ids as people do: the clean channel first, and `jpeg:q=5` before `jpeg:q=40`."""
    parts = re.split(r"(\d+(?:\.\d+)?)", degradation)
    return degradation != "identity", *(
        (part, 0.0) if index % 2 == 0 else ("", float(part)) for index, part in enumerate(parts)
    )


def _reading_order(line: SummaryLine) -> tuple[Any, ...]:
    pairs = [pair.name for pair in TASKS[line.task].pairs] if line.task in TASKS else []
    pair = pairs.index(line.pair) if line.pair in pairs else len(pairs)
    return line.dataset, line.task, natural_order(line.degradation), pair, line.metric, line.plugin, line.run


def _summary(rows: list[Row], seed: int) -> Summary:
    kind = next((row.details["kind"] for row in rows if "kind" in row.details), "mean")
    return summarize((Cell(row.image, row.value, row.status, row.details) for row in rows), kind=kind, seed=seed)
