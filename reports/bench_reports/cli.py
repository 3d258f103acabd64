"""`bench report`: runs as text."""

import click

from bench_core.cli.options import db_option
from bench_core.errors import RequestError


@click.command()
@click.argument("run_ids", nargs=-1, metavar="[RUN]...")
@click.option("--pair", multiple=True, metavar="NAME", help="Show only this pair; may be repeated.")
@click.option("-m", "--metric", multiple=True, metavar="NAME", help="Show only this metric; may be repeated.")
@click.option("--suite", metavar="NAME", help="Print a suite instead: what its paper reports beside what was measured.")
@db_option
def report(
    run_ids: tuple[str, ...], pair: tuple[str, ...], metric: tuple[str, ...], suite: str | None, db: str
) -> None:
    """Print RUNs (the newest without any) as one Markdown table, with what the figures depend on.

    With --suite, print that suite's table, with the runs that bench run --suite made for it.
    """
    if suite is not None:
        if run_ids or pair or metric:
            given = "RUN" if run_ids else "--pair" if pair else "-m"
            raise RequestError(f"--suite {suite}: takes no {given}; it has runs, pairs and metrics of its own")
        click.echo(_suite(suite, db))
        return
    from bench_core.store.database import open_database
    from bench_core.store.queries import find_run, long_rows, run_executions
    from bench_core.summary import summarize_rows
    from bench_reports.markdown import report as as_markdown

    database = open_database(db, create=False)
    try:
        runs = [find_run(database, run_id) for run_id in dict.fromkeys(run_ids or ("last",))]
        rows = long_rows(database, [run.id for run in runs])
        executions = run_executions(database, runs[0].id)
    finally:
        database.close()
    for option, asked, known in (
        ("--pair", pair, {row.pair for row in rows}),
        ("-m", metric, {row.metric for row in rows}),
    ):
        if unknown := [name for name in asked if name not in known]:
            raise RequestError(f"{option} {unknown[0]}: these runs have none; they have: {', '.join(sorted(known))}")
    chosen = [row for row in rows if (not pair or row.pair in pair) and (not metric or row.metric in metric)]
    lines = summarize_rows(chosen, seed=runs[0].seed)
    provenance = executions[-1]["provenance"]
    versions = ", ".join(f"{name} {version}" for name, version in provenance["versions"].items())
    click.echo(
        as_markdown(runs, lines, executions[-1]["command"], f"{provenance['hardware']['processor']}; {versions}")
    )


def _suite(name: str, db: str) -> str:
    from bench_core.store.database import open_database
    from bench_core.suite_table import read_suite_table
    from bench_reports.suite import suite_report

    database = open_database(db, create=False)
    try:
        return suite_report(read_suite_table(database, name))
    finally:
        database.close()
