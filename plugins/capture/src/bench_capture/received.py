"""Photographed carriers as a degradation: a run decodes what a real printer and phone made of them."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from bench_capture.carriers import read_container
from bench_capture.manifest import NAME as SHEET_NAME
from bench_capture.manifest import Sheet, Slot, read_sheet
from bench_capture.record import OK, Capture, Record, read_record
from bench_core.degradation import Array, Degradation, Received, Shipment
from bench_core.errors import CellFailure, RequestError
from bench_core.images import digest


class CapturedFolder(Degradation):
    """What arrived of the carriers of one sheet, from a folder that `bench capture ingest` made.

    A carrier is recognized by its pixels, all of them. Each photo of it is a repeat, failed ones too. The id holds the
    sheet's run and a digest of what was captured: photos added later make new cells.

    Raises:
        RequestError: where the folder is none, or nothing was captured.
    """

    name = "capture"

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder).expanduser()
        try:
            self.record: Record = read_record(self.folder)
            self.sheet: Sheet = read_sheet(self.folder / SHEET_NAME)
        except RequestError as error:
            raise RequestError([f"{line}; e.g. --captured captured" for line in error.problems]) from None
        if self.sheet.run != self.record.run:
            raise RequestError(f"{folder}: holds sheet {self.sheet.run}, but captures of {self.record.run}")
        if not any(photo.captures for photo in self.record.photos):
            raise RequestError(f"{folder}: holds no capture yet; add photos with bench capture ingest PHOTOS...")
        self.values = {"run": self.record.run, "content": self.record.content}

    def __repr__(self) -> str:
        return f"<{self.id} in {self.folder}>"

    @cached_property
    def _by_pixels(self) -> Mapping[str, list[Slot]]:
        """Slots by the digest of what they show; equal containers may stand in several."""
        found: dict[str, list[Slot]] = {}
        for slot in self.sheet.slots:
            found.setdefault(slot.pixels, []).append(slot)
        return found

    def _captures(self, slots: list[Slot]) -> list[Capture]:
        return [capture for slot in slots for capture in self.record.captures(slot.slot)]

    def repeats(self, image_id: str) -> int:
        """How many photos there are of the picture's carrier; 1, whose cell says why, where there is none."""
        slots = [slot for slot in self.sheet.slots if slot.image == image_id]
        same = [other for slot in slots for other in self._by_pixels[slot.pixels]]
        return max(1, len(self._captures(list({slot.slot: slot for slot in same}.values()))))

    def handle(self, image: Array, rng: np.random.Generator, shipment: Shipment) -> Received:
        """What photo `shipment.repeat` shows of exactly this carrier, uint8 of its shape, with the photo's figures.

        Raises:
            CellFailure: `capture_failed`, where the carrier is not on the sheet, was not photographed, or the photo
                could not be used.
        """
        slots = self._by_pixels.get(digest(image))
        if not slots:
            raise CellFailure(
                "capture_failed",
                f"sheet {self.sheet.run} holds no container with these pixels; it was made from {self._origin()}",
            )
        captures = self._captures(slots)
        if not captures:
            where = " and ".join(f"slot {slot.slot} on page {slot.page}" for slot in slots)
            raise CellFailure("capture_failed", f"no photo shows {slots[0].container} ({where})")
        if shipment.repeat >= len(captures):
            raise CellFailure("capture_failed", f"there are {len(captures)} photos of {slots[0].container}, no more")
        capture = captures[shipment.repeat]
        if capture.status != OK:
            raise CellFailure("capture_failed", capture.reason)
        picture = read_container(self.folder / capture.file)
        if digest(picture) != capture.pixels or picture.shape != image.shape:
            raise CellFailure("capture_failed", f"{capture.file} was changed after it was captured")
        details = {
            "photo": capture.photo[:16],
            "matched_by": capture.matched_by,
            **capture.facts,
            "warnings": list(capture.warnings),
        }
        return Received(picture, details)

    def _origin(self) -> str:
        made = self.sheet.made_from
        if "plugin" not in made:
            return "files"
        settings = "".join(f" {name}={value}" for name, value in sorted(made.get("settings", {}).items()))
        size = f" at {made['size']}" if made.get("size") else ""
        weights = f", weights {str(made['weights'])[:8]}" if made.get("weights") else ""
        return f"{made['plugin']}{settings}{weights} on {made.get('dataset')}{size}, seed {made.get('seed')}"

    def provenance(self) -> dict[str, Any]:
        """The sheet, what was printed on it and how, and what users noted of printer and phone."""
        cameras = sorted({photo.camera for photo in self.record.photos if photo.camera})
        facts = {
            "sheet": self.sheet.run,
            "medium": self.sheet.medium,
            "paper": self.sheet.paper,
            "dpi": self.sheet.dpi,
            "dots": self.sheet.dots,
            "color": self.record.color,
            "made_from": dict(self.sheet.made_from),
            "notes": self.record.notes,
            "cameras": cameras,
            "photos": len(self.record.photos),
        }
        return {self.id: facts}
