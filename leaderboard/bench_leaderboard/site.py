"""Writing the site: beside its place, then swapped in whole, so that a failed build leaves the old one as it was."""

import json
import shutil
import tempfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2

from bench_core import __version__
from bench_core.cli.tables import figure, notes
from bench_core.errors import RequestError, one_line
from bench_core.rows import as_csv, as_json
from bench_core.store.database import Database
from bench_core.store.queries import Row, run_trips
from bench_core.summary import natural_order
from bench_leaderboard import runpage, suitepage
from bench_leaderboard.board import Board
from bench_leaderboard.charts import table_charts
from bench_leaderboard.degradations import label
from bench_leaderboard.gallery import PictureShelf, make_gallery
from bench_leaderboard.results import SHORT

MARKER = "leaderboard.json"
"""The file that says that a folder is a leaderboard, and may be replaced by one."""

MANY_ROWS = 50_000
"""Above this many rows only runs have a file of them, as CSV: a table and its suites would hold the same rows again."""

_KIND = "bench-leaderboard"


def is_site(folder: Path) -> bool:
    """Whether a folder holds a leaderboard."""
    try:
        kind = json.loads((folder / MARKER).read_text("utf-8"))["kind"]
    except (OSError, ValueError, TypeError, KeyError):
        return False
    return bool(kind == _KIND) and (folder / "index.html").is_file()


def check_place(folder: Path) -> None:
    """See that a site may be put there: a new place, an empty folder, or an earlier leaderboard.

    Raises:
        RequestError: anything else is there, which is not ours to remove.
    """
    if folder.is_dir() and (is_site(folder) or not any(folder.iterdir())):
        return
    if folder.exists():
        what = "is not a leaderboard, and would be overwritten" if folder.is_dir() else "is a file"
        raise RequestError(f"-o {folder}: {what}; name a new folder, e.g. -o leaderboard-site")


def build_site(board: Board, database: Database, folder: Path, *, title: str = "bench leaderboard") -> Path:
    """Write the site of a board to `folder`; the path of its index.

    Raises:
        RequestError: the place is taken by something else, or cannot be written.
    """
    check_place(folder)
    place = folder.resolve()  # a link to a folder stays a link
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    except OSError as error:
        raise RequestError(f"-o {folder}: cannot be written: {error.strerror or one_line(error)}") from error
    try:
        fresh.chmod(0o755)  # mkdtemp's folders are private, and a site is there to be read
        _write(board, database, fresh, title, place / "images")
        _swap(fresh, place)
    except OSError as error:
        raise RequestError(f"-o {folder}: cannot be written: {error.strerror or one_line(error)}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return place / "index.html"


def _swap(fresh: Path, place: Path) -> None:
    if not place.exists():
        fresh.rename(place)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{place.name}.old.", dir=place.parent))
    place.rename(aside / "site")
    try:
        fresh.rename(place)
    except BaseException:
        (aside / "site").rename(place)
        aside.rmdir()
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _write(board: Board, database: Database, folder: Path, title: str, earlier: Path) -> None:
    render = _renderer(title)
    (folder / "static").mkdir()
    for asset in resources.files(__package__).joinpath("static").iterdir():
        (folder / "static" / asset.name).write_bytes(asset.read_bytes())
    charts = {table.slug: table_charts(table) for table in board.tables}
    channels = sorted({name for table in board.tables for name in table.degradations}, key=natural_order)
    metrics = list(dict.fromkeys(column.metric.name for table in board.tables for column in table.columns))
    suites = suitepage.read_suites(database)
    page = render("index.html", root="", board=board, charts=charts, channels=channels, metrics=metrics, suites=suites)
    (folder / "index.html").write_text(page, "utf-8")
    for table in board.tables:
        _download(folder, table.slug, table.rows, together=True)
    for suite in suites:
        _download(folder, f"suite-{suite.slug}", list(suite.rows), together=True)
        (folder / "suites").mkdir(exist_ok=True)
        (folder / "suites" / f"{suite.slug}.html").write_text(render("suite.html", root="../", page=suite), "utf-8")
    shelf = PictureShelf(database.pictures, folder / "images", earlier if earlier.is_dir() else None)
    slugs = {run.id: table.slug for table in board.tables for run in table.runs}
    (folder / "runs").mkdir()
    for run in board.runs:
        _download(folder, f"run-{run.id}", list(run.rows))
        trips = run_trips(database, run.id)
        page = render(
            "run.html",
            root="../",
            run=run,
            table=slugs[run.id],
            facts=runpage.facts(run),
            blocks=runpage.blocks(run),
            failures=runpage.failures(run),
            executions=runpage.executions(run),
            timings=runpage.timings(trips),
            gallery=make_gallery(run.info.task, trips, run.rows, shelf),
        )
        (folder / "runs" / f"{run.id}.html").write_text(page, "utf-8")
    marker = {"kind": _KIND, "bench": __version__, "runs": [run.id for run in board.runs]}
    (folder / MARKER).write_text(json.dumps(marker, indent=1) + "\n", "utf-8")


def _download(folder: Path, name: str, rows: list[Row], *, together: bool = False) -> None:
    """Write the files that the macro `downloads` of the pages links to."""
    (folder / "data").mkdir(exist_ok=True)
    if len(rows) <= MANY_ROWS or not together:
        (folder / "data" / f"{name}.csv").write_bytes(as_csv(rows))
    if len(rows) <= MANY_ROWS:
        (folder / "data" / f"{name}.json").write_bytes(as_json(rows))


def _renderer(title: str) -> Callable[..., str]:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(site=title, version=__version__, many_rows=MANY_ROWS)
    environment.filters.update(
        column_words=suitepage.column_words,
        channel_words=suitepage.channel_words,
        row_words=suitepage.row_words,
        figure_words=suitepage.figure_words,
        reported_decimals=suitepage.reported_decimals,
        place=suitepage.place,
    )
    environment.filters.update(figure=figure, notes=notes, channel=label, short=lambda digest: digest[:SHORT])

    def render(template: str, **values: Any) -> str:
        return environment.get_template(template).render(**values)

    return render
