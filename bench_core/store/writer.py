"""Writing: a slice of trips at a time, each in one transaction. Only the coordinator calls this.

A cell that is `ok` is never overwritten; a failed one is replaced when it was tried again. Writers of several
processes queue up at the database's lock and lose nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, and_, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bench_core.images import digest, write_image
from bench_core.provenance import digest_of
from bench_core.records import TripRecord
from bench_core.store.database import Database
from bench_core.store.schema import executions, models, pictures, run_scores, runs, samples, scores, trips

CHUNK = 400
"""Values an `IN (…)` may hold; SQLite allows some thousands."""


@dataclass(frozen=True)
class ModelIdentity:
    """What makes results of a method comparable: its name, settings, weights and code."""

    name: str
    plugin: str
    plugin_version: str
    task: str
    settings: Mapping[str, Any]
    weights: str
    code: str

    @property
    def digest(self) -> str:
        """BLAKE2b-128 of everything that can change a result."""
        return digest_of([self.name, self.task, dict(self.settings), self.weights, self.code])


@dataclass(frozen=True)
class RunIdentity:
    """What was asked for. The same request is the same run, whoever asks and however often."""

    model: ModelIdentity
    dataset: str
    data_digest: str
    seed: int
    request: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Twelve hex digits."""
        parts = [self.model.digest, self.dataset, self.data_digest, self.seed, dict(self.request)]
        return digest_of(parts)[:12]


def picture_path(folder: Path, name: str) -> Path:
    """Where a kept picture lies: two-level, named by its content's digest."""
    return folder / name[:2] / f"{name}.png"


class RunWriter:
    """Writes one execution of one run."""

    def __init__(self, database: Database, run: RunIdentity, command: str, provenance: Mapping[str, Any]) -> None:
        self.database = database
        self.run = run
        with database.writing() as connection:
            self.model_id = _ensure_model(connection, run.model)
            _insert_ignore(connection, runs, [_run_row(run, self.model_id)])
            row = {
                "run_id": run.id,
                "started": datetime.now(UTC),
                "command": command,
                "computed": 0,
                "reused": 0,
                "failed": 0,
                "provenance": dict(provenance),
            }
            self.execution_id = connection.execute(insert(executions).values(row)).inserted_primary_key[0]  # type: ignore[index]

    def link(self, score_ids: Iterable[int]) -> None:
        """Make cells that were there already part of this run."""
        rows = [{"run_id": self.run.id, "score_id": score_id} for score_id in score_ids]
        if rows:
            with self.database.writing() as connection:
                _insert_ignore(connection, run_scores, rows)

    def write(self, records: Sequence[TripRecord]) -> None:
        """Write a slice: samples, trips, scores and kept pictures, in one transaction."""
        kept = {id(record): self._keep(record) for record in records if record.pictures}
        with self.database.writing() as connection:
            sample_ids = _ensure_samples(connection, records)
            trip_ids = self._write_trips(connection, records, sample_ids)
            self._write_scores(connection, records, trip_ids)
            rows = [
                {"trip_id": trip_ids[record.key], "role": role, "digest": name}
                for record in records
                for role, name in kept.get(id(record), {}).items()
            ]
            if rows:
                _upsert(connection, pictures, rows, ("trip_id", "role"), ("digest",))

    def finish(self, *, computed: int, reused: int, failed: int, done: bool) -> None:
        """Close the execution's book; `done=False` leaves it marked as unfinished."""
        values = {"computed": computed, "reused": reused, "failed": failed}
        with self.database.writing() as connection:
            connection.execute(
                update(executions)
                .where(executions.c.id == self.execution_id)
                .values(**values, finished=datetime.now(UTC) if done else None)
            )

    def _keep(self, record: TripRecord) -> dict[str, str]:
        digests = {}
        for role, image in record.pictures.items():
            digests[role] = digest(image)
            path = picture_path(self.database.pictures, digests[role])
            if not path.exists():
                write_image(path, image)
        return digests

    def _write_trips(
        self, connection: Connection, records: Sequence[TripRecord], sample_ids: Mapping[tuple[str, str], int]
    ) -> dict[Any, int]:
        rows: list[dict[str, Any]] = [
            {
                "model_id": self.model_id,
                "sample_id": sample_ids[record.key.image, record.sample_digest],
                "degradation": record.key.degradation,
                "repeat": record.key.repeat,
                "seed": self.run.seed,
                "encode_s": record.encode_s,
                "degrade_s": record.degrade_s,
                "decode_s": record.decode_s,
                "details": record.details,
            }
            for record in records
        ]
        natural = ("model_id", "sample_id", "degradation", "repeat", "seed")
        _upsert(connection, trips, rows, natural, ("encode_s", "degrade_s", "decode_s", "details"))
        found: dict[tuple[int, str, int], int] = {}
        for chunk in _chunks(sorted({row["sample_id"] for row in rows})):
            query = select(trips.c.id, trips.c.sample_id, trips.c.degradation, trips.c.repeat).where(
                trips.c.model_id == self.model_id, trips.c.seed == self.run.seed, trips.c.sample_id.in_(chunk)
            )
            found.update({(row.sample_id, row.degradation, row.repeat): row.id for row in connection.execute(query)})
        return {
            record.key: found[row["sample_id"], row["degradation"], row["repeat"]]
            for record, row in zip(records, rows, strict=True)
        }

    def _write_scores(self, connection: Connection, records: Sequence[TripRecord], trip_ids: Mapping[Any, int]) -> None:
        rows = [
            {
                "trip_id": trip_ids[record.key],
                "pair": score.pair,
                "metric": score.metric,
                "implementation": score.implementation,
                "value": score.value,
                "status": score.status,
                "error": score.error,
                "details": score.details,
            }
            for record in records
            for score in record.scores
        ]
        if not rows:
            return
        changed = ("metric", "value", "status", "error", "details")
        natural = ("trip_id", "pair", "implementation")
        _upsert(connection, scores, rows, natural, changed, where=scores.c.status != "ok")
        wanted = {(row["trip_id"], row["pair"], row["implementation"]) for row in rows}
        for chunk in _chunks(sorted({row["trip_id"] for row in rows})):
            query = select(scores.c.id, scores.c.trip_id, scores.c.pair, scores.c.implementation).where(
                scores.c.trip_id.in_(chunk)
            )
            links = [
                {"run_id": self.run.id, "score_id": row.id}
                for row in connection.execute(query)
                if (row.trip_id, row.pair, row.implementation) in wanted
            ]
            _insert_ignore(connection, run_scores, links)


