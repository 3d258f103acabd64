"""What the pages are made of: each run with its rows, its figures and the metrics it asked for."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench_core.store.database import Database
from bench_core.store.queries import Row, RunInfo, list_runs, long_rows, run_executions
from bench_core.summary import SummaryLine, summarize_rows

SHORT = 8
"""Hex digits of a digest that a page shows; the whole one is on the run's page."""


@dataclass(frozen=True)
class MetricInfo:
    """A metric as its run recorded it: `implementation` is the name with the version."""

    implementation: str
    name: str
    direction: str = "none"
    unit: str = ""

    @property
    def arrow(self) -> str:
        """Which way is better."""
        return {"higher": "↑", "lower": "↓"}.get(self.direction, "")

    @property
    def better(self) -> str:
        """The same in words."""
        return {"higher": "higher is better", "lower": "lower is better"}.get(self.direction, "no better direction")


@dataclass(frozen=True)
class RunResult:
    """One run: what it is, its long rows, and the figures made of them."""

    info: RunInfo
    rows: Sequence[Row]
    lines: Sequence[SummaryLine]
    executions: Sequence[Mapping[str, Any]]

    @property
    def id(self) -> str:
        """The run's id."""
        return self.info.id

    @property
    def method(self) -> str:
        """What makes figures those of one method: its name, settings, weights and code, and the seed."""
        info = self.info
        return json.dumps([info.plugin, info.settings, info.weights, info.code, info.seed], sort_keys=True)

    @cached_property
    def metrics(self) -> dict[str, MetricInfo]:
        """The metrics asked for, by name."""
        asked = self.info.request.get("metrics", {})
        found = {}
        for implementation, facts in asked.items() if isinstance(asked, Mapping) else ():
            found[facts["name"]] = MetricInfo(implementation, facts["name"], facts["direction"], facts["unit"])
        for row in self.rows:
            found.setdefault(row.metric, MetricInfo(row.implementation, row.metric))
        return found

    @property
    def degradations(self) -> list[str]:
        """The canonical ids asked for."""
        return list(self.info.request.get("degradations", ()))

    @cached_property
    def by_key(self) -> dict[tuple[str, str, str], SummaryLine]:
        """The figures by (degradation, pair, metric)."""
        return {(line.degradation, line.pair, line.metric): line for line in self.lines}

    @cached_property
    def failures(self) -> Counter[tuple[str, str]]:
        """How many cells failed, by status and reason."""
        return Counter((row.status, row.error) for row in self.rows if row.status != "ok")

    @property
    def finished(self) -> bool:
        """Whether any execution of the run came to its end."""
        return any(execution["finished"] for execution in self.executions)


def read_results(database: Database) -> list[RunResult]:
    """All runs of a database, newest first; each one's figures are those that `bench show` prints."""
    rows: dict[str, list[Row]] = {}
    for row in long_rows(database):
        rows.setdefault(row.run, []).append(row)
    return [
        RunResult(
            info,
            found := rows.get(info.id, []),
            summarize_rows(found, seed=info.seed),
            run_executions(database, info.id),
        )
        for info in list_runs(database)
    ]


def run_labels(runs: Sequence[RunResult]) -> dict[str, str]:
    """A short name for each run: its method, and just so much more as tells it from the others.

    Settings that differ come first, then weights, seed and the run's id.
    """
    names: dict[str, str] = {}
    for run in runs:
        twins = [other for other in runs if other.info.plugin == run.info.plugin]
        parts = [run.info.plugin]
        if len(twins) > 1:
            parts += _differences(run, twins)
        names[run.id] = " ".join(parts)
    taken = Counter(names.values())
    return {run: name if taken[name] == 1 else f"{name} · {run[:SHORT]}" for run, name in names.items()}


def _differences(run: RunResult, twins: Sequence[RunResult]) -> list[str]:
    differing = [
        f"{key}={value}"
        for key, value in sorted(run.info.settings.items())
        if any(twin.info.settings.get(key) != value for twin in twins)
    ]
    if run.info.weights and len({twin.info.weights for twin in twins}) > 1:
        differing.append(run.info.weights[:SHORT])
    if len({twin.info.seed for twin in twins}) > 1:
        differing.append(f"seed={run.info.seed}")
    return differing
