"""Painting on class maps: pure functions, which leave the map they are given as it is.

A map is uint8 H×W of class indices. x counts columns and y rows, from 0 at the top left; a place may lie outside the
map. The brush is a square (specification of SDC, Section 5.1): its rows are y − side//2 up to but not including
y − side//2 + side, its columns likewise, and what lies outside the map is cut off. The published tool pushes a square
that begins left of the border inside instead, so that it paints where the cursor is not.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from scipy import ndimage

from bench_semantic.label_sets import ClassMap

Point = tuple[int, int]


def paint(classes: ClassMap, x: int, y: int, side: int, label: int) -> ClassMap:
    """The map with one stamp of the brush; side 0 paints nothing. ValueError where `label` is not of 0..255."""
    return stroke(classes, [(x, y)], side, label)


def stroke(classes: ClassMap, points: Sequence[Point], side: int, label: int) -> ClassMap:
    """The map with the brush drawn along straight lines from point to point: a stamp at every pixel of the way.

    ValueError where `label` is not of 0..255, or `side` is negative.
    """
    _check(side, label)
    painted = classes.copy()

    def stamp(left: int, top: int, width: int, height: int) -> None:
        # A slice below zero would count from the other end of the map.
        painted[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)] = label

    for x, y in points[:1]:
        stamp(x - side // 2, y - side // 2, side, side)
    for (x0, y0), (x, y) in pairwise(_way(points)):
        left, top = x - side // 2, y - side // 2
        # One pixel further, a column and a row of the square are new; to paint all of it takes seconds on large photos.
        if x != x0:
            stamp(left + side - 1 if x > x0 else left, top, 1, side)
        if y != y0:
            stamp(left, top + side - 1 if y > y0 else top, side, 1)
    return painted


def fill(classes: ClassMap, x: int, y: int, label: int) -> ClassMap:
    """The map with the region of (x, y) made `label`: all pixels of its class that edges connect to it.

    Diagonal neighbors are not connected. Outside the map there is nothing to fill.
    ValueError where `label` is not of 0..255.
    """
    _check(0, label)
    filled = classes.copy()
    height, width = classes.shape
    if 0 <= x < width and 0 <= y < height:
        regions, _ = ndimage.label(classes == classes[y, x])
        filled[regions == regions[y, x]] = label
    return filled


def _way(points: Sequence[Point]) -> Iterator[Point]:
    """The points and every pixel between two of them: steps of at most one in x and in y."""
    yield from points[:1]
    for (x0, y0), (x1, y1) in pairwise(points):
        steps = max(abs(x1 - x0), abs(y1 - y0))
        for step in range(1, steps + 1):
            # Rounded in whole numbers, halves up, as the page's preview does it.
            yield (
                x0 + (2 * step * (x1 - x0) + steps) // (2 * steps),
                y0 + (2 * step * (y1 - y0) + steps) // (2 * steps),
            )


def _check(side: int, label: int) -> None:
    if side < 0:
        raise ValueError(f"the side of a brush is 0 or more, not {side}")
    if not 0 <= label <= 255:
        raise ValueError(f"a class is a number from 0 to 255, not {label}")
