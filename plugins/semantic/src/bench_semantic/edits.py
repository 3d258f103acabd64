"""Maps that a person corrected, kept in a file: `bench run -p sdc --set map_source=edited --set edit=FILE` replays it.

The file is JSON; each edit names the very gray picture it was made for, by the content digest of its uint8 H×W×1
array (`bench_core.images.digest`), and the whole corrected map, so that it does not depend on the network that
predicted the rest:

    {"format": "bench-sdc-edits-1",
     "classes": ["background", "aeroplane", …],
     "edits": [{"gray": "4a3f…", "map": "maps/photo.png"}]}

A map is an 8-bit PNG of one channel and the picture's size with class indices (places in `classes`), and lies in the
file's folder or below. Keys beside these are left alone: an editor may keep its strokes there.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from bench_core.errors import RequestError
from bench_core.images import Array, digest
from bench_semantic.label_sets import ClassMap, LabelSet
from bench_semantic.map_files import read_numbers

FORMAT = "bench-sdc-edits-1"


@dataclass(frozen=True)
class Edits:
    """Corrected class maps by the digest of the gray picture, and a digest of all of them."""

    maps: Mapping[str, ClassMap]
    digest: str

    def find(self, gray: Array) -> ClassMap | None:
        """The map of a gray picture, uint8 H×W×1, or None where there is none of this very picture."""
        found = self.maps.get(digest(gray))
        return None if found is None or found.shape != gray.shape[:2] else found


def read_edits(path: Path, labels: LabelSet) -> Edits:
    """Read a file of edits; RequestError where it is none, is of other classes, or a map is missing or wrong."""
    try:
        content = json.loads(path.read_text("utf-8"))
        if content["format"] != FORMAT:
            raise ValueError(content["format"])
        entries = [(str(entry["gray"]), str(entry["map"])) for entry in content["edits"]]
        classes = [str(name) for name in content["classes"]]
    except OSError as error:
        raise RequestError(f"edit={path}: {error.strerror}; bench sdc edit makes such a file") from None
    except (ValueError, KeyError, TypeError) as error:
        raise RequestError(f"edit={path}: no file of edits of the format {FORMAT} ({error})") from None
    if tuple(classes) != labels.names:
        raise RequestError(
            f"edit={path}: it is of {len(classes)} other classes than the {len(labels)} of {labels.name} that the "
            "weights know"
        )
    maps = {gray: _read_map(path, name, len(labels)) for gray, name in entries}
    state = hashlib.blake2b(digest_size=16)
    for gray in sorted(maps):
        state.update(f"{gray}={digest(maps[gray])}\n".encode())
    return Edits(maps, state.hexdigest())


def write_edits(path: Path, labels: LabelSet, edits: Sequence[tuple[str, str]]) -> None:
    """Write a file of edits, each the digest of a gray picture and the map's path from the file's folder, with `/`."""
    content: dict[str, Any] = {
        "format": FORMAT,
        "classes": list(labels.names),
        "edits": [{"gray": gray, "map": name} for gray, name in edits],
    }
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def _read_map(path: Path, name: str, n_classes: int) -> ClassMap:
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or "\\" in name:
        raise RequestError(f"edit={path}: map '{name}' must lie in the file's folder or below")
    try:
        found = read_numbers(path.parent / pure)
    except RequestError as error:
        raise RequestError(f"edit={path}: {error}") from None
    if found.max(initial=0) >= n_classes:
        raise RequestError(f"edit={path}: map '{name}' has class {found.max()}; there are {n_classes}, from 0")
    return found.astype(np.uint8)
