"""Rectangles within a picture, drawn or in the middle."""

import math
from typing import NamedTuple

import numpy as np


class Box(NamedTuple):
    """A rectangle of whole pixels."""

    left: int
    top: int
    width: int
    height: int

    @property
    def pixels(self) -> tuple[slice, slice]:
        """The index of its pixels: rows, columns."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def alike(width: int, height: int, area: float) -> tuple[int, int]:
    """Width and height of a rectangle of the picture's own shape with a share `area` of its area; at least a pixel."""
    scale = math.sqrt(area)
    return max(1, round(width * scale)), max(1, round(height * scale))


def drawn_shape(width: int, height: int, area: float, rng: np.random.Generator) -> tuple[int, int]:
    """Width and height of a rectangle with a share `area` of the picture's area, its proportions drawn.

    They are the picture's own times a factor between 1/2 and 2, log-uniform; less where it would not fit.
    """
    most = min(math.log(2), abs(math.log(area)))  # neither side may be longer than the picture's
    stretch = math.exp(rng.uniform(-most, most))
    wide = min(width, max(1, round(width * math.sqrt(area * stretch))))
    return wide, min(height, max(1, round(width * height * area / wide)))


def placed(width: int, height: int, shape: tuple[int, int], rng: np.random.Generator | None) -> Box:
    """A rectangle of `shape` (width, height) anywhere in the picture, all places alike; without `rng` the middle."""
    rooms = width - shape[0], height - shape[1]
    left, top = (room // 2 if rng is None else int(rng.integers(0, room + 1)) for room in rooms)
    return Box(left, top, *shape)
