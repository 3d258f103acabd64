"""captured.json: which photos were read, and what came of each."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bench_capture.files import write_json
from bench_capture.typed import build, read_json
from bench_core.errors import RequestError

SCHEMA = 1
NAME = "captured.json"
OK, FAILED = "ok", "capture_failed"


@dataclass(frozen=True)
class Capture:
    """One container in one photo: taken out (`file`, `pixels` the digest of what is in it), or the reason why not.

    `pose` is where the photo shows it (the fields of `bench_capture.registration.Pose`), `facts` are figures of how
    well it went, `warnings` what to do better.
    """

    slot: int
    container: str
    photo: str
    status: str
    reason: str = ""
    file: str = ""
    pixels: str = ""
    matched_by: str = ""
    pose: Mapping[str, Any] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class PhotoRecord:
    """One photo file: `status` is `ok` where at least one container was taken out of it.

    `sha256` is of the file, `file` where it is kept (empty for what is no photo).
    """

    name: str
    sha256: str
    status: str
    reason: str = ""
    file: str = ""
    width: int = 0
    height: int = 0
    camera: str = ""
    page: int | None = None
    captures: tuple[Capture, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the photo, or any container in it, could not be used."""
        return self.status != OK or any(capture.status != OK for capture in self.captures)


@dataclass
class Record:
    """All photos of a folder of captures, in the order they were added."""

    run: str
    color: str
    photos: list[PhotoRecord] = field(default_factory=list)
    schema: int = SCHEMA

    def captures(self, slot: int) -> list[Capture]:
        """What the photos gave of one slot, failures among it: its repeats."""
        return [capture for photo in self.photos for capture in photo.captures if capture.slot == slot]

    @property
    def notes(self) -> list[str]:
        """What users said of printers and phones, each once."""
        return list(dict.fromkeys(note for photo in self.photos for note in photo.notes))

    @property
    def content(self) -> str:
        """A digest of what was captured, in its order: it changes with every photo that adds or fails a capture."""
        state = hashlib.blake2b(self.color.encode(), digest_size=5)
        for photo in self.photos:
            for capture in photo.captures:
                parts = (capture.slot, capture.status, capture.pixels or capture.reason, photo.sha256)
                state.update(json.dumps(parts).encode())
        return state.hexdigest()

    def write(self, folder: Path) -> None:
        """Write captured.json, whole or not at all."""
        write_json(folder / NAME, asdict(self))


def read_record(folder: Path) -> Record:
    """Read a folder's captured.json.

    Raises:
        RequestError: where there is none, or it is not one this version reads.
    """
    path = folder / NAME
    try:
        found = read_json(path)
    except FileNotFoundError:
        what = "holds no captured.json" if folder.is_dir() else "no such folder"
        raise RequestError(f"{folder}: {what}; bench capture ingest PHOTOS... -o {folder} makes one") from None
    except (OSError, ValueError) as error:
        raise RequestError(f"{path}: cannot be read ({type(error).__name__})") from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        version = found.get("schema") if isinstance(found, dict) else None
        raise RequestError(f"{path}: is of version {version}; this bench reads version {SCHEMA}")
    try:
        photos = [_photo(given) for given in found.pop("photos")]
        return replace(build(Record, found), photos=photos)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise RequestError(f"{path}: is damaged ({error}); ingest the photos again, into a new folder") from None


def _photo(given: dict[str, Any]) -> PhotoRecord:
    captures = tuple(build(Capture, capture) for capture in given.pop("captures"))
    if any(".." in Path(capture.file).parts or Path(capture.file).is_absolute() for capture in captures):
        raise ValueError("a file outside of the folder")
    return build(PhotoRecord, {**given, "captures": captures})
