"""One photo on the desk: its gray picture, the map as it is now, and what was done to it, with undo and redo."""

import threading
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench_core.images import Array
from bench_semantic.editor.operations import Change, Operation, Redo, Undo
from bench_semantic.label_sets import ClassMap

HISTORY = 200
"""How many operations can be taken back."""


class Document:
    """A gray picture uint8 H×W×1 with its `predicted` class map and the edited one, `classes`, both uint8 H×W.

    `classes` begins as `start`, an edit saved before that `operations` led to, or as the prediction. Maps are never
    changed in place: each operation makes a new one, so a map that was handed out stays what it was. `revision` counts
    the changes, and `saved` is the one that was saved last; safe to be used from several threads.
    """

    def __init__(
        self,
        gray: Array,
        predicted: ClassMap,
        start: ClassMap | None = None,
        operations: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.gray, self.predicted = gray, predicted
        self.classes = predicted if start is None else start
        self.revision = self.saved = 0
        self._start = start
        self._done: list[_Step] = []
        self._undone: list[_Step] = []
        self._settled = list(operations)  # and what was done too long ago to be taken back
        self._lock = threading.RLock()

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.classes.shape[0], self.classes.shape[1]

    @property
    def edited(self) -> bool:
        """Whether the map differs from the prediction."""
        return not np.array_equal(self.classes, self.predicted)

    @property
    def touched(self) -> bool:
        """Whether there is anything here that reading the photo again would not bring back."""
        return self.edited or bool(self._done or self._undone or self._settled) or self._start is not None

    @property
    def operations(self) -> list[Mapping[str, Any]]:
        """What was done and not taken back, in this session and before it, oldest first, for JSON."""
        with self._lock:
            return [*self._settled, *(step.record for step in self._done)]

    def snapshot(self) -> tuple[int, ClassMap]:
        """The revision and its map, of one moment."""
        with self._lock:
            return self.revision, self.classes

    def state(self) -> dict[str, Any]:
        """Revision, whether it is edited, and how much can be undone and redone, of one moment; for JSON."""
        with self._lock:
            undo, redo = len(self._done), len(self._undone)
            return {"revision": self.revision, "edited": self.edited, "undo": undo, "redo": redo}

    def apply(self, operation: Operation) -> bool:
        """Do it; False where it changes no pixel (then there is nothing to take back, either)."""
        with self._lock:
            if isinstance(operation, Undo):
                return self._move(self._done, self._undone)
            if isinstance(operation, Redo):
                return self._move(self._undone, self._done)
            return self._do(operation)

    def _do(self, operation: Change) -> bool:
        after = operation.applied(self.classes, self.predicted)
        patch = _difference(self.classes, after)
        if patch is None:
            return False
        self._done.append(_Step(operation.record(), patch))
        self._undone.clear()
        if len(self._done) > HISTORY:
            self._settled.append(self._done.pop(0).record)
        self._set(after)
        return True

    def _move(self, source: "list[_Step]", target: "list[_Step]") -> bool:
        if not source:
            return False
        step = source.pop()
        before = step.patch.put(self.classes)
        target.append(_Step(step.record, step.patch.taken(self.classes)))
        self._set(before)
        return True

    def _set(self, classes: ClassMap) -> None:
        self.classes = classes
        self.revision += 1


@dataclass(frozen=True)
class _Patch:
    """A rectangle of a map, packed: what an operation painted over, or painted."""

    rows: slice
    columns: slice
    packed: bytes

    @classmethod
    def cut(cls, classes: ClassMap, rows: slice, columns: slice) -> "_Patch":
        return cls(rows, columns, zlib.compress(classes[rows, columns].tobytes(), 1))

    def put(self, classes: ClassMap) -> ClassMap:
        """The map with the rectangle as it is here."""
        found = classes.copy()
        region = found[self.rows, self.columns]
        region[:] = np.frombuffer(zlib.decompress(self.packed), np.uint8).reshape(region.shape)
        return found

    def taken(self, classes: ClassMap) -> "_Patch":
        """The same rectangle of another map."""
        return self.cut(classes, self.rows, self.columns)


@dataclass(frozen=True)
class _Step:
    record: Mapping[str, Any]
    patch: _Patch


def _difference(before: ClassMap, after: ClassMap) -> _Patch | None:
    """The rectangle of `before` that holds all pixels in which `after` differs; None where none does."""
    changed = before != after
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if not rows.size:
        return None
    return _Patch.cut(before, slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
