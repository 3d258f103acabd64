"""From photos to captures: read, find markers, name page and slots, rectify, correct colors, write down.

The order of work is section by section that of the documentation (docs/capture.md). A photo is written when all of it
is done: its captures first, then captured.json.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from bench_capture import photos, quality
from bench_capture.carriers import read_container
from bench_capture.color_card import fit_correction
from bench_capture.files import slug, write_bytes, write_json
from bench_capture.manifest import NAME as SHEET_NAME
from bench_capture.manifest import Sheet, Slot, read_sheet
from bench_capture.markers import SLOT_MARKERS, Array, Points, detect_harder, enough_for_a_pose
from bench_capture.matching import find_code, match_content, similarity
from bench_capture.photos import Photo, PhotoError
from bench_capture.record import FAILED, NAME, OK, Capture, PhotoRecord, Record, read_record
from bench_capture.registration import LEAST_MARKERS, Pose, fit, rectify
from bench_core.errors import CellFailure, RequestError
from bench_core.images import digest, luminance, write_image

LEAST_SIMILARITY = 0.3
"""Below this, what lies between the markers is no photo of the container, however bad."""
PHOTOS = "photos"


@dataclass(frozen=True)
class _View:
    """One photo with what was found in it."""

    photo: Photo
    found: Mapping[int, Points]
    page: int | None
    matched_by: str
    searches: tuple[str, ...]

    def markers(self, slot: Slot) -> list[int]:
        """Which of a slot's markers were found."""
        return [marker for marker in slot.markers if marker in self.found]


