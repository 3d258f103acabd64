"""Suites in the database: what papers report, and the runs that stand beside it.

Reported figures lie in a table of their own, which no query of measured rows reads: that is how they stay out of every
average, ranking and comparison.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, insert, select, update

from bench_core.errors import RequestError
from bench_core.records import WHOLE_SET
from bench_core.store.database import Database
from bench_core.store.queries import Row
from bench_core.store.schema import reported, suite_runs, suites

RUN_PREFIX = "suite:"
"""What stands for the run in a reported row: `suite:riis-table3`."""


class ReportedFigure(NamedTuple):
    """One number as a paper prints it; `degradation` is a canonical id, empty for a hyper-parameter."""

    row: str
    dataset: str
    degradation: str
    pair: str
    metric: str
    value: float
    note: str = ""


@dataclass(frozen=True)
class StoredSuite:
    """A suite as a database holds it; `source` is the paper's table or figure."""

    name: str
    title: str
    citation: str
    source: str
    task: str
    definition: Mapping[str, Any]
    notes: Mapping[str, Any]


class SuiteRun(NamedTuple):
    """A run of one of a suite's methods, and the line about its data."""

    method: str
    run_id: str
    note: str
    added: datetime


def record_suite(database: Database, suite: StoredSuite, figures: Sequence[ReportedFigure]) -> None:
    """Write a suite and its reported figures in one transaction; those of an earlier reading of it are replaced."""
    facts = {name: value for name, value in vars(suite).items() if name != "name"}
    rows = [
        {"suite": suite.name, "citation": suite.citation, "source": suite.source, **figure._asdict()}
        for figure in figures
    ]
    with database.writing() as connection:
        known = connection.execute(select(suites.c.name).where(suites.c.name == suite.name)).first()
        if known:
            connection.execute(update(suites).where(suites.c.name == suite.name).values(**facts))
        else:
            connection.execute(insert(suites).values(name=suite.name, **facts))
        connection.execute(delete(reported).where(reported.c.suite == suite.name))
        if rows:
            connection.execute(insert(reported), rows)


def link_run(database: Database, suite: str, method: str, run_id: str, note: str) -> None:
    """Make a run stand for one of a suite's methods; the last one linked is the newest."""
    with database.writing() as connection:
        same = (suite_runs.c.suite == suite, suite_runs.c.method == method, suite_runs.c.run_id == run_id)
        connection.execute(delete(suite_runs).where(*same))
        row = {"suite": suite, "method": method, "run_id": run_id, "note": note, "added": datetime.now(UTC)}
        connection.execute(insert(suite_runs).values(row))


def suite_names(database: Database) -> list[str]:
    """The suites that were run into this database, by name."""
    with database.reading() as connection:
        return sorted(connection.execute(select(suites.c.name)).scalars())


def find_suite(database: Database, name: str) -> StoredSuite | None:
    """A suite by its name, or None where it was never run here."""
    with database.reading() as connection:
        row = connection.execute(select(suites).where(suites.c.name == name)).first()
    return StoredSuite(**row._mapping) if row else None


def get_suite(database: Database, name: str) -> StoredSuite:
    """A suite by its name; RequestError where it was never run here."""
    if suite := find_suite(database, name):
        return suite
    known = ", ".join(suite_names(database)) or "none"
    raise RequestError(f"suite '{name}' was not run into this database (it has: {known}); bench run --suite {name}")


def reported_figures(database: Database, suite: str) -> list[ReportedFigure]:
    """What a suite's paper reports, in the paper's order."""
    query = select(reported).where(reported.c.suite == suite).order_by(reported.c.id)
    with database.reading() as connection:
        return [
            ReportedFigure(*(getattr(row, name) for name in ReportedFigure._fields))
            for row in connection.execute(query)
        ]


def linked_runs(database: Database, suite: str) -> list[SuiteRun]:
    """The runs of a suite's methods, newest first."""
    query = select(suite_runs).where(suite_runs.c.suite == suite).order_by(suite_runs.c.added.desc())
    with database.reading() as connection:
        return [SuiteRun(row.method, row.run_id, row.note, row.added) for row in connection.execute(query)]


def reported_rows(database: Database, names: Sequence[str] | None = None) -> list[Row]:
    """Reported figures as long rows with origin `reported` (names: of these suites, None: of all), in a fixed order.

    `run` is the suite (`suite:riis-table3`), `plugin` the row as the paper calls it, `image` the whole set's.
    """
    query = select(reported, suites.c.task).join_from(reported, suites).order_by(reported.c.suite, reported.c.id)
    with database.reading() as connection:
        return [
            Row(
                run=f"{RUN_PREFIX}{row.suite}",
                plugin=row.row,
                weights="",
                task=row.task,
                dataset=row.dataset,
                image=WHOLE_SET,
                degradation=row.degradation,
                repeat=0,
                pair=row.pair,
                metric=row.metric,
                value=row.value,
                status="ok",
                error="",
                origin="reported",
                implementation="",
                details={"citation": row.citation, "table": row.source, "note": row.note},
            )
            for row in connection.execute(query)
            if names is None or row.suite in names
        ]
