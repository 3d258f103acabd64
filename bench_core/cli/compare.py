"""`bench compare`: two runs, paired image by image."""

import json

import click

from bench_core.cli.options import db_option, json_option
from bench_core.comparison import Comparison
from bench_core.comparison import compare as compare_rows
from bench_core.errors import RequestError
from bench_core.store.database import open_database
from bench_core.store.queries import RunInfo, find_run, long_rows


@click.command()
@click.argument("run_a", metavar="A")
@click.argument("run_b", metavar="B")
@click.option("-m", "--metric", "metric", multiple=True, metavar="NAME", help="Only this metric; may be repeated.")
@click.option("--pair", multiple=True, metavar="NAME", help="Only this pair, e.g. secret; may be repeated.")
@db_option
@json_option
def compare(run_a: str, run_b: str, metric: tuple[str, ...], pair: tuple[str, ...], db: str, as_json: bool) -> None:
    """Compare two runs (ids, their beginnings, or `last`) on the pictures and the noise that both met.

    Gives the mean over images of A's figure less B's, its 95 % interval (bootstrap over images of the paired
    differences), and on how many images A is better. Both runs must be of one task and one seed.

    \b
    bench compare 3f0c last --pair secret -m psnr
    """  # noqa: D301
    database = open_database(db, create=False)
    runs = [find_run(database, prefix) for prefix in (run_a, run_b)]
    _check(*runs)
    rows = [long_rows(database, [run.id]) for run in runs]
    database.close()
    known = {row.metric for side in rows for row in side}, {row.pair for side in rows for row in side}
    for option, asked, names in (("--metric", metric, known[0]), ("--pair", pair, known[1])):
        if missing := [name for name in asked if name not in names]:
            raise RequestError(f"{option} {missing[0]}: neither run has it; they have {', '.join(sorted(names))}")
    chosen = [
        [row for row in side if (not metric or row.metric in metric) and (not pair or row.pair in pair)]
        for side in rows
    ]
    directions = {about["name"]: about["direction"] for run in runs for about in run.request["metrics"].values()}
    found = compare_rows(chosen[0], chosen[1], directions, seed=runs[0].seed)
    if not found:
        raise RequestError(
            f"{runs[0].id} and {runs[1].id} share no cell: no picture (of the same content) has a figure of both under "
            "the same degradation and metric; run both with the same -d, -m, --dataset, --size and --seed"
        )
    if as_json:
        click.echo(json.dumps([line.as_dict() for line in found], indent=2, allow_nan=False))
        return
    from bench_core.cli.tables import print_table

    click.echo(f"A: {_name(runs[0])}\nB: {_name(runs[1])}")
    headers = ["degradation", "pair", "metric", "A", "B", "A − B", "95 % interval", "A better", "n", "notes"]
    print_table(headers, [_line(line) for line in found], right=headers[3:9])


def _line(line: Comparison) -> list[str]:
    from bench_core.cli.tables import figure

    ends = (line.mean_a, line.mean_b, line.difference, line.low, line.high)
    mean_a, mean_b, difference, low, high = (figure(value, line.metric, line.kind) for value in ends)
    interval = "–" if line.low is None else f"{low} … {high}"
    wins = "–" if line.wins is None else f"{100 * line.wins:.0f} %"
    notes = ["small n"] * line.small_n + [f"{line.left_out} trips left out"] * bool(line.left_out)
    names = [line.degradation, line.pair, line.metric]
    return [*names, mean_a, mean_b, difference, interval, wins, str(line.n), ", ".join(notes)]


def _check(a: RunInfo, b: RunInfo) -> None:
    for what, values in {"tasks": (a.task, b.task), "seeds": (a.seed, b.seed)}.items():
        if values[0] != values[1]:
            raise RequestError(
                f"{a.id} and {b.id} are of different {what} ({values[0]}, {values[1]}), so nothing in them is paired"
            )


def _name(run: RunInfo) -> str:
    return f"{run.method}, run {run.id}, {run.dataset}"