class Ingest:
    """A folder of captures that photos are added to."""

    def __init__(self, sheet: Sheet, place: Path, folder: Path, record: Record, notes: tuple[str, ...] = ()) -> None:
        self.sheet, self.place, self.folder, self.record, self.notes = sheet, place, folder, record, notes

    @classmethod
    def open(cls, sheet: Path, folder: Path, color: str, notes: tuple[str, ...] = ()) -> "Ingest":
        """Go on with a folder, or begin a new one (which is made when the first photo is added).

        Raises:
            RequestError: where the sheet cannot be read, or the folder is one of another sheet or color correction.
        """
        known = read_sheet(sheet)
        if folder.exists() and not folder.is_dir():
            raise RequestError(f"-o {folder}: is a file; name a folder, e.g. -o captured/")
        record = read_record(folder) if (folder / NAME).exists() else Record(known.run, color)
        if record.run != known.run:
            raise RequestError(f"-o {folder}: holds photos of sheet {record.run}, not {known.run}; name another folder")
        if record.color != color:
            raise RequestError(f"-o {folder}: was made with --color {record.color}; name another folder for {color}")
        return cls(known, sheet if sheet.is_dir() else sheet.parent, folder, record, notes)

    def add(self, path: Path) -> PhotoRecord | None:
        """Read one photo and write down what it gave; None where the folder has it already."""
        try:
            content = photos.read_bytes(path)
        except PhotoError as error:
            return PhotoRecord(path.name, "", FAILED, str(error))
        sha256 = hashlib.sha256(content).hexdigest()
        if any(photo.sha256 == sha256 for photo in self.record.photos):
            return None
        made = replace(self._read(path, sha256, content), notes=self.notes)
        if not self.record.photos:
            self.sheet.write(self.folder / SHEET_NAME)
        self.record.photos.append(made)
        self.record.write(self.folder)
        return made

    def _read(self, path: Path, sha256: str, content: bytes) -> PhotoRecord:
        try:
            photo = photos.read_photo(path.name, content)
        except PhotoError as error:
            return PhotoRecord(path.name, sha256, FAILED, str(error))
        kept = f"{PHOTOS}/{sha256[:16]}{path.suffix.lower()}"
        write_bytes(self.folder / kept, content)
        height, width = photo.pixels.shape[:2]
        shown = PhotoRecord(path.name, sha256, FAILED, "", kept, width, height, photo.camera, warnings=photo.warnings)
        code = find_code(photo.pixels)
        if code and code[0] != self.sheet.run:
            return replace(shown, reason=f"shows page {code[1]} of sheet {code[0]}, not of {self.sheet.run}")
        page = code[1] if code and self.sheet.on_page(code[1]) else None
        found, searches = detect_harder(photo.pixels, lambda seen: self._enough(seen, page))
        view = _View(photo, found, page, "qr" if page else "markers", tuple(searches))
        captures, notes = self._captures(view)
        if not captures:
            return replace(shown, page=page, reason=self._nothing(view))
        good = any(capture.status == OK for capture in captures)
        return replace(
            shown,
            status=OK if good else FAILED,
            reason="" if good else captures[0].reason,
            page=page or self._slot(captures[0].slot).page,
            captures=tuple(captures),
            warnings=(*photo.warnings, *notes),
        )

    def _slot(self, number: int) -> Slot:
        return next(slot for slot in self.sheet.slots if slot.slot == number)

    def _enough(self, found: Mapping[int, Points], page: int | None) -> bool:
        """Whether every slot that is in view, as far as one knows, has the markers for a pose."""
        known = {slot.slot for slot in self.sheet.on_page(page)} if page else set()
        known |= {marker // SLOT_MARKERS for marker in found} & {slot.slot for slot in self.sheet.slots}
        return bool(known) and all(enough_for_a_pose(found, slot) for slot in known)

    def _captures(self, view: _View) -> tuple[list[Capture], list[str]]:
        """What a photo gives of every slot that it is a photo of; and remarks on slots that are only at its edge."""
        poses: dict[int, tuple[Pose, float]] = {}
        for slot in self.sheet.slots:
            if len(view.markers(slot)) >= LEAST_MARKERS:
                try:
                    poses[slot.slot] = fit(slot.layout, view.found, view.photo.pixels.shape)
                except ValueError:  # no pose: as if there were too few markers
                    continue
        captures: list[Capture] = []
        partly: list[Capture] = []
        for slot in self.sheet.slots:
            if slot.slot in poses:
                capture = self._capture(view, slot, *poses[slot.slot])
                outside = capture.status != OK and not self._in_frame(view, slot, poses, whole=True)
                (partly if outside else captures).append(capture)
            elif self._missed(view, slot, poses):
                captures.append(self._failed(view, slot, self._too_few(view, slot)))
        if not captures and partly:
            return partly, []
        if not captures and (matched := self._by_content(view)):
            return [matched], []
        return captures, [f"{capture.container} is only partly in the photo" for capture in partly]

    def _missed(self, view: _View, slot: Slot, poses: Mapping[int, tuple[Pose, float]]) -> bool:
        """Whether a slot without a pose should have had one: its container is in the frame, as far as one can tell."""
        in_frame = self._in_frame(view, slot, poses)
        if in_frame is not None:
            return in_frame
        alone = view.page == slot.page and len(self.sheet.on_page(slot.page)) == 1
        return alone or bool(view.markers(slot))

    def _in_frame(
        self, view: _View, slot: Slot, poses: Mapping[int, tuple[Pose, float]], *, whole: bool = False
    ) -> bool | None:
        """Whether the photo holds the middle of a slot's container, or the `whole` of it.

        Judged by the slot's own pose, or by that of another slot of its page; None where there is neither.
        """
        layout = slot.layout
        points = quality.corners_of(layout)
        points = points if whole else points.mean(axis=0, keepdims=True)
        for other in (slot, *self.sheet.on_page(slot.page)):
            if other.slot in poses:
                moved = points + np.subtract(slot.at, other.at)
                return quality.inside(poses[other.slot][0].project(moved), view.photo.pixels.shape)
        return None

    def _capture(self, view: _View, slot: Slot, pose: Pose, rms: float) -> Capture:
        layout, markers = slot.layout, view.markers(slot)
        if why := quality.flaw(layout, pose, rms, markers, view.photo.pixels.shape):
            return self._failed(view, slot, why, {"rms": round(rms, 3), "markers": len(markers)})
        x0, y0, x1, y1 = layout.sheet
        scale = pose.scale(layout)
        # A photo far finer than the container is averaged, not sampled: so its grain and the printer's dots go.
        fine = max(2, int(np.ceil(scale)))
        sheet = rectify(view.photo.pixels, pose, x1 - x0, y1 - y0, origin=(x0, y0), supersample=fine)
        correction = fit_correction(sheet, layout)
        corrected = correction.apply(sheet)
        left, top = layout.offset
        chosen = corrected if self.record.color == "card" else sheet
        picture = np.ascontiguousarray(chosen[top : top + layout.height, left : left + layout.width])
        facts: dict[str, Any] = {
            "markers": len(markers),
            **quality.facts(sheet, corrected, layout, pose, rms, view.photo.focal, correction),
        }
        if (original := self._containers.get(slot.slot)) is not None:
            alike = similarity(picture, original)
            facts["similarity"] = None if alike is None else round(alike, 3)
            if alike is not None and alike < LEAST_SIMILARITY:
                why = f"what is between the markers is not {slot.container} (correlation {alike:.2f}): another sheet?"
                return self._failed(view, slot, why, facts)
        picture = luminance(picture) if slot.channels == 1 else picture
        said = quality.concerns(facts, layout, len(markers))
        return self._written(view, slot, picture, facts, said)

    def _written(self, view: _View, slot: Slot, picture: Array, facts: Mapping[str, Any], said: list[str]) -> Capture:
        name = f"{slot.container}/{_photo_name(view.photo)}"
        capture = Capture(
            slot=slot.slot,
            container=slot.container,
            photo=view.photo.sha256,
            status=OK,
            file=f"{name}.png",
            pixels=digest(picture),
            matched_by=self._matched_by(view, slot),
            facts=dict(facts),
            warnings=(*said, *([f"markers needed: {', '.join(view.searches)}"] if view.searches else [])),
        )
        write_image(self.folder / capture.file, picture)
        self._sidecar(view, capture)
        return capture

    def _failed(self, view: _View, slot: Slot, why: str, facts: Mapping[str, Any] | None = None) -> Capture:
        capture = Capture(
            slot.slot, slot.container, view.photo.sha256, FAILED, why,
            matched_by=self._matched_by(view, slot), facts=dict(facts or {}),
        )  # fmt: skip
        self._sidecar(view, capture)
        return capture

    def _sidecar(self, view: _View, capture: Capture) -> None:
        path = self.folder / capture.container / f"{_photo_name(view.photo)}.json"
        write_json(path, {"sheet": self.sheet.run, "photo_name": view.photo.name, **asdict(capture)})

    def _matched_by(self, view: _View, slot: Slot) -> str:
        return "qr" if view.page == slot.page else "markers" if view.markers(slot) else view.matched_by

    def _too_few(self, view: _View, slot: Slot) -> str:
        count = len(view.markers(slot))
        return (
            f"{count} of {len(slot.markers)} markers found, {LEAST_MARKERS} are needed: "
            "covered, cut off, blurred, in glare, or too small"
        )

    def _by_content(self, view: _View) -> Capture | None:
        """A photo without markers gives no capture; but whose failure it is may be told from what it shows."""
        wanted = {slot.slot for slot in (self.sheet.on_page(view.page) if view.page else self.sheet.slots)}
        known = {slot: container for slot, container in self._containers.items() if slot in wanted}
        number = match_content(view.photo.pixels, known)
        if number is None:
            return None
        slot = self._slot(number)
        return self._failed(replace(view, page=None, matched_by="content"), slot, self._too_few(view, slot))

    def _nothing(self, view: _View) -> str:
        if view.page is None:
            return "shows no marker, no code and no container of this sheet"
        return f"shows page {view.page}, but no marker of any of its containers"

    @cached_property
    def _containers(self) -> dict[int, Array]:
        """The containers that are beside sheet.json, by slot: what a capture is checked against, never made from."""
        found: dict[int, Array] = {}
        for slot in self.sheet.slots:
            try:
                pixels = read_container(self.place / slot.file)
            except CellFailure:
                continue
            if digest(pixels) != slot.pixels:
                raise RequestError(f"{self.place / slot.file}: is not what sheet.json says; make the sheet again")
            found[slot.slot] = pixels
        return found


def _photo_name(photo: Photo) -> str:
    return f"{slug(Path(photo.name).stem)}-{photo.sha256[:8]}"
