"""`bench run`: the main job."""

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import click
from click.core import ParameterSource

from bench_core.cli.options import db_option, method_options, parse_settings, seed_option
from bench_core.errors import RequestError


@click.command()
@click.option(
    "-p", "--plugin", "plugin", multiple=True, metavar="NAME",
    help="A method; may be repeated. Of a suite: only this one.",
)  # fmt: skip
@click.option(
    "--suite", metavar="NAME",
    help="A paper's table: its methods, channels and data, beside what it reports; other options change it."
    " See: bench list suites.",
)  # fmt: skip
@click.option(
    "-d", "--degrade", "degrade", multiple=True, metavar="SPEC",
    help="What happens to the carrier: jpeg:40, jpeg:50..95:5, webp:80+gaussian:5, @riis; may be repeated."
    "  [default: clean]",
)  # fmt: skip
@click.option(
    "--captured",
    multiple=True,
    metavar="DIR",
    help="Photographed carriers, from bench capture ingest; may be repeated.",
)
@click.option(
    "--container", type=click.Choice(["8bit", "float"]), default="8bit", show_default=True,
    help="float: hand on unrounded containers, as some published code does; rows are marked.",
)  # fmt: skip
@click.option("--dataset", default="sample", show_default=True, metavar="SET", help="Pictures: sample, folder:PATH, …")
@click.option("--secrets", metavar="SET", help="Take the secrets from another set: qr, folder:PATH, …")
@click.option(
    "-m", "--metric", "metric", multiple=True, default=("psnr", "ssim"), show_default=True, metavar="NAME",
    help="A metric; may be repeated. See: bench list metrics.",
)  # fmt: skip
@seed_option
@click.option(
    "--repeats", type=click.IntRange(1), default=1, show_default=True, help="Draws of what is random, per image."
)
@click.option("--limit", type=click.IntRange(1), help="Take only the first N pictures of the set.")
@click.option("--size", metavar="SIZE", help="256 (center crop), 320x240, or fit:256 (resize, then crop).")
@click.option("--batch-size", type=click.IntRange(1), default=4, show_default=True, help="Pictures a slice.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@method_options
@click.option(
    "--keep",
    type=click.IntRange(0),
    default=4,
    show_default=True,
    help="Keep the pictures of the first N images for the gallery.",
)
@click.option(
    "--max-points", type=click.IntRange(1), default=200, show_default=True, help="The most points a sweep may have."
)
@click.option(
    "--sweep",
    type=click.Choice(["product", "zip"]),
    default="product",
    show_default=True,
    help="How a chain's sweeps combine.",
)
@click.option("--strict", is_flag=True, help="Exit with 3 if any cell failed.")
@click.option("--require-metric", is_flag=True, help="Exit with 3 if a metric's weights were missing.")
@click.option("-q", "--quiet", is_flag=True, help="Print no table.")
@db_option
def run(
    plugin: tuple[str, ...],
    metric: tuple[str, ...],
    set_: tuple[str, ...],
    db: str,
    quiet: bool,
    strict: bool,
    require_metric: bool,
    degrade: tuple[str, ...],
    **given: Any,
) -> int:
    """Measure one or more methods, and store a row for every cell.

    A cell that is in the database already is not computed again: the same command continues a run that was
    stopped, and a new metric or degradation costs only what is new.

    \b
    bench run --plugin riis --degrade jpeg:40
    bench run -p riis -p lsb -d clean -d jpeg:50..95:5 -d gaussian:10 --dataset folder:photos --size 256
    bench run --suite riis-table3
    """  # noqa: D301
    from bench_core.plan import Request, Workbench

    run_options = Running(db, given.pop("batch_size"), given.pop("workers"), quiet, strict, require_metric)
    settings, suite = parse_settings(set_), given.pop("suite")
    if suite is not None:
        return _run_suite(
            suite, {**given, "plugin": plugin, "metric": metric, "degrade": degrade}, settings, run_options
        )
    if not plugin:
        context = click.get_current_context()
        raise click.MissingParameter(ctx=context, param=next(p for p in context.command.params if p.name == "plugin"))
    given["degrade"] = degrade or (() if given["captured"] else ("clean",))
    requests = [Request(plugin=name, metrics=metric, settings=settings, **given) for name in dict.fromkeys(plugin)]
    return _run_all(build_all(requests, Workbench.build), run_options)


@dataclass(frozen=True)
class Running:
    """How runs are executed and what is printed of them."""

    db: str
    batch_size: int
    workers: int
    quiet: bool
    strict: bool
    require_metric: bool


def _run_suite(name: str, given: dict[str, Any], settings: dict[str, str], options: Running) -> int:
    """Run a suite; what the user did not give is the suite's."""
    from bench_core.cli import run_suite
    from bench_core.store.database import open_database
    from bench_core.store.suites import link_run
    from bench_core.suite import load_suite
    from bench_core.suite_plan import Options
    from bench_core.suite_table import read_suite_table

    suite = load_suite(name)
    source = click.get_current_context().get_parameter_source

    def explicit(option: str) -> Any:
        value = given.pop(option)
        return value if source(option) not in (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP) else None

    own = {option: explicit(option) for option in ("degrade", "dataset", "size", "limit", "seed", "weights")}
    plugins, metrics = given.pop("plugin"), explicit("metric")
    wanted = Options(plugins=plugins, metrics=metrics, settings=settings, rest=given, **own)
    note, planned, skipped = run_suite.plan(suite, wanted)
    click.echo(note)
    database = open_database(options.db)
    run_suite.record(database, suite, note, planned, skipped)
    methods = [plan.method for plan in planned]
    code = _run_all(
        [plan.bench for plan in planned],
        replace(options, quiet=True),
        names=[method.key for method in methods],
        finished=lambda at, run_id: link_run(database, suite.name, methods[at].key, run_id, note),
    )
    if not options.quiet:
        run_suite.print_suite(read_suite_table(database, suite.name))
    database.close()
    return code


def _run_all(
    benches: list[Any],
    options: Running,
    names: Sequence[str] = (),
    finished: Callable[[int, str], None] = lambda at, run_id: None,
) -> int:
    """Run what was built, one after another; the exit code. `finished` is told each run's number and id."""
    from bench_core.run import run as run_request
    from bench_core.store.database import open_database
    from bench_core.store.queries import long_rows

    names = names or [bench.request.plugin for bench in benches]
    database = open_database(options.db)
    command = shlex.join(["bench", *sys.argv[1:]])
    outcomes = []
    for at, (name, bench) in enumerate(zip(names, benches, strict=True)):
        with _progress(name) as progress:
            outcomes.append(
                run_request(
                    bench, database, batch_size=options.batch_size, workers=options.workers, command=command,
                    progress=progress,
                )
            )  # fmt: skip
        finished(at, outcomes[-1].run_id)
    rows = long_rows(database, [outcome.run_id for outcome in outcomes])
    if not options.quiet:
        from bench_core.cli.tables import print_summary

        print_summary(rows, seed=benches[0].request.seed)
    database.close()
    for name, outcome in zip(names, outcomes, strict=True):
        failed = f", {outcome.failed} FAILED (bench show {outcome.run_id} says why)" if outcome.failed else ""
        click.echo(
            f"{name}: run {outcome.run_id} in {options.db}: {outcome.computed} cells computed, "
            f"{outcome.reused} reused{failed}, {outcome.seconds:.1f} s"
        )
    lacking = options.require_metric and any(row.status == "weights_missing" for row in rows)
    return 3 if lacking or (options.strict and any(outcome.failed for outcome in outcomes)) else 0


def build_all(requests: list[Any], build: Any) -> list[Any]:
    """Build every request, so that all mistakes of a command are reported together, each once."""
    built: list[Any] = []
    problems: list[str] = []
    for request in requests:
        try:
            built.append(build(replace(request)))
        except RequestError as error:
            problems.extend(error.problems)
    if problems:
        raise RequestError(dict.fromkeys(problems))
    return built


class _progress:  # noqa: N801 - used as a function
    """A progress bar on a terminal, nothing elsewhere."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.bar: Any = None

    def __enter__(self) -> Any:
        if not sys.stderr.isatty():
            return lambda done, total: None
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("cells"),
            TimeRemainingColumn(),
        )
        self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self.bar.start()
        task = self.bar.add_task(self.label, total=None)
        return lambda done, total: self.bar.update(task, completed=done, total=total)

    def __exit__(self, *exception: object) -> None:
        if self.bar is not None:
            self.bar.stop()