def _run_row(run: RunIdentity, model_id: int) -> dict[str, Any]:
    return {
        "id": run.id,
        "model_id": model_id,
        "dataset": run.dataset,
        "data_digest": run.data_digest,
        "seed": run.seed,
        "request": dict(run.request),
        "created": datetime.now(UTC),
    }


def _ensure_model(connection: Connection, model: ModelIdentity) -> int:
    row = {
        "digest": model.digest,
        "name": model.name,
        "plugin": model.plugin,
        "plugin_version": model.plugin_version,
        "task": model.task,
        "settings": dict(model.settings),
        "weights": model.weights,
        "code": model.code,
    }
    _insert_ignore(connection, models, [row])
    return int(connection.execute(select(models.c.id).where(models.c.digest == model.digest)).scalar_one())


def _ensure_samples(connection: Connection, records: Sequence[TripRecord]) -> dict[tuple[str, str], int]:
    wanted = sorted({(record.key.image, record.sample_digest) for record in records})
    _insert_ignore(connection, samples, [{"image": image, "digest": digest} for image, digest in wanted])
    ids = {}
    for chunk in _chunks(wanted):
        match = or_(*(and_(samples.c.image == image, samples.c.digest == digest) for image, digest in chunk))
        rows = connection.execute(select(samples.c.id, samples.c.image, samples.c.digest).where(match))
        ids.update({(row.image, row.digest): row.id for row in rows})
    return ids


def _chunks(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


def _dialect_insert(connection: Connection, table: Table) -> Any:
    # Both dialects spell ON CONFLICT alike, but SQLAlchemy keeps it in the dialects.
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def _insert_ignore(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(_dialect_insert(connection, table).on_conflict_do_nothing(), list(rows))


def _upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    natural: Sequence[str],
    changed: Sequence[str],
    where: Any = None,
) -> None:
    statement = _dialect_insert(connection, table)
    statement = statement.on_conflict_do_update(
        index_elements=list(natural), set_={name: statement.excluded[name] for name in changed}, where=where
    )
    connection.execute(statement, list(rows))
