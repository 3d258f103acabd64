"""What the page may ask to be done to a map, as JSON, and the checks that a stranger's JSON must pass.

    {"kind": "stroke", "points": [[x, y], …], "side": 20, "label": 3}
    {"kind": "fill", "x": 17, "y": 4, "label": 3}
    {"kind": "reset"}       back to the prediction
    {"kind": "undo"}        {"kind": "redo"}

Places are pixels of the map; those of a stroke may lie up to `brush_max` outside it, where a drag leaves the picture.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench_core.errors import RequestError
from bench_semantic.editor.strokes import Point, fill, stroke
from bench_semantic.label_sets import ClassMap

MOST_SIDE = 100
"""The largest side of the brush on a map of the published tool's 352 pixels a side, and on all that are smaller."""

MOST_POINTS = 10_000
"""The most points that a stroke may have."""


@dataclass(frozen=True)
class Stroke:
    """The square brush drawn from point to point."""

    points: tuple[Point, ...]
    side: int
    label: int

    def applied(self, classes: ClassMap, predicted: ClassMap) -> ClassMap:
        """The map after it."""
        return stroke(classes, self.points, self.side, self.label)

    def record(self) -> dict[str, Any]:
        """For JSON."""
        points = [list(point) for point in self.points]
        return {"kind": "stroke", "points": points, "side": self.side, "label": self.label}


@dataclass(frozen=True)
class Fill:
    """The connected region of a pixel made one class."""

    x: int
    y: int
    label: int

    def applied(self, classes: ClassMap, predicted: ClassMap) -> ClassMap:
        """The map after it."""
        return fill(classes, self.x, self.y, self.label)

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {"kind": "fill", "x": self.x, "y": self.y, "label": self.label}


@dataclass(frozen=True)
class Reset:
    """Back to the prediction."""

    def applied(self, classes: ClassMap, predicted: ClassMap) -> ClassMap:
        """The prediction."""
        return predicted

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {"kind": "reset"}


@dataclass(frozen=True)
class Import:
    """Another map instead, which a person made elsewhere: class indices, as large as the photo."""

    classes: ClassMap
    source: str

    def applied(self, classes: ClassMap, predicted: ClassMap) -> ClassMap:
        """The other map."""
        return self.classes

    def record(self) -> dict[str, Any]:
        """For JSON; the map itself is not in it."""
        return {"kind": "import", "source": self.source}


@dataclass(frozen=True)
class Undo:
    """Take the last operation back."""


@dataclass(frozen=True)
class Redo:
    """Do again what was last taken back."""


Change = Stroke | Fill | Reset | Import
Operation = Change | Undo | Redo


def brush_max(shape: tuple[int, int]) -> int:
    """The largest side of the brush, in pixels of a map of `shape`: the same share of a large photo as of 352 pixels.

    So far outside the map may a stroke go, too: nowhere beyond does the brush reach it.
    """
    return max(MOST_SIDE, round(MOST_SIDE * max(shape) / 352))


def parse_operation(content: Any, shape: tuple[int, int], n_classes: int) -> Operation:
    """The operation of a JSON value, for a map of `shape` (H, W).

    Raises:
        RequestError: where it is none, or asks for a place, a side or a class that there is not.
    """
    if not isinstance(content, Mapping):
        raise RequestError('an operation must be an object, e.g. {"kind": "undo"}')
    kind = content.get("kind")
    if kind == "stroke":
        points = content.get("points")
        if not isinstance(points, list) or not 1 <= len(points) <= MOST_POINTS:
            raise RequestError(f"points must be a list of 1 to {MOST_POINTS} places, e.g. [[3, 4], [9, 4]]")
        return Stroke(
            tuple(_point(point, shape) for point in points),
            _number(content, "side", 0, brush_max(shape)),
            _number(content, "label", 0, n_classes - 1),
        )
    if kind == "fill":
        x, y = _number(content, "x", 0, shape[1] - 1), _number(content, "y", 0, shape[0] - 1)
        return Fill(x, y, _number(content, "label", 0, n_classes - 1))
    plain: dict[Any, Operation] = {"reset": Reset(), "undo": Undo(), "redo": Redo()}
    if not isinstance(kind, str) or kind not in plain:
        raise RequestError("kind must be stroke, fill, reset, undo or redo")
    return plain[kind]


def _point(point: Any, shape: tuple[int, int]) -> Point:
    height, width = shape
    if not isinstance(point, list) or len(point) != 2 or not all(type(value) is int for value in point):
        raise RequestError("a point must be two whole numbers, e.g. [3, 4]")
    x, y = point
    margin = brush_max(shape)
    if not (-margin <= x < width + margin and -margin <= y < height + margin):
        raise RequestError(f"point [{x}, {y}] is more than {margin} pixels outside a map of {width}×{height}")
    return x, y


def _number(content: Mapping[str, Any], key: str, least: int, most: int) -> int:
    value = content.get(key)
    if type(value) is not int or not least <= value <= most:
        raise RequestError(f"{key} must be a whole number from {least} to {most}")
    return value
