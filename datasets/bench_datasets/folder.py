"""`folder:PATH`: any folder of pictures, with maps where there are some."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench_core.dataset import Dataset
from bench_core.errors import CellFailure, RequestError
from bench_core.images import read_image
from bench_datasets.labels import read_labels
from bench_datasets.maps import KINDS, VOID, Maps
from bench_datasets.options import split_options

# Asking Pillow for all its suffixes imports every one of its formats, so the usual ones are known here.
_USUAL = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"})
# Pillow only recognizes these; it cannot read them.
_STUBS = frozenset({"BUFR", "GRIB", "HDF5", "MPEG"})


class Folder(Dataset):
    """Every picture file under a folder, at any depth; `text` is PATH, or PATH,saliency=DIR,semantic=DIR,void=N.

    Ids are paths relative to the folder, with `/`, sorted; hidden files and folders are skipped, links to folders
    are not followed, and a folder of maps inside holds no photos. A file counts by its suffix, so one that only claims
    to be a picture is listed, and fails by name. Pictures are read by `bench_core.images.read_image`; what they show,
    by `bench_datasets.labels.read_labels`; maps, by `bench_datasets.maps.read_map`. `void=N` says which class number
    of semantic maps means "not annotated"; samples have VOID there.

    Raises:
        RequestError: where a folder does not exist or has no pictures, its labels.csv is wrong, a photo has two maps
            of a kind, or no photo has one; where `void` is no class number, or is there without semantic maps.
    """

    name = "folder"
    card = "Your own pictures, read where they lie; whatever license they have stays theirs."

    def __init__(self, text: str) -> None:
        self._text = text
        path, maps, self._void = self._split(text)
        root = self._existing(path)
        roots = {kind: self._existing(where, f"{kind}=") for kind, where in maps.items()}
        self._files = _by_name(root, skip=[inner for inner in roots.values() if not root.samefile(inner)])
        if not self._files:
            raise RequestError(
                f"{self.spec}: the folder has no pictures (PNG, JPEG, WebP, TIFF, …); e.g. folder:photos"
            )
        self._labels = read_labels(root)
        self._maps = {
            kind: Maps(kind, _by_name(inner), self._files, f"{self.spec}: {kind}={maps[kind]}")
            for kind, inner in roots.items()
        }

    def _split(self, text: str) -> tuple[str, dict[str, str], int]:
        """The path; by kind, the folders of maps; and the class number that means void."""
        path, found = split_options(text, (*KINDS, "void"), lambda path: path.is_dir())
        maps = dict(found)
        if len(maps) < len(found):
            raise RequestError(f"{self.spec}: a key is given twice; e.g. folder:photos,saliency=maps")
        void = maps.pop("void", str(VOID))
        if not (void.isascii() and void.isdigit() and int(void) <= VOID and (void == str(VOID) or "semantic" in maps)):
            raise RequestError(
                f"{self.spec}: void is the class number, 0 to {VOID}, that semantic maps have where nothing is "
                "annotated; e.g. folder:photos,semantic=maps,void=11"
            )
        for kind, where in maps.items():
            if not where:
                raise RequestError(f"{self.spec}: {kind} names no folder; e.g. folder:photos,{kind}=maps")
        return path, maps, int(void)

    def _existing(self, path: str, key: str = "") -> Path:
        root = Path(path).expanduser()
        if root.is_dir():
            return root
        what = "is a file, not a folder" if root.exists() else "there is no such folder"
        if key:
            raise RequestError(f"{self.spec}: {key}{path}: {what}; e.g. folder:photos,{key}maps")
        keys = f" (after a comma: {', '.join(f'{kind}=DIR' for kind in KINDS)}, void=N)" if "=" in path else ""
        raise RequestError(f"{self.spec}: {what}{keys}; e.g. folder:photos")

    @property
    def spec(self) -> str:
        """`folder:` and the rest as it was typed."""
        return f"folder:{self._text}"

    def ids(self) -> list[str]:
        """Relative paths, sorted."""
        return list(self._files)

    def load(self, image_id: str) -> dict[str, Any]:
        """`color`, uint8 H×W×3; `label` where labels.csv has it; `saliency` and `semantic`, uint8 H×W×1, where mapped.

        Raises:
            CellFailure: `decode_failed`, with the file's name.
        """
        if image_id not in self._files:
            raise CellFailure("decode_failed", f"{image_id}: no such picture in {self.spec}")
        color = read_image(self._files[image_id], image_id)
        fields: dict[str, Any] = {"color": color}
        if image_id in self._labels:
            fields["label"] = self._labels[image_id]
        for kind, maps in self._maps.items():
            if (plane := maps.of(image_id, color.shape)) is not None:
                fields[kind] = np.where(plane == self._void, VOID, plane) if kind == "semantic" else plane
        return fields


def _by_name(root: Path, skip: Sequence[Path] = ()) -> dict[str, Path]:
    """The pictures under a folder, sorted by their relative path; none of those under the folders of `skip`."""
    # Names that are not UTF-8 are spelled with escapes: ids are keys and go into text files.
    files = {
        os.fsencode(found.relative_to(root).as_posix()).decode("utf-8", "backslashreplace"): found
        for found in _pictures(root, skip)
    }
    return dict(sorted(files.items()))


def _pictures(root: Path, skip: Sequence[Path]) -> Iterator[Path]:
    suffixes = _USUAL
    for folder, folders, files in os.walk(root):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and not any(Path(folder, name).samefile(inner) for inner in skip)
        ]
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
