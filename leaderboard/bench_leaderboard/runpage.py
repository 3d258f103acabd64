"""What a run's own page says besides its gallery: the request, the figures of all pairs, failures, executions."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bench_core.records import WHOLE_SET
from bench_core.store.queries import TripInfo
from bench_core.summary import SummaryLine
from bench_leaderboard.degradations import anchor, label
from bench_leaderboard.results import RunResult

EXAMPLES = 3
"""Images named as examples of a failure."""


@dataclass(frozen=True)
class Block:
    """The figures under one degradation."""

    anchor: str
    degradation: str
    label: str
    lines: Sequence[SummaryLine]


@dataclass(frozen=True)
class Failure:
    """Cells that failed alike."""

    status: str
    error: str
    cells: int
    degradations: Sequence[str]
    images: Sequence[str]
    more: int


@dataclass(frozen=True)
class Execution:
    """One time that a run was executed."""

    started: str
    finished: str
    duration: str
    computed: int
    reused: int
    failed: int
    command: str
    provenance: Sequence[tuple[str, Sequence[tuple[str, str]]]]


def blocks(run: RunResult) -> list[Block]:
    """The figures by degradation, in the order asked for; anchors are those that the tables link to."""
    asked = [*run.degradations, *sorted({line.degradation for line in run.lines} - set(run.degradations))]
    found = (
        Block(
            anchor(degradation),
            degradation,
            label(degradation),
            [line for line in run.lines if line.degradation == degradation],
        )
        for degradation in asked
    )
    return [block for block in found if block.lines]


def failures(run: RunResult) -> list[Failure]:
    """Failed cells by status and reason, the most frequent first."""
    found = []
    for (status, error), cells in run.failures.most_common():
        rows = [row for row in run.rows if (row.status, row.error) == (status, error)]
        images = ["the whole set" if row.image == WHOLE_SET else row.image for row in rows]
        images = list(dict.fromkeys(images))
        channels = list(dict.fromkeys(label(row.degradation) for row in rows))
        found.append(Failure(status, error, cells, channels, images[:EXAMPLES], max(0, len(images) - EXAMPLES)))
    return found


def facts(run: RunResult) -> list[tuple[str, str]]:
    """What was asked for, as name and value."""
    info, request = run.info, run.info.request
    found = [
        ("method", info.plugin),
        ("version", info.plugin_version),
        ("task", info.task),
        ("settings", run.info.settings_text or "none"),
        ("weights", f"SHA-256 {info.weights}" if info.weights else "none"),
        ("code", f"BLAKE2b {info.code}"),
        ("data set", info.dataset),
        ("data", f"BLAKE2b {info.data_digest}"),
        ("seed", str(info.seed)),
        ("degradations", ", ".join(run.degradations)),
        ("metrics", ", ".join(metric.implementation for metric in run.metrics.values())),
    ]
    found += [(name, str(request[name])) for name in ("repeats", "size", "limit") if request.get(name) is not None]
    return [*found, ("created", moment(info.created))]


def executions(run: RunResult) -> list[Execution]:
    """Each execution, oldest first."""
    return [
        Execution(
            started=moment(execution["started"]),
            finished=moment(execution["finished"]) if execution["finished"] else "not finished",
            duration=_duration(execution["started"], execution["finished"]),
            computed=execution["computed"],
            reused=execution["reused"],
            failed=execution["failed"],
            command=execution["command"],
            provenance=list(_provenance(execution["provenance"])),
        )
        for execution in run.executions
    ]


def timings(trips: Sequence[TripInfo]) -> list[tuple[str, str, int]]:
    """Mean time of each step and how often it was timed. An image is encoded once, however many channels follow."""
    encoded = {trip.image: trip.encode_s for trip in trips}
    steps: dict[str, Iterable[float | None]] = {
        "encode": encoded.values(),
        "degrade": (trip.degrade_s for trip in trips),
        "decode": (trip.decode_s for trip in trips),
    }
    taken = {step: [value for value in values if value is not None] for step, values in steps.items()}
    return [(step, seconds(math.fsum(values) / len(values)), len(values)) for step, values in taken.items() if values]


def seconds(value: float) -> str:
    """A time with three digits."""
    if value < 1e-5:
        return "< 0.01 ms"
    return f"{1000 * value:.3g} ms" if value < 1 else f"{value:.3g} s"


def moment(when: datetime) -> str:
    """A time in UTC, as the database keeps it."""
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


def _duration(start: datetime, end: datetime | None) -> str:
    return seconds((end - start).total_seconds()) if end else "–"


def _provenance(groups: Mapping[str, Any]) -> Iterable[tuple[str, Sequence[tuple[str, str]]]]:
    for name, facts in groups.items():
        if isinstance(facts, Mapping):
            yield name, [(str(key), str(value)) for key, value in facts.items()]
        elif facts is not None:
            yield name, [("revision" if name == "git" else name, str(facts))]
