"""Making a sheet: containers onto pages, pages into files, and sheet.json beside them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench_capture.files import check_folder, slug, write_bytes
from bench_capture.manifest import NAME, Sheet, Slot, read_sheet
from bench_capture.markers import MAX_SLOTS, Array, slot_layout
from bench_capture.page import MILLIMETERS, Medium, Page, Picture, Text, arrange, begin_page, check_fits
from bench_capture.sheet import draw_slot
from bench_core import __version__
from bench_core.errors import RequestError
from bench_core.images import digest, write_image

CONTAINERS = "containers"


@dataclass(frozen=True)
class Container:
    """A picture to print: its pixels (uint8 H×W×C, C = 1 or 3), and the data set's id or file name it goes by."""

    image: str
    pixels: Array


def plan_sheet(
    containers: Sequence[Container], medium: Medium, dpi: int, made_from: Mapping[str, Any]
) -> tuple[Sheet, list[Page]]:
    """A sheet of these containers, without its files' digests, and its pages.

    Raises:
        RequestError: with a line for every container that does not fit, or where there are too many.
    """
    if len(containers) > MAX_SLOTS:
        raise RequestError(
            f"{len(containers)} containers are more than the {MAX_SLOTS} a sheet has markers for; "
            f"e.g. --limit {MAX_SLOTS}, or several sheets"
        )
    layouts = [slot_layout(*_size(container), slot=slot) for slot, container in enumerate(containers)]
    sheets = [(layout.sheet[2] - layout.sheet[0], layout.sheet[3] - layout.sheet[1]) for layout in layouts]
    problems: dict[str, None] = {}
    for container, whole in zip(containers, sheets, strict=True):
        try:
            check_fits(container.image, _size(container), whole, medium, dpi)
        except RequestError as error:
            problems.update(dict.fromkeys(error.problems))
    if problems:
        raise RequestError(problems)
    places = arrange(sheets, medium)
    names = _names(containers)
    run = _run_id([digest(container.pixels) for container in containers], medium)
    pages = places[-1].page
    lines = [_said(made_from), "print at 100 %, matte paper" if medium.ppi else "show at 100 % zoom"]
    made = [begin_page(medium, run, page + 1, pages, lines) for page in range(pages)]
    slots = []
    for number, (container, layout, place, name) in enumerate(zip(containers, layouts, places, names, strict=True)):
        drawn, (left, top) = draw_slot(container.pixels, layout)
        page = made[place.page - 1]
        page.pictures.append(Picture(place.x, place.y, drawn))
        below = place.y + drawn.shape[0] + medium.label * 0.15
        page.texts.append(Text(place.x + layout.quiet, below, f"slot {number}   {container.image}", medium.label * 0.7))
        at = place.x + left, place.y + top
        slots.append(
            Slot(
                slot=number,
                page=place.page,
                container=name,
                image=container.image,
                file=f"{CONTAINERS}/{name}.png",
                sha256="",
                pixels=digest(container.pixels),
                width=layout.width,
                height=layout.height,
                channels=container.pixels.shape[2],
                at=at,
                position_mm=_millimeters(at, medium),
                side=layout.side,
                markers={marker: corners.tolist() for marker, corners in layout.corners.items()},
            )
        )
    sheet = Sheet(
        run=run,
        medium=medium.name,
        page_pixels=(medium.width, medium.height),
        pages=pages,
        slots=tuple(slots),
        paper=medium.paper or None,
        page_mm=medium.size_mm,
        dpi=dpi if medium.ppi else None,
        dots=round(dpi / medium.ppi) if medium.ppi else None,
        ppi=medium.ppi,
        made_from=dict(made_from),
        bench=__version__,
    )
    return sheet, made


def write_sheet(folder: Path, sheet: Sheet, pages: Sequence[Page], containers: Sequence[Container]) -> Sheet:
    """Write a sheet's files, sheet.json last; returns the sheet with its files' digests.

    Raises:
        RequestError: where the folder holds another sheet, or cannot be written; then nothing of it was touched.
    """
    check_folder(folder, r"sheet\.(json|pdf)|page-\d+\.png", "sheet/")
    if (folder / NAME).exists() and read_sheet(folder).run != sheet.run:
        raise RequestError(f"-o {folder}: holds another sheet ({read_sheet(folder).run}); name another folder")
    slots = []
    for slot, container in zip(sheet.slots, containers, strict=True):
        path = folder / slot.file
        write_image(path, container.pixels)
        slots.append(replace(slot, sha256=hashlib.sha256(path.read_bytes()).hexdigest()))
    for number, page in enumerate(pages, 1):
        write_image(folder / f"page-{number:02d}.png", page.draw())
    if sheet.medium == "paper":
        from bench_capture.pdf import write_pdf

        write_bytes(folder / "sheet.pdf", write_pdf(pages, f"bench {sheet.run}"))
    complete = replace(sheet, slots=tuple(slots))
    complete.write(folder / NAME)
    return complete


def _size(container: Container) -> tuple[int, int]:
    return container.pixels.shape[1], container.pixels.shape[0]


def _names(containers: Sequence[Container]) -> list[str]:
    """Folder names for the containers: from what they are called, and each once."""
    names: list[str] = []
    for number, container in enumerate(containers):
        name = slug(container.image.removesuffix(".png"))
        names.append(name if name.lower() not in {other.lower() for other in names} else f"{name}.{number}")
    return names


def _run_id(pixels: Sequence[str], medium: Medium) -> str:
    """The same for the same containers on the same medium, so that a sheet can be made again."""
    text = json.dumps([pixels, medium.width, medium.height, medium.ppi])
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def _millimeters(at: tuple[int, int], medium: Medium) -> tuple[float, float] | None:
    """Where the pixel's outer corner is on the paper."""
    if medium.ppi is None:
        return None
    return round(at[0] / medium.ppi * MILLIMETERS, 3), round(at[1] / medium.ppi * MILLIMETERS, 3)


def _said(made_from: Mapping[str, Any]) -> str:
    if "plugin" not in made_from:
        return "containers from files"
    return f"{made_from['plugin']} on {made_from['dataset']}, seed {made_from['seed']}"
