"""A folder of captures, and adding photos to it.

A photo is written when all of it is done: its captures first, then captured.json. What a stopped command left behind
is not in captured.json, and is written anew when the photo is.
"""

import hashlib
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from bench_capture import photos
from bench_capture.carriers import read_container
from bench_capture.files import check_folder, slug, write_bytes, write_json
from bench_capture.manifest import NAME as SHEET_NAME
from bench_capture.manifest import Sheet, read_sheet
from bench_capture.markers import Array
from bench_capture.photos import PhotoError
from bench_capture.reading import Reader, Taken
from bench_capture.record import FAILED, NAME, OK, Capture, PhotoRecord, Record, read_record
from bench_capture.registration import Pose
from bench_core.errors import CellFailure, RequestError
from bench_core.images import digest, write_image

PHOTOS = "photos"


class Ingest:
    """A folder of captures that photos are added to."""

    def __init__(self, sheet: Sheet, place: Path, folder: Path, record: Record, notes: tuple[str, ...] = ()) -> None:
        self.sheet, self.folder, self.record, self.notes = sheet, folder, record, notes
        self._place = place

    @classmethod
    def open(cls, sheet: Path, folder: Path, color: str, notes: tuple[str, ...] = ()) -> "Ingest":
        """Go on with a folder, or begin a new one (which is made when the first photo is added).

        Raises:
            RequestError: where the sheet cannot be read, or the folder is one of another sheet or color correction.
        """
        known = read_sheet(sheet)
        check_folder(folder, r"(captured|sheet)\.json", "captured/")
        record = read_record(folder) if (folder / NAME).exists() else Record(known.run, color)
        if record.run != known.run:
            raise RequestError(f"-o {folder}: holds photos of sheet {record.run}, not {known.run}; name another folder")
        if record.color != color:
            raise RequestError(f"-o {folder}: was made with --color {record.color}; name another folder for {color}")
        return cls(known, sheet if sheet.is_dir() else sheet.parent, folder, record, notes)

    def add(self, path: Path) -> PhotoRecord | None:
        """Read one photo and write down what it gave; None where the folder has it already.

        Raises:
            RequestError: where the folder cannot be written, or a container beside the sheet is not the sheet's.
        """
        name = path.name.encode(errors="replace").decode()  # on Linux a name may be bytes that are no text
        try:
            content = photos.read_bytes(path)
        except PhotoError as error:
            return PhotoRecord(name, "", FAILED, str(error))
        sha256 = hashlib.sha256(content).hexdigest()
        if any(photo.sha256 == sha256 for photo in self.record.photos):
            return None
        made = self._made(PhotoRecord(name, sha256, FAILED, notes=self.notes), content)
        if not self.record.photos:
            self.sheet.write(self.folder / SHEET_NAME)
        self.record.photos.append(made)
        self.record.write(self.folder)
        return made

    def _made(self, begun: PhotoRecord, content: bytes) -> PhotoRecord:
        reader = self._reader  # before anything is written
        try:
            photo = photos.read_photo(begun.name, content)
        except PhotoError as error:
            return replace(begun, reason=str(error))
        suffix = Path(begun.name).suffix.lower()
        kept = f"{PHOTOS}/{begun.sha256[:16]}{suffix if suffix in photos.SUFFIXES else ''}"
        write_bytes(self.folder / kept, content)
        height, width = photo.pixels.shape[:2]
        begun = replace(begun, file=kept, width=width, height=height, camera=photo.camera)
        reading = reader.read(photo)
        captures = tuple(self._written(begun, taken) for taken in reading.taken)
        good = any(capture.status == OK for capture in captures)
        return replace(
            begun,
            status=OK if good else FAILED,
            reason="" if good else captures[0].reason if captures else reading.reason,
            page=reading.page,
            captures=captures,
            warnings=(*photo.warnings, *reading.warnings),
        )

    def _written(self, photo: PhotoRecord, taken: Taken) -> Capture:
        """One slot of one photo, with its picture and the JSON beside it."""
        name = f"{taken.slot.container}/{slug(Path(photo.name).stem)}-{photo.sha256[:8]}"
        capture = Capture(
            slot=taken.slot.slot,
            container=taken.slot.container,
            photo=photo.sha256,
            status=FAILED if taken.picture is None else OK,
            reason=taken.reason,
            matched_by=taken.matched_by,
            pose=_plain(taken.pose) if taken.pose else None,
            facts=dict(taken.facts),
            warnings=taken.warnings,
        )
        if taken.picture is not None:
            capture = replace(capture, file=f"{name}.png", pixels=digest(taken.picture))
            write_image(self.folder / capture.file, taken.picture)
        about = {"sheet": self.sheet.run, "photo_name": photo.name, "photo_file": photo.file}
        write_json(self.folder / f"{name}.json", {**about, **asdict(capture)})
        return capture

    @cached_property
    def _reader(self) -> Reader:
        containers: dict[int, Array] = {}
        for slot in self.sheet.slots:
            try:
                pixels = read_container(self._place / slot.file)
            except CellFailure:  # the sheet alone will do
                continue
            if digest(pixels) != slot.pixels:
                raise RequestError(f"{self._place / slot.file}: is not what sheet.json says; make the sheet again")
            containers[slot.slot] = pixels
        return Reader(self.sheet, containers, self.record.color)


def _plain(pose: Pose) -> dict[str, Any]:
    """A pose as JSON has it."""
    return {
        "homography": pose.homography.tolist(),
        "k1": pose.k1,
        "center": list(pose.center),
        "half_diagonal": pose.half_diagonal,
    }
