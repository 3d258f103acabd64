"""From long rows to the lines of a table; the command line and the pages print these, so they cannot disagree."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bench_core.statistics import Cell, Summary, summarize
from bench_core.store.queries import Row


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
    """Summarize long rows by (run, degradation, pair, metric), in the order in which these first appear."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        key = (row.run, row.degradation, row.pair, row.metric)
        groups.setdefault(key, []).append(row)
    return [
        SummaryLine(
            first.run, first.plugin, first.dataset, first.task, first.degradation, first.pair, first.metric,
            _summary(group, seed),
        )
        for group in groups.values()
        for first in group[:1]
    ]


def _summary(rows: list[Row], seed: int) -> Summary:
    kind = next((row.details["kind"] for row in rows if "kind" in row.details), "mean")
    return summarize((Cell(row.image, row.value, row.status, row.details) for row in rows), kind=kind, seed=seed)
