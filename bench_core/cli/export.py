"""`bench export`: the long rows as a file."""

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from bench_core.cli.options import db_option
from bench_core.errors import RequestError
from bench_core.rows import as_csv, as_json, as_parquet
from bench_core.store.database import open_database
from bench_core.store.queries import Row, find_run, long_rows
from bench_core.store.suites import RUN_PREFIX, get_suite, reported_rows

FORMATS: dict[str, Callable[[Sequence[Row]], bytes]] = {"csv": as_csv, "json": as_json, "parquet": as_parquet}


@click.command()
@click.argument("run_ids", nargs=-1, metavar="[RUN]...")
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(FORMATS)),
    envvar="BENCH_EXPORT_FORMAT",
    help="Default: by the file's suffix.",
)
@click.option("-o", "--output", metavar="FILE", help="Where to write; CSV and JSON go to standard output without it.")
@db_option
def export(run_ids: tuple[str, ...], format_: str | None, output: str | None, db: str) -> None:
    """Write the rows of RUNs (all without any): one row a cell, with value, status and reason.

    Without any RUN, what papers report is in it too, with origin `reported`; `suite:NAME` writes that of one suite.
    """
    kind = format_ or (Path(output).suffix.lstrip(".").lower() if output else "csv")
    if kind not in FORMATS:
        raise RequestError(f"-o {output}: cannot tell the format from the name; add --format csv, json or parquet")
    if kind == "parquet" and not output:
        raise RequestError("--format parquet: needs a file, e.g. -o rows.parquet")
    if output and not Path(output).absolute().parent.is_dir():
        raise RequestError(f"-o {output}: no such folder {Path(output).parent}")
    database = open_database(db, create=False)
    suites = [
        get_suite(database, name.removeprefix(RUN_PREFIX)).name for name in run_ids if name.startswith(RUN_PREFIX)
    ]
    runs = [find_run(database, run_id).id for run_id in run_ids if not run_id.startswith(RUN_PREFIX)]
    rows = long_rows(database, runs if run_ids else None) + reported_rows(database, suites if run_ids else None)
    database.close()
    content = FORMATS[kind](rows)
    if output:
        # Written beside and renamed: a reader never sees half a file.
        part = Path(f"{output}.part")
        part.write_bytes(content)
        part.replace(output)
        click.echo(f"{len(rows)} rows in {output}")
    else:
        click.echo(content, nl=False)
