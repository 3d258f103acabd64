"""Maps that belong to photos: what stands out in them (saliency), and what each pixel shows (class numbers)."""

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from bench_core.errors import CellFailure, RequestError
from bench_core.images import opened

Array = np.ndarray[Any, np.dtype[np.uint8]]

KINDS = ("saliency", "semantic")
"""The kinds of maps, under the names that samples hold them by."""

VOID = 255
"""The class number that samples have where nothing is annotated."""

# Pillow stretches gray values of 2 and 4 bits over 0..255, which is right for all but class numbers.
_STRETCHED = {"L;2": 85, "L;4": 17}


class Maps:
    """The maps of one kind, by the relative path of their photo without its suffix.

    Args:
        kind: One of `KINDS`.
        files: The pictures of the maps' folder, by their relative path with `/`.
        photos: The photos' relative paths.
        where: What a message calls the folder, e.g. `saliency=masks`.

    Raises:
        RequestError: where a photo has two maps, or no photo has any.
    """

    def __init__(self, kind: str, files: Mapping[str, Path], photos: Iterable[str], where: str) -> None:
        self._kind = kind
        wanted = {stem(name) for name in photos}
        self._files: dict[str, tuple[str, Path]] = {}
        for name, path in files.items():
            key = stem(name)
            if key in self._files and key in wanted:
                raise RequestError(
                    f"{where}: {self._files[key][0]} and {name} are both named as the map of {key}; keep one of them"
                )
            self._files[key] = name, path
        if not wanted & self._files.keys():
            example = next(iter(wanted))
            raise RequestError(
                f"{where}: none of the photos has a map there; a map has its photo's relative path but for the suffix, "
                f"e.g. {example}.png"
            )

    def of(self, photo: str, shape: tuple[int, ...]) -> Array | None:
        """The map of a photo of this shape H×W×C, uint8 H×W×1; None where it has none.

        Raises:
            CellFailure: `decode_failed`, where the map cannot be read or has another size.
        """
        found = self._files.get(stem(photo))
        if found is None:
            return None
        name, path = found
        plane = read_map(path, self._kind, f"{self._kind} map {name}")
        if plane.shape[:2] != shape[:2]:
            raise CellFailure(
                "decode_failed",
                f"{self._kind} map {name}: {plane.shape[1]}×{plane.shape[0]} pixels, but its photo has "
                f"{shape[1]}×{shape[0]}; they must be of one size",
            )
        return plane


def stem(name: str) -> str:
    """A relative path without its suffix: `deep/cat.jpg` -> `deep/cat`."""
    return str(PurePosixPath(name).with_suffix(""))


def read_map(path: Path | str, kind: str, name: str | None = None) -> Array:
    """Read a map from a picture file with one channel of up to 8 bits: uint8 H×W×1.

    `saliency` is 0..255, from 0 to all of the attention: gray values; 0 and 255 of a 1-bit mask; a palette's gray
    values; or a color picture's whose channels are equal. `semantic` is class numbers: gray values as they are stored,
    the numbers (not the colors) of a palette picture, 0 and 1 of a 1-bit one. EXIF orientation is applied.

    Raises:
        CellFailure: `decode_failed`, with `name` (default: the file's name) and the reason.
    """
    with opened(path, name) as image:
        image.seek(0)
        factor = 1
        if kind == "semantic":
            if image.format == "JPEG":
                raise ValueError("JPEG does not keep class numbers; save it as PNG")
            factor = _STRETCHED.get(_coding(image), 1)
        turned = ImageOps.exif_transpose(image)
        plane = _classes(turned) if kind == "semantic" else _grays(turned)
        return (plane // factor)[:, :, None]


def _coding(image: Image.Image) -> Any:
    """How the file holds its samples, which Pillow forgets once it has read them; `L;4` is gray of 4 bits."""
    tiles = getattr(image, "tile", None)
    return tiles[0][3] if tiles else ""


def _classes(image: Image.Image) -> Array:
    if image.mode not in ("L", "P", "1"):
        raise ValueError(f"class numbers need one channel of 8 bits, gray or with a palette, not {image.mode}")
    return np.array(image, np.uint8)


def _grays(image: Image.Image) -> Array:
    if image.mode in ("L", "1"):
        return np.array(image.convert("L"))
    if image.mode not in ("P", "RGB"):
        raise ValueError(f"a saliency map needs one channel of 8 bits, not {image.mode}")
    rgb = np.array(image.convert("RGB"))
    if (rgb != rgb[:, :, :1]).any():
        raise ValueError("a saliency map is gray, and this one has colors")
    return np.ascontiguousarray(rgb[:, :, 0])
