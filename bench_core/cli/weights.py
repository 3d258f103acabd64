"""`bench weights`: what learned metrics and methods need besides code."""

import json
from typing import Any

import click

from bench_core.cli.download_bar import download_bar
from bench_core.cli.options import json_option
from bench_core.errors import BenchError, CellFailure, RequestError


@click.group()
def weights() -> None:
    """Get the weights that learned metrics need; a run never fetches any itself."""


@weights.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Show what can be fetched, what is here, and what needs it."""
    from bench_core import weights as known
    from bench_core.plugins import registry

    rows = [
        {
            "name": found.name,
            "size": found.size,
            "license": found.license,
            "present": found.path is not None,
            "path": str(found.path or found.folders[0] / found.file),
            "needed_by": list(found.needed_by),
            "sources": [getattr(source, "url", "") or getattr(source, "requirement", "") for source in found.sources],
            "sha256": found.sha256,
            "summary": registry().weights.get(found.name).summary,
        }
        for found in known.every()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    from bench_core.cli.tables import print_table

    print_table(["name", "size", "here", "needed by", "license"], [_line(row) for row in rows], right=["size"])


@weights.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--all",
    "all_",
    is_flag=True,
    envvar="BENCH_WEIGHTS_FETCH_ALL",
    help="Fetch everything that `bench weights list` shows.",
)
@click.option(
    "--from",
    "source",
    envvar="BENCH_WEIGHTS_FETCH_FROM",
    metavar="FILE|FOLDER",
    help="Take them from a file that is already here: the published archive or the weights, or a folder with them.",
)
def fetch(names: tuple[str, ...], all_: bool, source: str | None) -> int:
    """Fetch weights, check them, and put them where metrics look.

    What is there already is left alone; what was cut goes on. BENCH_WEIGHTS names the folder, TORCH_HOME the one for
    torchvision's own files, BENCH_OFFLINE=1 forbids the network.
    """
    from bench_core import weights as known
    from bench_core.weights_fetch import Fetcher

    if all_ == bool(names):
        raise RequestError("name the weights to fetch, or give --all; e.g. bench weights fetch lpips-alex")
    wanted = known.every() if all_ else [known.lookup(name) for name in dict.fromkeys(names)]
    problems: list[BenchError] = []
    with download_bar() as report, Fetcher(source, report) as fetcher:
        for found in wanted:
            try:
                click.echo(f"{found.name}: {fetcher.fetch(found)}")
            except BenchError as error:
                problems.append(error)
    if len(problems) == 1:
        raise problems[0]
    for problem in problems:
        click.echo(f"Error: {problem}", err=True)
    return max((problem.exit_code for problem in problems), default=0)


@weights.command()
@click.argument("name", metavar="NAME")
def path(name: str) -> None:
    """Print where weights lie; exit code 1 if they are not on this machine."""
    from bench_core.weights import find

    try:
        click.echo(str(find(name)))
    except CellFailure as failure:
        raise BenchError(failure.reason) from None


def _line(row: dict[str, Any]) -> list[str]:
    size, here = f"{row['size'] / 1e6:.1f} MB", "yes" if row["present"] else "no"
    return [row["name"], size, here, ", ".join(row["needed_by"]), row["license"]]
