"""Reading: which cells are known, which runs there are, and the long rows that everything else is made of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from bench_core.errors import RequestError
from bench_core.records import CellKey
from bench_core.store.database import Database
from bench_core.store.schema import executions, models, pictures, run_scores, runs, samples, scores, trips

COLUMNS = (
    "run",
    "plugin",
    "weights",
    "task",
    "dataset",
    "image",
    "degradation",
    "repeat",
    "pair",
    "metric",
    "value",
    "status",
    "error",
    "origin",
    "implementation",
    "details",
    "trip",
    "sample",
)
"""The columns of a long row, as `bench export` gives them. The names up to `origin` are kept for good."""


class Row(NamedTuple):
    """One long row: one cell of one run.

    `details` belong to the score; `trip` is what the trip recorded (encoded bytes, what each stage drew, the share of
    clipped samples), `sample` the content digest of the sample.
    """

    run: str
    plugin: str
    weights: str
    task: str
    dataset: str
    image: str
    degradation: str
    repeat: int
    pair: str
    metric: str
    value: float | None
    status: str
    error: str
    origin: str
    implementation: str
    details: dict[str, Any]
    trip: dict[str, Any] = {}
    sample: str = ""


@dataclass(frozen=True)
class RunInfo:
    """One run, with what it asked for and when it last ran."""

    id: str
    plugin: str
    plugin_version: str
    task: str
    settings: dict[str, Any]
    weights: str
    code: str
    dataset: str
    data_digest: str
    seed: int
    request: dict[str, Any]
    created: datetime
    cells: int
    failed: int

    @property
    def settings_text(self) -> str:
        """The settings on one line, but for texts that are empty: nobody gave them."""
        return ", ".join(f"{key}={value}" for key, value in sorted(self.settings.items()) if value != "")

    @property
    def method(self) -> str:
        """The method with its settings in parentheses, where it has any."""
        return f"{self.plugin} ({self.settings_text})" if self.settings_text else self.plugin


def known_cells(database: Database, model_digest: str, seed: int, digests: Mapping[str, str]) -> dict[CellKey, int]:
    """The good cells of a model on these samples (image id to sample digest), with their score ids."""
    query = (
        select(
            samples.c.image,
            samples.c.digest,
            trips.c.degradation,
            trips.c.repeat,
            scores.c.pair,
            scores.c.implementation,
            scores.c.id,
        )
        .join_from(scores, trips)
        .join(samples)
        .join(models, trips.c.model_id == models.c.id)
        .where(models.c.digest == model_digest, trips.c.seed == seed, scores.c.status == "ok")
    )
    with database.reading() as connection:
        return {
            CellKey(row.image, row.degradation, row.repeat, row.pair, row.implementation): row.id
            for row in connection.execute(query)
            if digests.get(row.image) == row.digest
        }


def list_runs(database: Database) -> list[RunInfo]:
    """All runs, newest first."""
    counts = (
        select(
            run_scores.c.run_id,
            func.count().label("cells"),
            func.count().filter(scores.c.status != "ok").label("failed"),
        )
        .join_from(run_scores, scores)
        .group_by(run_scores.c.run_id)
        .subquery()
    )
    query = (
        select(runs, models, counts.c.cells, counts.c.failed, runs.c.id.label("run_id"))
        .join_from(runs, models)
        .outerjoin(counts, counts.c.run_id == runs.c.id)
        .order_by(runs.c.created.desc(), runs.c.id)
    )
    with database.reading() as connection:
        return [
            RunInfo(
                id=row.run_id,
                plugin=row.name,
                plugin_version=row.plugin_version,
                task=row.task,
                settings=row.settings,
                weights=row.weights,
                code=row.code,
                dataset=row.dataset,
                data_digest=row.data_digest,
                seed=row.seed,
                request=row.request,
                created=row.created,
                cells=row.cells or 0,
                failed=row.failed or 0,
            )
            for row in connection.execute(query)
        ]


def find_run(database: Database, prefix: str) -> RunInfo:
    """The run whose id begins with `prefix` (`last` is the newest); RequestError where none or several do."""
    found = list_runs(database)
    matches = found[:1] if prefix == "last" else [run for run in found if run.id.startswith(prefix)]
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise RequestError(f"no run '{prefix}' in this database; see: bench runs")
    raise RequestError(f"run '{prefix}' is ambiguous: {', '.join(run.id for run in matches[:5])}")


def run_executions(database: Database, run_id: str) -> list[dict[str, Any]]:
    """When, where and with what a run was executed, oldest first."""
    query = select(executions).where(executions.c.run_id == run_id).order_by(executions.c.id)
    with database.reading() as connection:
        return [dict(row._mapping) for row in connection.execute(query)]


def long_rows(database: Database, run_ids: Sequence[str] | None = None) -> list[Row]:
    """The rows of some runs (None: of all), in a fixed order."""
    query = (
        select(
            runs.c.id.label("run"),
            models.c.name,
            models.c.weights,
            models.c.task,
            runs.c.dataset,
            samples.c.image,
            trips.c.degradation,
            trips.c.repeat,
            scores.c.pair,
            scores.c.metric,
            scores.c.value,
            scores.c.status,
            scores.c.error,
            scores.c.implementation,
            scores.c.details,
            trips.c.details.label("trip"),
            samples.c.digest,
        )
        .join_from(run_scores, scores)
        .join(trips, scores.c.trip_id == trips.c.id)
        .join(samples)
        .join(runs, run_scores.c.run_id == runs.c.id)
        .join(models, runs.c.model_id == models.c.id)
    )
    with database.reading() as connection:
        found = [row for chunk in _id_chunks(run_ids) for row in _rows(connection, query, chunk)]
    # Sorted here, not by the database: collations differ between SQLite and PostgreSQL.
    return sorted(
        found, key=lambda row: (row.run, row.image, row.degradation, row.repeat, row.pair, row.implementation)
    )


def _id_chunks(run_ids: Sequence[str] | None) -> Iterable[Sequence[str] | None]:
    if run_ids is None:
        return [None]
    return [run_ids[start : start + 400] for start in range(0, len(run_ids), 400)]


def _rows(connection: Connection, query: Any, run_ids: Sequence[str] | None) -> list[Row]:
    if run_ids is not None:
        query = query.where(runs.c.id.in_(run_ids))
    return [
        Row(
            row.run,
            row.name,
            row.weights[:12],
            row.task,
            row.dataset,
            row.image,
            row.degradation,
            row.repeat,
            row.pair,
            row.metric,
            row.value,
            row.status,
            row.error,
            "measured",
            row.implementation,
            row.details,
            row.trip,
            row.digest,
        )
        for row in connection.execute(query)
    ]


class TripInfo(NamedTuple):
    """One trip of a run: its timings (seconds), details, and the pictures kept of it (role to digest)."""

    image: str
    degradation: str
    repeat: int
    encode_s: float | None
    degrade_s: float | None
    decode_s: float | None
    details: dict[str, Any]
    pictures: dict[str, str]


def run_trips(database: Database, run_id: str) -> list[TripInfo]:
    """The trips of a run in a fixed order."""
    of_run = (
        select(scores.c.trip_id)
        .join_from(run_scores, scores)
        .where(run_scores.c.run_id == run_id)
        .distinct()
        .subquery()
    )
    query = select(trips, samples.c.image).join_from(trips, samples).where(trips.c.id.in_(select(of_run.c.trip_id)))
    with database.reading() as connection:
        kept: dict[int, dict[str, str]] = {}
        for row in connection.execute(select(pictures).where(pictures.c.trip_id.in_(select(of_run.c.trip_id)))):
            kept.setdefault(row.trip_id, {})[row.role] = row.digest
        found = [
            TripInfo(
                row.image,
                row.degradation,
                row.repeat,
                row.encode_s,
                row.degrade_s,
                row.decode_s,
                row.details,
                kept.get(row.id, {}),
            )
            for row in connection.execute(query)
        ]
    return sorted(found, key=lambda trip: (trip.image, trip.degradation, trip.repeat))
