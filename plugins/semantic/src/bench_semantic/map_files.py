"""Files of label maps: PNGs of one channel whose pixels are numbers, not shades."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from bench_core.errors import RequestError
from bench_semantic.label_sets import OWN, ClassMap, LabelSet

_MODES = ("L", "P", "I;16", "I;16B", "I")


def read_numbers(path: Path) -> np.ndarray[Any, Any]:
    """The numbers of a map file, H×W of whole numbers; RequestError where it is no such file."""
    try:
        with Image.open(path) as image:
            if image.mode not in _MODES:
                raise RequestError(f"{path}: a label map has one channel of 8 or 16 bits, not mode {image.mode}")
            return np.array(image)
    except (OSError, UnidentifiedImageError) as error:
        raise RequestError(f"{path}: cannot be read as a label map: {error}") from None


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
