"""Edits as files: the folder that `bench run --set map_source=edited` replays, and the same as a ZIP.

    edits.json              bench_semantic.edits' format; beside each edit the photo's name and what was done
    maps/4a3f….png          one map each, named by the digest of the gray picture

No name that a stranger gave becomes the name of a file.
"""

import contextlib
import io
import json
import secrets
import tempfile
import zipfile
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench_core.errors import RequestError, one_line
from bench_semantic.editor.document import Document
from bench_semantic.editor.pictures import png
from bench_semantic.edits import write_edits
from bench_semantic.label_sets import LabelSet

EDITS = "edits.json"


@dataclass(frozen=True)
class EditedPhoto:
    """A photo's name, the digest of its gray picture, and its document."""

    name: str
    gray: str
    document: Document

    @property
    def map_name(self) -> str:
        """Where its map lies, from the folder of `edits.json`."""
        return f"maps/{self.gray}.png"


def write_folder(out: Path, labels: LabelSet, photos: Sequence[EditedPhoto], seen: Collection[str] = ()) -> None:
    """Write the edits of `photos` into a folder, which is made where it is missing.

    Edits that lie there already stay, but for those of `seen` pictures (digests), which the new ones stand for.
    Maps are written first and `edits.json` last, in one step, so that it never names a map that is not there.

    Raises:
        RequestError: where the folder cannot be written.
    """
    photos = list({photo.gray: photo for photo in photos}.values())  # one picture given twice has one edit
    try:
        (out / "maps").mkdir(parents=True, exist_ok=True)
        earlier = json.loads((out / EDITS).read_text("utf-8"))["edits"] if (out / EDITS).exists() else []
        for photo in photos:
            _replace(out / photo.map_name, png(photo.document.snapshot()[1]))
        replaced = {photo.gray for photo in photos} | set(seen)
        entries = [entry for entry in earlier if entry["gray"] not in replaced]
        _replace(out / EDITS, _content(labels, photos, entries))
        for gray in set(seen) - {photo.gray for photo in photos}:
            (out / "maps" / f"{gray}.png").unlink(missing_ok=True)
    except OSError as error:
        raise RequestError(f"--out {out}: cannot be written: {error.strerror or one_line(error)}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise RequestError(f"--out {out}: {EDITS} there is no file of edits ({one_line(error)})") from None


def zipped(labels: LabelSet, photos: Iterable[EditedPhoto]) -> bytes:
    """The same folder as the bytes of a ZIP."""
    chosen = list({photo.gray: photo for photo in photos}.values())
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(EDITS, _content(labels, chosen, []))
        for photo in chosen:
            archive.writestr(photo.map_name, png(photo.document.snapshot()[1]))
    return stream.getvalue()


def _content(labels: LabelSet, photos: Sequence[EditedPhoto], earlier: Sequence[dict[str, Any]]) -> bytes:
    """`edits.json`, with the names and operations of the photos and the entries of earlier."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / EDITS
        write_edits(path, labels, [(photo.gray, photo.map_name) for photo in photos])
        content = json.loads(path.read_text("utf-8"))
    for entry, photo in zip(content["edits"], photos, strict=True):
        entry["photo"] = photo.name
        entry["operations"] = photo.document.operations
    content["edits"] = [*earlier, *content["edits"]]
    return (json.dumps(content, ensure_ascii=False) + "\n").encode()


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
