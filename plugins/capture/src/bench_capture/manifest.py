"""sheet.json: what was printed where, so that photos of it can be read long after, and elsewhere."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench_capture.files import write_json
from bench_capture.markers import DICTIONARY_NAME, Layout, slot_layout
from bench_capture.typed import build, read_json
from bench_core.errors import RequestError
from bench_core.images import MAX_PIXELS

SCHEMA = 1
NAME = "sheet.json"
MILLIMETERS = 25.4
_NAME = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}"


@dataclass(frozen=True)
class Slot:
    """One container on the sheet.

    `container` is its id, also the name of its folder; `image` the data set's id of the picture it was made of, or
    the name of its file; `file` its PNG beside sheet.json, with its `sha256`; `pixels` the digest of its pixels.
    `at` is where its first pixel (x, y) is on the page, in container pixels; `position_mm` the same on paper.
    """

    slot: int
    page: int
    container: str
    image: str
    file: str
    sha256: str
    pixels: str
    width: int
    height: int
    channels: int
    at: tuple[int, int]
    position_mm: tuple[float, float] | None
    side: int
    markers: Mapping[int, list[list[float]]]

    @property
    def layout(self) -> Layout:
        """Where this slot's markers stand."""
        corners = {marker: np.array(points, dtype=np.float64) for marker, points in self.markers.items()}
        return Layout(self.width, self.height, self.side, corners)


@dataclass(frozen=True)
class Sheet:
    """Everything printed (or shown) together: pages with slots on them.

    `run` names the sheet in its QR codes and in results. `medium` is `paper` or `screen`; of a screen, no millimeters
    are known. `page_pixels` (width, height) count container pixels, `ppi` how many of them go on an inch.
    """

    run: str
    medium: str
    page_pixels: tuple[int, int]
    pages: int
    slots: tuple[Slot, ...]
    paper: str | None = None
    page_mm: tuple[float, float] | None = None
    dpi: int | None = None
    dots: int | None = None
    ppi: float | None = None
    made_from: Mapping[str, Any] = field(default_factory=dict)
    bench: str = ""
    dictionary: str = DICTIONARY_NAME
    schema: int = SCHEMA

    def on_page(self, page: int) -> list[Slot]:
        """The slots of one page, which count from 1."""
        return [slot for slot in self.slots if slot.page == page]

    def write(self, path: Path) -> None:
        """Write it as JSON, whole or not at all."""
        write_json(path, asdict(self))


def read_sheet(path: Path) -> Sheet:
    """Read a sheet.json, or the one of a folder.

    Raises:
        RequestError: where there is none, or it is not one this version reads.
    """
    path = path / NAME if path.is_dir() else path
    try:
        found = read_json(path)
    except FileNotFoundError:
        raise RequestError(f"{path}: no such file; bench capture sheet writes one beside sheet.pdf") from None
    except (OSError, ValueError) as error:
        raise RequestError(f"{path}: not a sheet.json that can be read ({type(error).__name__})") from None
    if not isinstance(found, dict) or "slots" not in found or "schema" not in found:
        raise RequestError(f"{path}: not a sheet of bench capture; bench capture sheet writes one beside sheet.pdf")
    if found["schema"] != SCHEMA:
        raise RequestError(f"{path}: is a sheet of version {found['schema']}; this bench reads version {SCHEMA}")
    if found.get("dictionary") != DICTIONARY_NAME:
        raise RequestError(f"{path}: has markers of {found.get('dictionary')}; this bench knows {DICTIONARY_NAME}")
    try:
        slots = tuple(_slot(given) for given in found.pop("slots"))
        sheet = build(Sheet, {**found, "slots": slots})
        _check(sheet)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise RequestError(f"{path}: is damaged ({error}); make the sheet again, it comes out the same") from None
    return sheet


def _slot(given: Mapping[str, Any]) -> Slot:
    markers = {int(name): points for name, points in given["markers"].items()}  # JSON's names are text
    return build(Slot, {**given, "markers": markers})


def _check(sheet: Sheet) -> None:
    """That what was read is a sheet that can have been made; whoever wrote it may have wanted something else.

    Raises:
        ValueError: it is not.
    """
    made = sheet.made_from
    if not re.fullmatch(_NAME, sheet.run) or not isinstance(made.get("settings", {}), Mapping):
        raise ValueError("run or made_from is not what it should be")
    for slot in sheet.slots:
        # Captures are written to a folder of the container's name, and the file is read.
        if not re.fullmatch(_NAME, slot.container) or not re.fullmatch(rf"(?:{_NAME}/)*{_NAME}", slot.file):
            raise ValueError(f"slot {slot.slot} names files elsewhere")
        right = slot_layout(slot.width, slot.height, slot=slot.slot, side=slot.side)
        x0, y0, x1, y1 = right.sheet
        if (x1 - x0) * (y1 - y0) > MAX_PIXELS or slot.channels not in (1, 3) or not 1 <= slot.page <= sheet.pages:
            raise ValueError(f"slot {slot.slot} has a size, channels or a page that no slot has")
        if {name: points.tolist() for name, points in right.corners.items()} != slot.markers:
            raise ValueError(f"slot {slot.slot} has markers where no slot has them")
    if len({slot.slot for slot in sheet.slots}) < len(sheet.slots):
        raise ValueError("two slots of one number")
