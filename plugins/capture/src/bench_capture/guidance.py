"""What a user is told: how to print and photograph, and what came of the photos."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from bench_capture.manifest import Sheet
from bench_capture.record import OK, Capture, PhotoRecord, Record

_PHONE = 4000, 3000
"""A photo of 12 megapixels, what most phones take."""
_FILLED = 0.9
"""How much of the frame a page fills that is said to fill it."""
_GOOD_SCALE = 1.3
"""Photo pixels a container pixel at which markers still have modules of 8 pixels and more."""

HEADERS = ("photo", "page", "container", "status", "by", "rms", "scale", "tilt", "sharp", "remarks")
RIGHT = ("page", "rms", "scale", "tilt", "sharp")


def before_the_photos(sheet: Sheet, folder: Path) -> list[str]:
    """How to print or show a sheet, and to photograph it."""
    if sheet.medium == "screen":
        how = ["Show the page PNGs at 100 % zoom, brightness 80 %, true tone and night mode off."]
    else:
        how = ["Print sheet.pdf at 100 % (no fitting to the page) on matte paper, and check the 100 mm ruler."]
    how.append("Photograph without flash, in even light, sharp, the page filling the frame; 3 photos per page.")
    scale = page_scale(sheet)
    if scale < _GOOD_SCALE:
        how.append(
            f"A photo of a whole page has only about {scale:.1f} pixels per container pixel (12 megapixels); "
            "photograph each container on its own, with all its markers, or use more --dots."
        )
    how.append(f"Then: bench capture ingest PHOTOS... --sheet {shlex.quote(str(folder / 'sheet.json'))} -o captured")
    return how


def page_scale(sheet: Sheet) -> float:
    """Photo pixels per container pixel of a 12-megapixel photo that a whole page fills."""
    return min(max(_PHONE) / max(sheet.page_pixels), min(_PHONE) / min(sheet.page_pixels)) * _FILLED


def photo_rows(photo: PhotoRecord) -> list[list[str]]:
    """A line of the table for every container in a photo; one that says why, where there is none."""
    page = str(photo.page or "–")
    if not photo.captures:
        return [[photo.name, page, "–", "failed", "", "", "", "", "", _joined([photo.reason], photo.warnings)]]
    rows = [_row(photo, capture, page) for capture in photo.captures]
    rows[0][-1] = _joined([rows[0][-1]], photo.warnings)
    return rows


def _row(photo: PhotoRecord, capture: Capture, page: str) -> list[str]:
    def figure(name: str, places: int) -> str:
        value = capture.facts.get(name)
        return "" if value is None else f"{value:.{places}f}"

    status = "ok" if capture.status == OK else "failed"
    figures = [figure("rms", 2), figure("scale", 2), figure("tilt_degrees", 0), figure("sharpness", 0)]
    remarks = _joined([capture.reason], capture.warnings)
    return [photo.name, page, capture.container, status, capture.matched_by, *figures, remarks]


def _joined(first: Sequence[str], more: Sequence[str]) -> str:
    return "; ".join(text for text in (*first, *more) if text)


def after_the_photos(sheet: Sheet, record: Record, folder: Path) -> list[str]:
    """How far a sheet is captured, and what to do next."""
    good = {slot.slot: sum(capture.status == OK for capture in record.captures(slot.slot)) for slot in sheet.slots}
    lacking = [slot for slot in sheet.slots if not good[slot.slot]]
    captures, photos = sum(good.values()), len(record.photos)
    said = [
        f"{folder}: sheet {sheet.run}: {captures} captures of {len(sheet.slots) - len(lacking)} of "
        f"{len(sheet.slots)} containers, from {photos} photo{'s' * (photos != 1)}"
    ]
    if lacking:
        names = ", ".join(f"{slot.container} (page {slot.page})" for slot in lacking[:6])
        said.append(f"still without a capture: {names}{', …' if len(lacking) > 6 else ''}")
    if captures and (command := _run_command(sheet, folder)):
        said.append(f"Then: {command}")
    return said


def _run_command(sheet: Sheet, folder: Path) -> str:
    made = sheet.made_from
    if "plugin" not in made:
        return ""
    options = ["bench", "run", "-p", str(made["plugin"])]
    options += ["--weights", str(made["weights_file"])] if made.get("weights_file") else []
    for name, value in sorted(made.get("settings", {}).items()):
        options += ["--set", f"{name}={value}"]
    for name in ("dataset", "secrets", "size", "limit", "seed"):
        options += [f"--{name}", str(made[name])] if made.get(name) else []
    return shlex.join([*options, "--captured", str(folder)])
