"""`bench runs` and `bench show`: what is in a database."""

import json
from collections import Counter
from typing import Any

import click

from bench_core.cli.options import db_option, json_option
from bench_core.store.database import open_database
from bench_core.store.queries import RunInfo, find_run, list_runs, long_rows, run_executions


@click.command()
@db_option
@json_option
def runs(db: str, as_json: bool) -> None:
    """List the runs in the database, newest first."""
    database = open_database(db, create=False)
    found = list_runs(database)
    database.close()
    if as_json:
        click.echo(json.dumps([run_dict(run) for run in found], indent=2))
        return
    from bench_core.cli.tables import print_table

    rows = [
        [
            run.id,
            f"{run.created:%Y-%m-%d %H:%M}",
            run.plugin,
            run.task,
            run.dataset,
            str(len(run.request["degradations"])),
            str(run.cells),
            str(run.failed or ""),
        ]
        for run in found
    ]
    print_table(["run", "created (UTC)", "plugin", "task", "data set", "degradations", "cells", "failed"], rows)


@click.command()
@click.argument("run_id", metavar="RUN", default="last")
@db_option
@json_option
def show(run_id: str, db: str, as_json: bool) -> None:
    """Show one run (an id, its beginning, or `last`): figures, failures and provenance."""
    from bench_core.summary import summarize_rows

    database = open_database(db, create=False)
    info = find_run(database, run_id)
    rows = long_rows(database, [info.id])
    executions = run_executions(database, info.id)
    database.close()
    failures = Counter((row.status, row.error) for row in rows if row.status != "ok")
    if as_json:
        content = {
            **run_dict(info),
            "summary": [line.as_dict() for line in summarize_rows(rows, seed=info.seed)],
            "failures": [
                {"status": status, "error": error, "cells": n} for (status, error), n in failures.most_common()
            ],
            "executions": [_plain(execution) for execution in executions],
        }
        click.echo(json.dumps(content, indent=2, allow_nan=False))
        return
    from bench_core.cli.tables import print_summary

    for name, value in run_dict(info).items():
        click.echo(f"{name + ':':<16} {json.dumps(value) if isinstance(value, dict) else value}")
    print_summary(rows, seed=info.seed)
    for (status, error), n in failures.most_common():
        click.echo(f"{n} {'cell' if n == 1 else 'cells'} {status}: {error}")
    for execution in executions:
        finished = execution["finished"]
        end = f"finished {finished:%Y-%m-%d %H:%M:%S}" if finished else "not finished"
        click.echo(
            f"executed {execution['started']:%Y-%m-%d %H:%M:%S} UTC, {end}: {execution['computed']} computed, "
            f"{execution['reused']} reused, {execution['failed']} failed\n  {execution['command']}"
        )
    if executions:
        click.echo("provenance:")
        for group, facts in executions[-1]["provenance"].items():
            click.echo(
                f"  {group}: "
                + (", ".join(f"{k} {v}" for k, v in facts.items()) if isinstance(facts, dict) else str(facts))
            )


def run_dict(run: RunInfo) -> dict[str, Any]:
    """A run as plain values."""
    return {**vars(run), "created": run.created.isoformat()}


def _plain(execution: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value.isoformat() if key in ("started", "finished") and value is not None else value
        for key, value in execution.items()
    }
