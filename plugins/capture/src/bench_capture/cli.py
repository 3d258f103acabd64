"""`bench capture`: from containers to paper or screen, and from photos back."""

import re
from pathlib import Path
from typing import Any

import click

from bench_core.cli.options import method_options, parse_settings, seed_option
from bench_core.errors import RequestError


@click.group()
def capture() -> None:
    """Send carriers over a real printer or screen and a camera.

    `sheet` makes pages to print or to show, `ingest` takes the carriers out of photos of them, and `bench run
    --captured FOLDER` measures what arrived.
    """


@capture.command()
@click.argument("containers", nargs=-1, metavar="[CONTAINER...]")
@click.option("-p", "--plugin", metavar="NAME", help="Encode with this method, as bench run does.")
@click.option("--dataset", default="sample", show_default=True, metavar="SET", help="With -p: its pictures.")
@click.option("--secrets", metavar="SET", help="With -p: take the secrets from another set.")
@click.option("--size", metavar="SIZE", help="With -p: 256 (center crop), 320x240, or fit:256.")
@click.option("--limit", type=click.IntRange(1), help="With -p: only the first N pictures of the set.")
@seed_option
@method_options
@click.option("-o", "--output", default="sheet", show_default=True, metavar="DIR", help="The sheet's folder.")
@click.option("--paper", type=click.Choice(["a4", "letter"]), default="a4", show_default=True, help="What it goes on.")
@click.option("--dpi", type=click.IntRange(72, 4800), default=600, show_default=True, help="The printer's resolution.")
@click.option(
    "--dots",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    help="Printer dots a container pixel, each way; dpi/dots container pixels go on an inch.",
)
@click.option(
    "--screen",
    is_flag=False,
    flag_value="1920x1080",
    metavar="[WxH]",
    help="Make pages for a screen instead, of 1920x1080 pixels if not said.",
)
def sheet(containers: tuple[str, ...], **given: Any) -> None:
    """Make pages with containers on them, to be photographed.

    The containers are what `bench run` would send with the same -p, --weights, --set, --dataset, --size, --seed and
    --secrets, to the bit; or the pictures CONTAINER... as they are.

    \b
    bench capture sheet -p riis --size 256 --limit 6 -o sheet
    bench capture sheet container.png --paper letter -o sheet
    bench capture sheet -p riis --limit 2 --screen 2560x1440 -o shown
    """  # noqa: D301
    from bench_capture.guidance import before_the_photos
    from bench_capture.make import plan_sheet, write_sheet

    medium = _medium(given)
    made, made_from, failures = _containers(containers, given)
    planned, pages = plan_sheet(made, medium, given["dpi"], made_from)
    folder = Path(given["output"])
    written = write_sheet(folder, planned, pages, made)
    for line in failures:
        click.echo(f"left out: {line}", err=True)
    click.echo(f"sheet {written.run}: {_count(len(made), 'container')} on {_count(written.pages, 'page')}")
    first = folder / ("page-01.png" if written.medium == "screen" else "sheet.pdf")
    click.echo(f"{first}  {folder / 'sheet.json'}")
    for line in before_the_photos(written, folder):
        click.echo(line)


def _medium(given: dict[str, Any]) -> Any:
    from bench_capture.page import Medium

    if given["screen"] is None:
        return Medium.of_paper(given["paper"], given["dpi"] / given["dots"])
    match = re.fullmatch(r"(\d{3,5})[x×](\d{3,5})", given["screen"].strip().lower())
    if not match:
        raise RequestError(f"--screen {given['screen']}: must be WIDTHxHEIGHT in pixels, e.g. --screen 1920x1080")
    return Medium.of_screen(int(match[1]), int(match[2]))


def _containers(files: tuple[str, ...], given: dict[str, Any]) -> tuple[Any, dict[str, Any], list[str]]:
    if bool(files) == bool(given["plugin"]):
        raise RequestError(
            "say what to print, in one of two ways: -p METHOD (with --dataset, …), e.g. -p riis; or container files, "
            "e.g. container.png"
        )
    from bench_capture.carriers import from_files, from_run
    from bench_core.plan import Request

    if files:
        return from_files(files), {}, []
    passed = {name: given[name] for name in ("dataset", "secrets", "size", "limit", "seed", "device", "weights")}
    return from_run(Request(plugin=given["plugin"], settings=parse_settings(given["set_"]), **passed))


@capture.command()
@click.argument("photos", nargs=-1, required=True, metavar="PHOTOS...")
@click.option(
    "--sheet",
    "sheet_",
    envvar="BENCH_CAPTURE_INGEST_SHEET",
    default="sheet",
    show_default=True,
    metavar="FILE",
    help="Its sheet.json or folder.",
)
@click.option("-o", "--output", default="captured", show_default=True, metavar="DIR", help="Where captures go.")
@click.option(
    "--color",
    type=click.Choice(["card", "none"]),
    default="card",
    show_default=True,
    help="Undo print and camera tones by the card on the sheet, or leave colors as photographed.",
)
@click.option(
    "--note", multiple=True, metavar="TEXT", help="Recorded with results: printer, paper, phone; may be repeated."
)
@click.option("--strict", is_flag=True, help="Exit with 3 if anything failed.")
def ingest(photos: tuple[str, ...], sheet_: str, output: str, color: str, note: tuple[str, ...], strict: bool) -> int:
    """Take containers out of PHOTOS (files, or folders of them) of a sheet.

    Photos that are in the folder already are not read again, so more can be added. A photo that cannot be used, and
    a container that cannot be taken out of one, is recorded with the reason, and counts as a failed capture in what
    `bench run --captured` measures.

    \b
    bench capture ingest photos/ --sheet sheet/sheet.json -o captured --note "LaserJet M15, 80 g, Pixel 8"
    bench run -p riis --size 256 --limit 6 --captured captured
    """  # noqa: D301
    from bench_capture.guidance import HEADERS, RIGHT, after_the_photos, photo_rows
    from bench_capture.ingest import Ingest
    from bench_capture.photos import find_photos
    from bench_core.cli.tables import print_table

    work = Ingest.open(Path(sheet_), Path(output), color, note)
    outcomes = []
    for path in find_photos(photos):
        added = work.add(path)
        if added is None:
            click.echo(f"{path}: is there already")
        else:
            outcomes.append(added)
    if outcomes:
        print_table(HEADERS, [row for outcome in outcomes for row in photo_rows(outcome)], right=RIGHT)
    for line in after_the_photos(work.sheet, work.record, Path(output)):
        click.echo(line)
    return 3 if strict and any(outcome.failed for outcome in outcomes) else 0


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
