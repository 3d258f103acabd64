"""The base class of data sets: pictures with stable names."""

from typing import Any, ClassVar

import numpy as np

Array = np.ndarray[Any, np.dtype[np.uint8]]


class Dataset:
    """An ordered collection of pictures with stable ids.

    `ids()` lists them without decoding; `load(id)` returns the fields of one: `color` (uint8 H×W×3) and, where
    the set has them, `saliency`, `semantic` (uint8 H×W×1) and `label`. `load` raises
    CellFailure('decode_failed', …) for a file that cannot be read. Ids never depend on the position in a list.
    How a task's samples are made of the pictures is in bench_core.samples.
    """

    name: ClassVar[str] = ""
    card: ClassVar[str] = ""
    """What a reader must know before using the pictures: content, source, licence, attribution."""

    @property
    def spec(self) -> str:
        """What a user types to get this set again: `sample`, `folder:photos`."""
        return self.name

    def ids(self) -> list[str]:
        """The stable ids, always in the same order; `--limit` takes the first ones."""
        raise TypeError(f"{type(self).__name__} does not list its pictures")

    def load(self, image_id: str) -> dict[str, Any]:
        """The fields of one picture."""
        raise TypeError(f"{type(self).__name__} does not load its pictures")

    def draw(self, image_id: str, width: int, height: int) -> Array | None:
        """The picture made for a size, uint8 H×W×3, for sets that are drawn and not read (QR codes); None otherwise."""
        return None
