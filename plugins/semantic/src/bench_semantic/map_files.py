"""Files of label maps: PNGs of one channel whose pixels are numbers, not shades."""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench_core.errors import CellFailure, RequestError
from bench_core.images import opened
from bench_semantic.label_sets import OWN, ClassMap, LabelSet, Numbering

_MODES = ("L", "P", "I;16", "I;16B", "I")


def read_numbers(path: Path) -> np.ndarray[Any, Any]:
    """The numbers of a map file, H×W of whole numbers; RequestError where it is no such file."""
    try:
        with opened(path, str(path)) as image:
            if image.mode not in _MODES:
                raise ValueError(f"a label map has one channel of 8 or 16 bits, not mode {image.mode}")
            return np.array(image)
    except CellFailure as failure:
        raise RequestError(failure.reason) from None


def write_numbers(path: Path, classes: ClassMap, labels: LabelSet) -> None:
    """Write a class map as a PNG in the set's own numbers, with the colors of the classes as its palette."""
    palette = np.zeros((256, 3), np.uint8)
    for index, numbers in enumerate(labels.numbering(OWN).numbers):
        palette[list(numbers)] = labels.palette[index]
    image = Image.fromarray(labels.numbers(classes))
    image.putpalette(palette.tobytes())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
    except OSError as error:
        raise RequestError(f"{path}: cannot be written: {error.strerror}") from None


def renumber_maps(root: Path, paths: Iterable[Path], numbering: Numbering, labels: LabelSet, out: Path) -> None:
    """Write map files under `root` anew, in the set's own numbers, into `out`, a folder that is new or empty.

    One after the other, since all of them may be more than memory holds; the folder appears whole or not at all.
    RequestError where one is no map, or nothing can be written.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".renumbering-", dir=out.parent) as scratch:
            written = Path(scratch) / "maps"
            for path in paths:
                write_numbers(written / path.relative_to(root), numbering.classes(read_numbers(path)), labels)
            if out.exists():
                out.rmdir()
            written.rename(out)
    except OSError as error:
        raise RequestError(f"{out}: cannot be written: {error.strerror}") from None
