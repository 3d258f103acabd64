"""`folder:PATH`: any folder of pictures."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from bench_core.dataset import Dataset
from bench_core.errors import CellFailure, RequestError
from bench_core.images import read_image
from bench_datasets.labels import read_labels

# Asking Pillow for all its suffixes imports every one of its formats, so the usual ones are known here.
_USUAL = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"})
# Pillow only recognizes these; it cannot read them.
_STUBS = frozenset({"BUFR", "GRIB", "HDF5", "MPEG"})


class Folder(Dataset):
    """Every picture file under a folder, at any depth.

    Ids are paths relative to the folder, with `/`, sorted; hidden files and folders are skipped, links to folders
    are not followed. A file counts by its suffix, so one that only claims to be a picture is listed, and fails by
    name. Pictures are read by `bench_core.images.read_image`; what they show, by `bench_datasets.labels.read_labels`.

    Raises:
        RequestError: where the folder does not exist or has no pictures, or its labels.csv is wrong.
    """

    name = "folder"
    card = "Your own pictures, read where they lie; whatever license they have stays theirs."

    def __init__(self, path: str) -> None:
        self._path = path
        root = Path(path).expanduser()
        if not root.is_dir():
            what = "is a file, not a folder" if root.exists() else "there is no such folder"
            raise RequestError(f"{self.spec}: {what}; e.g. folder:photos")
        # Names that are not UTF-8 are spelled with escapes: ids are keys and go into text files.
        files = {
            os.fsencode(found.relative_to(root).as_posix()).decode("utf-8", "backslashreplace"): found
            for found in _pictures(root)
        }
        self._files = dict(sorted(files.items()))
        if not self._files:
            raise RequestError(
                f"{self.spec}: the folder has no pictures (PNG, JPEG, WebP, TIFF, …); e.g. folder:photos"
            )
        self._labels = read_labels(root)

    @property
    def spec(self) -> str:
        """`folder:` and the path as it was typed."""
        return f"folder:{self._path}"

    def ids(self) -> list[str]:
        """Relative paths, sorted."""
        return list(self._files)

    def load(self, image_id: str) -> dict[str, Any]:
        """`color`, uint8 H×W×3, and `label` where labels.csv has it.

        Raises:
            CellFailure: `decode_failed`, with the file's name.
        """
        if image_id not in self._files:
            raise CellFailure("decode_failed", f"{image_id}: no such picture in {self.spec}")
        fields: dict[str, Any] = {"color": read_image(self._files[image_id], image_id)}
        if image_id in self._labels:
            fields["label"] = self._labels[image_id]
        return fields


def _pictures(root: Path) -> Iterator[Path]:
    suffixes = _USUAL
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            suffix = Path(name).suffix.lower()
            if name.startswith(".") or not suffix:
                continue
            if suffix not in suffixes and suffixes is _USUAL:
                suffixes = _USUAL | _all_suffixes()
            if suffix in suffixes:
                yield Path(folder, name)


def _all_suffixes() -> frozenset[str]:
    known = Image.registered_extensions()
    return frozenset(suffix for suffix, kind in known.items() if kind in Image.OPEN and kind not in _STUBS)
