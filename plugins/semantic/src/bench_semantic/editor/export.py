"""Edits as files: the folder that `bench run --set map_source=edited` replays, and the same as a ZIP.

    edits.json              bench_semantic.edits' format; beside each edit the photo's name and what was done
    maps/4a3f….map          one map each, a PNG named by the digest of the gray picture

No name that a stranger gave becomes the name of a file. Maps have a suffix of their own: a folder of photos that the
edits lie in would take a `.png` for one more photo.
"""

import contextlib
import io
import json
import secrets
import tempfile
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench_core.errors import RequestError, one_line
from bench_semantic.editor.pictures import png
from bench_semantic.edits import read_edits, write_edits
from bench_semantic.label_sets import ClassMap, LabelSet

EDITS, MAPS = "edits.json", "maps"


@dataclass(frozen=True)
class Edit:
    """What was made of a photo: its name, the digest of its gray picture, its map, and the operations that made it."""

    name: str
    gray: str
    classes: ClassMap
    operations: Sequence[Mapping[str, Any]]

    @property
    def map_name(self) -> str:
        """Where its map lies, from the folder of `edits.json`."""
        return _map_name(self.gray)


def read_folder(out: Path, labels: LabelSet) -> dict[str, Edit]:
    """The edits of a folder by the digest of the gray picture; none where there is no folder yet.

    RequestError where they are of other classes, or damaged.
    """
    path = out / EDITS
    if not path.exists():
        return {}
    maps = read_edits(path, labels).maps
    entries = {str(entry["gray"]): entry for entry in json.loads(path.read_text("utf-8"))["edits"]}
    return {
        gray: Edit(str(entries[gray].get("photo", "")), gray, classes, _operations(entries[gray]))
        for gray, classes in maps.items()
    }


def make_folder(out: Path) -> None:
    """Make the folder where it is missing; RequestError where nothing can be written to it."""
    with _writing(out):
        (out / MAPS).mkdir(parents=True, exist_ok=True)
        for folder in (out, out / MAPS):
            tempfile.TemporaryFile(dir=folder).close()


def write_folder(out: Path, labels: LabelSet, edits: Sequence[Edit], seen: Collection[str] = ()) -> None:
    """Write edits, one a picture, into a folder, which is made where it is missing.

    Edits that lie there already stay, but for those of `seen` pictures (digests), which the new ones stand for.
    Maps are written first and `edits.json` last, in one step, so that it never names a map that is not there.

    Raises:
        RequestError: where the folder cannot be written.
    """
    try:
        with _writing(out):
            (out / MAPS).mkdir(parents=True, exist_ok=True)
            earlier = json.loads((out / EDITS).read_text("utf-8"))["edits"] if (out / EDITS).exists() else []
            for edit in edits:
                _replace(out / edit.map_name, png(edit.classes))
            replaced = {edit.gray for edit in edits} | set(seen)
            entries = [entry for entry in earlier if entry["gray"] not in replaced]
            _replace(out / EDITS, _content(labels, edits, entries))
            for gray in replaced:
                # A .png is the map of a folder that was written before maps had their own suffix.
                for name in {_map_name(gray), f"{MAPS}/{gray}.png"} - {edit.map_name for edit in edits}:
                    (out / name).unlink(missing_ok=True)
    except (ValueError, KeyError, TypeError) as error:
        raise RequestError(f"--out {out}: {EDITS} there is no file of edits ({one_line(error)})") from None


def zipped(labels: LabelSet, edits: Sequence[Edit]) -> bytes:
    """The same folder as the bytes of a ZIP."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(EDITS, _content(labels, edits, []))
        for edit in edits:
            archive.writestr(edit.map_name, png(edit.classes))
    return stream.getvalue()


def _map_name(gray: str) -> str:
    return f"{MAPS}/{gray}.map"


def _operations(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Those of an entry of `edits.json`; a file that a script wrote has none, or something else there."""
    found = entry.get("operations")
    return found if isinstance(found, list) else []


def _content(labels: LabelSet, edits: Sequence[Edit], earlier: Sequence[dict[str, Any]]) -> bytes:
    """`edits.json`, with the names and operations of the edits and the entries of earlier."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / EDITS
        write_edits(path, labels, [(edit.gray, edit.map_name) for edit in edits])
        content = json.loads(path.read_text("utf-8"))
    for entry, edit in zip(content["edits"], edits, strict=True):
        entry["photo"] = edit.name
        entry["operations"] = list(edit.operations)
    content["edits"] = [*earlier, *content["edits"]]
    return (json.dumps(content, ensure_ascii=False) + "\n").encode()


@contextlib.contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RequestError(f"--out {out}: cannot be written: {error.strerror or one_line(error)}") from None


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
