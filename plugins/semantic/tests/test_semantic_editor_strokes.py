"""Painting on maps, by properties (specification of SDC, Section 9.11), and taking it back."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.errors import RequestError
from bench_semantic.editor import document as document_module
from bench_semantic.editor.document import Document
from bench_semantic.editor.operations import (
    MOST_POINTS,
    MOST_SIDE,
    Fill,
    Import,
    Redo,
    Reset,
    Stroke,
    Undo,
    brush_max,
    parse_operation,
)
from bench_semantic.editor.strokes import fill, paint, stroke
from bench_semantic.label_sets import ClassMap

SIZES = st.tuples(st.integers(1, 12), st.integers(1, 12))
PLACES = st.tuples(st.integers(-15, 27), st.integers(-15, 27))
SIDES = st.integers(0, 20)
LABELS = st.integers(0, 5)


@st.composite
def maps(draw: st.DrawFn) -> ClassMap:
    height, width = draw(SIZES)
    values = draw(st.lists(st.integers(0, 3), min_size=height * width, max_size=height * width))
    return np.array(values, np.uint8).reshape(height, width)


def square(shape: tuple[int, ...], x: int, y: int, side: int) -> np.ndarray[Any, Any]:
    """Where the brush is, said in another way than the code says it."""
    rows, columns = np.indices(shape)
    top, left = y - side // 2, x - side // 2
    inside: np.ndarray[Any, Any] = (rows >= top) & (rows < top + side) & (columns >= left) & (columns < left + side)
    return inside


@settings(max_examples=50)
@given(maps(), PLACES, SIDES, LABELS)
def test_only_the_square_changes_and_it_is_cut_at_the_border(
    before: ClassMap, place: tuple[int, int], side: int, label: int
) -> None:
    kept = before.copy()
    after = paint(before, *place, side, label)
    where = square(before.shape, *place, side)
    assert (after[where] == label).all()
    assert (after[~where] == before[~where]).all()
    assert (after.dtype, (before == kept).all()) == (np.uint8, True)
    assert (paint(after, *place, side, label) == after).all()


def test_the_brush_is_centered_and_not_pushed_inside() -> None:
    empty = np.zeros((5, 6), np.uint8)
    assert np.argwhere(paint(empty, 3, 2, 1, 9)).tolist() == [[2, 3]]
    assert np.argwhere(paint(empty, 3, 2, 2, 9)).tolist() == [[1, 2], [1, 3], [2, 2], [2, 3]]
    assert np.argwhere(paint(empty, 0, 0, 3, 9)).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert not paint(empty, 3, 2, 0, 9).any()
    assert not paint(empty, -1, -1, 1, 9).any()  # not the last pixel, either


@settings(max_examples=50)
@given(maps(), st.lists(PLACES, max_size=4), SIDES, LABELS)
def test_a_stroke_leaves_no_gap(before: ClassMap, points: list[tuple[int, int]], side: int, label: int) -> None:
    after = stroke(before, points, side, label)
    covered = np.zeros(before.shape, bool)
    for (x0, y0), (x1, y1) in zip(points, points[1:] or points, strict=False):
        count = 4 * max(abs(x1 - x0), abs(y1 - y0)) + 1
        line = np.linspace((x0, y0), (x1, y1), count)
        for x, y in np.floor(line + 0.5).astype(int):
            covered |= square(before.shape, x, y, side)
    assert (after[~covered] == before[~covered]).all()
    for x, y in points:
        where = square(before.shape, x, y, side)
        assert (after[where] == label).all()
    assert (stroke(before, points, side, label) == after).all()


@given(PLACES, PLACES)
def test_the_way_of_a_brush_of_one_pixel_is_connected(start: tuple[int, int], end: tuple[int, int]) -> None:
    canvas = np.zeros((60, 60), np.uint8)
    points = [(x + 16, y + 16) for x, y in (start, end)]
    painted = np.argwhere(stroke(canvas, points, 1, 1))
    assert len(painted) == max(abs(start[0] - end[0]), abs(start[1] - end[1])) + 1
    order = painted[np.lexsort((painted[:, 0], painted[:, 1]))]
    if abs(start[1] - end[1]) > abs(start[0] - end[0]):
        order = painted[np.lexsort((painted[:, 1], painted[:, 0]))]
    assert (np.abs(np.diff(order, axis=0)).max(axis=1, initial=0) <= 1).all()


@settings(max_examples=50)
@given(maps(), st.tuples(st.integers(-2, 13), st.integers(-2, 13)), LABELS)
def test_filling_takes_just_the_connected_region(before: ClassMap, place: tuple[int, int], label: int) -> None:
    x, y = place
    height, width = before.shape
    region: set[tuple[int, int]] = set()
    waiting = [(x, y)] if 0 <= x < width and 0 <= y < height else []
    while waiting:
        column, row = waiting.pop()
        if (column, row) in region or not (0 <= column < width and 0 <= row < height):
            continue
        if before[row, column] == before[y, x]:
            region.add((column, row))
            waiting += [(column + 1, row), (column - 1, row), (column, row + 1), (column, row - 1)]
    expected = before.copy()
    for column, row in region:
        expected[row, column] = label
    assert (fill(before, x, y, label) == expected).all()


def test_only_classes_and_sides_that_there_can_be() -> None:
    canvas = np.zeros((3, 3), np.uint8)
    for attempt in (lambda: paint(canvas, 0, 0, 1, 256), lambda: fill(canvas, 0, 0, -1)):
        with pytest.raises(ValueError, match="a class is a number from 0 to 255"):
            attempt()
    with pytest.raises(ValueError, match="0 or more"):
        paint(canvas, 0, 0, -1, 1)


OPERATIONS = st.one_of(
    st.builds(Stroke, st.lists(PLACES, min_size=1, max_size=3).map(tuple), SIDES, LABELS),
    st.builds(Fill, st.integers(0, 11), st.integers(0, 11), LABELS),
    st.just(Reset()),
)


@settings(max_examples=50)
@given(maps(), st.lists(OPERATIONS, max_size=6))
def test_undo_and_redo_walk_through_every_map_that_there_was(before: ClassMap, operations: list[Any]) -> None:
    document = Document(np.zeros((*before.shape, 1), np.uint8), before)
    seen = [before]
    for operation in operations:
        changed = document.apply(operation)
        assert changed == (not np.array_equal(document.classes, seen[-1]))
        if changed:
            seen.append(document.classes)
    assert len(document.operations) == len(seen) - 1
    for expected in reversed(seen[:-1]):
        assert document.apply(Undo())
        assert (document.classes == expected).all()
    assert not document.apply(Undo())
    assert not document.edited
    for expected in seen[1:]:
        assert document.apply(Redo())
        assert (document.classes == expected).all()
    assert not document.apply(Redo())


def test_a_new_operation_ends_what_could_be_redone() -> None:
    document = Document(np.zeros((4, 4, 1), np.uint8), np.zeros((4, 4), np.uint8))
    document.apply(Fill(0, 0, 1))
    document.apply(Undo())
    document.apply(Fill(0, 0, 2))
    assert document.state() == {"revision": 3, "edited": True, "undo": 1, "redo": 0}
    assert not document.apply(Redo())
    assert document.operations == [{"kind": "fill", "x": 0, "y": 0, "label": 2}]


def test_what_is_long_ago_cannot_be_taken_back_but_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_module, "HISTORY", 3)
    document = Document(np.zeros((1, 9, 1), np.uint8), np.zeros((1, 9), np.uint8))
    for x in range(5):
        document.apply(Stroke(((x, 0),), 1, 1))
    while document.apply(Undo()):
        pass
    assert document.classes.tolist() == [[1, 1, 0, 0, 0, 0, 0, 0, 0]]
    assert len(document.operations) == 2


def test_a_map_that_was_loaded_is_an_operation_like_any_other() -> None:
    document = Document(np.zeros((2, 2, 1), np.uint8), np.zeros((2, 2), np.uint8))
    assert document.apply(Import(np.eye(2, dtype=np.uint8), "map.png"))
    assert document.operations == [{"kind": "import", "source": "map.png"}]
    document.apply(Undo())
    assert not document.classes.any()


@settings(max_examples=50)
@given(maps(), st.lists(OPERATIONS, min_size=1, max_size=4))
def test_operations_survive_json(before: ClassMap, operations: list[Any]) -> None:
    for operation in operations:
        if isinstance(operation, Fill):
            continue  # their places must lie in the map
        assert parse_operation(json.loads(json.dumps(operation.record())), before.shape, 6) == operation


def test_the_brush_grows_with_the_photo() -> None:
    assert [brush_max(shape) for shape in ((1, 1), (352, 352), (100, 352), (352, 704), (4000, 6000))] == [
        100, 100, 100, 200, 1705
    ]  # fmt: skip
    stroke = {"kind": "stroke", "points": [[-200, 5]], "side": 200, "label": 0}
    assert parse_operation(stroke, (352, 704), 3) == Stroke(((-200, 5),), 200, 0)
    with pytest.raises(RequestError, match=r"side must be .* 0 to 200"):
        parse_operation({**stroke, "side": 201}, (352, 704), 3)
    with pytest.raises(RequestError, match="more than 200 pixels outside"):
        parse_operation({**stroke, "points": [[-201, 5]]}, (352, 704), 3)


def test_a_long_stroke_of_the_largest_brush_paints_no_pixel_many_times() -> None:
    canvas, side = np.zeros((1200, 1800), np.uint8), 500

    class Counting(np.ndarray[Any, Any]):
        count = 0

        def __setitem__(self, key: Any, value: Any) -> None:
            Counting.count += self[key].size
            super().__setitem__(key, value)

        def copy(self, order: Any = "C") -> Any:
            return super().copy(order).view(Counting)

    painted = stroke(canvas.view(Counting), [(0, 0), (1799, 1199)], side, 1)
    assert Counting.count < 4 * np.count_nonzero(painted)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([], "must be an object"),
        ({}, "kind must be"),
        ({"kind": ["undo"]}, "kind must be"),
        ({"kind": "stroke", "side": 1, "label": 0}, "points must be"),
        ({"kind": "stroke", "points": [], "side": 1, "label": 0}, "points must be"),
        ({"kind": "stroke", "points": [[0, 0]] * (MOST_POINTS + 1), "side": 1, "label": 0}, "points must be"),
        ({"kind": "stroke", "points": [[0, 0, 0]], "side": 1, "label": 0}, "two whole numbers"),
        ({"kind": "stroke", "points": [[0.5, 0]], "side": 1, "label": 0}, "two whole numbers"),
        ({"kind": "stroke", "points": [[True, 0]], "side": 1, "label": 0}, "two whole numbers"),
        ({"kind": "stroke", "points": [[0, 5 + MOST_SIDE]], "side": 1, "label": 0}, "pixels outside a map of 8×5"),
        ({"kind": "stroke", "points": [[-MOST_SIDE - 1, 0]], "side": 1, "label": 0}, "pixels outside"),
        ({"kind": "stroke", "points": [[0, 0]], "side": MOST_SIDE + 1, "label": 0}, "side must be .* 0 to 100"),
        ({"kind": "stroke", "points": [[0, 0]], "side": -1, "label": 0}, "side must be"),
        ({"kind": "stroke", "points": [[0, 0]], "side": 1, "label": 3}, "label must be .* 0 to 2"),
        ({"kind": "stroke", "points": [[0, 0]], "side": 1, "label": "1"}, "label must be"),
        ({"kind": "fill", "x": 8, "y": 0, "label": 0}, "x must be .* 0 to 7"),
        ({"kind": "fill", "x": 0, "y": -1, "label": 0}, "y must be .* 0 to 4"),
    ],
)
def test_what_is_no_operation_is_refused_in_one_line(content: Any, problem: str) -> None:
    with pytest.raises(RequestError, match=problem) as caught:
        parse_operation(content, (5, 8), 3)
    assert len(caught.value.problems) == 1
