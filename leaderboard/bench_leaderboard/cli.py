"""`bench leaderboard`: build the site, and open it."""

import webbrowser
from pathlib import Path

import click

from bench_core.cli.options import db_option
from bench_core.errors import BenchError

output_option = click.option(
    "-o", "--output", default="leaderboard-site", show_default=True, metavar="DIR", help="The site's folder."
)
title_option = click.option("--title", default="bench leaderboard", show_default=True, help="The heading of the site.")


@click.group()
def leaderboard() -> None:
    """Build and open the HTML leaderboard: a folder of pages that need no network and no server."""


@leaderboard.command()
@output_option
@title_option
@db_option
def build(output: str, title: str, db: str) -> None:
    """Build the site from the database.

    The last line printed is its address.
    """
    click.echo(_build(output, title, db).as_uri())


@leaderboard.command("open")
@output_option
@title_option
@db_option
def open_(output: str, title: str, db: str) -> None:
    """Open the site in the browser.

    It is built first where there is none.
    """
    from bench_leaderboard.site import is_site

    folder = Path(output)
    index = (folder / "index.html").resolve() if is_site(folder) else _build(output, title, db)
    click.echo(index.as_uri())
    if not webbrowser.open(index.as_uri()):
        raise BenchError(f"no browser could be started; open {index} yourself")


def _build(output: str, title: str, db: str) -> Path:
    # Imported here, so that `bench leaderboard --help` needs neither Jinja nor SQLAlchemy.
    from bench_core.store.database import open_database
    from bench_leaderboard.board import read_board
    from bench_leaderboard.site import build_site, check_place

    folder = Path(output)
    check_place(folder)
    database = open_database(db, create=False)
    try:
        board = read_board(database, name=db)
        index = build_site(board, database, folder, title=title)
    finally:
        database.close()
    runs, tables = len(board.runs), len(board.tables)
    click.echo(f"{runs} run{'s' * (runs != 1)} in {tables} table{'s' * (tables != 1)}: {index}")
    return index
