"""Label sets: the classes a map may show, their colors, and the numbers that stand for them in files of maps.

A set is a TOML file (`labels/*.toml`, or a user's own):

    title = "CamVid, 11 classes"
    void = { id = [11] }            # numbers in files that mean "not annotated": they never count in a loss or score
    void_class = "void"             # what the color network is shown there; default: the first class
    classes = [
        { name = "sky", color = [128, 128, 128] },      # color: default the VOC palette; id: default the position
        { name = "void", color = [0, 0, 0], id = [] },  # no number of its own: shown, but never predicted
    ]

Every key of a class besides `name` and `color` is a *numbering*, with the number or numbers by which files of that
kind mean the class; `id` is the set's own. `other = { coco = "background" }` says what all remaining numbers of a
numbering mean; by default they are void, and so is 255, which samples have wherever nothing is annotated.

In this package a *class map* is uint8, the index of a class in the file's order, and IGNORED where nothing is known.
"""

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from bench_core.errors import RequestError
from bench_core.label_colors import voc_color

ClassMap = np.ndarray[Any, np.dtype[np.uint8]]

IGNORED = 255
"""In class maps: not annotated."""

MOST = 254
"""The most classes that a set may have."""

OWN = "id"
"""The numbering that a set's own files have."""


@dataclass(frozen=True)
class LabelClass:
    """One class: its place in the set, its name and its color in displays, RGB of 0..255."""

    index: int
    name: str
    color: tuple[int, int, int]


@dataclass(frozen=True)
class Numbering:
    """Which numbers in files mean which class: `numbers` by class, `void` for none; `other` is a class, or None."""

    numbers: tuple[tuple[int, ...], ...]
    void: tuple[int, ...]
    other: int | None

    def classes(self, numbers: np.ndarray[Any, Any]) -> ClassMap:
        """The class map of an array of whole numbers from 0, any shape; IGNORED where they mean nothing."""
        largest = max([int(numbers.max(initial=0)), *self.void, *(n for each in self.numbers for n in each)])
        table = np.full(largest + 1, IGNORED if self.other is None else self.other, np.uint8)
        for index, own in enumerate(self.numbers):
            table[list(own)] = index
        table[list(self.void)] = IGNORED
        found: ClassMap = table[numbers]
        return found

    def unknown(self, numbers: Iterable[int]) -> list[int]:
        """Those that mean neither a class nor void: there are some where maps are of another set or numbering."""
        if self.other is not None:
            return []
        return sorted(set(numbers).difference(self.void, *self.numbers))


@dataclass(frozen=True)
class LabelSet:
    """A label set; `content` is the TOML file's, which a weights file keeps, and `name` the file's stem."""

    name: str
    content: Mapping[str, Any]

    @cached_property
    def classes(self) -> tuple[LabelClass, ...]:
        """All classes, by index."""
        return tuple(
            LabelClass(index, entry["name"], tuple(entry.get("color", voc_color(index))))
            for index, entry in enumerate(self.content["classes"])
        )

    def __len__(self) -> int:
        return len(self.content["classes"])

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes, by index."""
        return tuple(each.name for each in self.classes)

    @cached_property
    def palette(self) -> ClassMap:
        """The colors of the classes, uint8 K×3."""
        return np.array([each.color for each in self.classes], np.uint8)

    @property
    def void_class(self) -> int:
        """The class that the color network is shown where a map knows none."""
        return self.index(self.content.get("void_class", self.names[0]))

    @cached_property
    def predictable(self) -> tuple[int, ...]:
        """The classes that have a number of their own: those that a segmentation may answer."""
        return tuple(index for index, numbers in enumerate(self.numbering(OWN).numbers) if numbers)

    @property
    def numberings(self) -> tuple[str, ...]:
        """The names of all numberings, the own one first."""
        keys = {key for entry in self.content["classes"] for key in entry} - {"name", "color", OWN}
        return (OWN, *sorted(keys))

    def index(self, name: str) -> int:
        """The index of a class name; RequestError for another."""
        if name not in self.names:
            raise RequestError(f"label set {self.name} has no class '{name}'; it has {', '.join(self.names)}")
        return self.names.index(name)

    def numbering(self, name: str) -> Numbering:
        """A numbering by name; RequestError for another."""
        if name not in self.numberings:
            raise RequestError(f"label set {self.name} has no numbering '{name}'; it has {', '.join(self.numberings)}")
        numbers = []
        for index, entry in enumerate(self.content["classes"]):
            given = entry.get(name, [index] if name == OWN else [])
            numbers.append(tuple(given) if isinstance(given, list) else (given,))
        void = tuple(self.content.get("void", {}).get(name, ()))
        other = self.content.get("other", {}).get(name)
        taken = name != OWN and (other is not None or any(IGNORED in own for own in numbers))
        if IGNORED not in void and not taken:
            void = (*void, IGNORED)
        return Numbering(tuple(numbers), void, None if other is None else self.index(other))

    def misfit(self, numbers: Iterable[int], numbering: Numbering) -> str:
        """What is wrong with the numbers of maps, in words for an error; empty where each means something."""
        if not (unknown := numbering.unknown(numbers)):
            return ""
        known = sorted(number for own in numbering.numbers for number in own)
        be = "are the numbers" if len(unknown) > 1 else "is the number"
        return f"{_some(unknown)} {be} of no class of {self.name}, which has {_some(known)}"

    def shown(self, classes: ClassMap) -> ClassMap:
        """A class map with the void class where nothing is known: what the color network is given."""
        shown: ClassMap = np.where(classes == IGNORED, self.void_class, classes).astype(np.uint8)
        return shown

    def numbers(self, classes: ClassMap) -> ClassMap:
        """A class map in the set's own numbers, as files hold them: the first one of each class."""
        table = np.zeros(256, np.uint8)
        void = self.content.get("void", {}).get(OWN, ())
        table[IGNORED] = void[0] if void else IGNORED
        for index, own in enumerate(self.numbering(OWN).numbers):
            table[index] = own[0] if own else table[IGNORED]
        found: ClassMap = table[classes]
        return found

    def record(self) -> dict[str, Any]:
        """For JSON; `from_record` reads it."""
        return {"name": self.name, "content": dict(self.content)}


def from_record(record: Mapping[str, Any]) -> LabelSet:
    """The set of a weights file's record; KeyError or RequestError where it is none."""
    labels = LabelSet(record["name"], record["content"])
    _check(labels)
    return labels


def _some(numbers: list[int]) -> str:
    """The first few of some numbers, and the last."""
    return ", ".join(map(str, numbers)) if len(numbers) < 7 else f"{', '.join(map(str, numbers[:5]))}, … {numbers[-1]}"


def label_set_names() -> list[str]:
    """The sets that come along."""
    return sorted(path.name.removesuffix(".toml") for path in (files("bench_semantic") / "labels").iterdir())


def read_label_set(text: str) -> tuple[LabelSet, Numbering]:
    """The set and numbering of `NAME`, `FILE.toml`, `NAME:NUMBERING` or `FILE.toml:NUMBERING`.

    Raises:
        RequestError: where there is no such set or numbering, or the file is not as this module says.
    """
    source, colon, numbering = text, "", ""
    if not _is_set(text):
        source, colon, numbering = text.rpartition(":") if ":" in text else (text, "", "")
    if not _is_set(source):
        known = ", ".join(label_set_names())
        raise RequestError(f"labels: no label set '{source}'; there are {known}, or a file of yours: labels=mine.toml")
    shipped = source in label_set_names()
    path = files("bench_semantic") / "labels" / f"{source}.toml" if shipped else Path(source)
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RequestError(f"labels: {source} cannot be read as TOML: {error}") from None
    labels = LabelSet(source if shipped else Path(source).stem, content)
    _check(labels)
    return labels, labels.numbering(numbering if colon else OWN)


def _is_set(text: str) -> bool:
    return text in label_set_names() or Path(text).is_file()


def _check(labels: LabelSet) -> None:
    """RequestError with one line per mistake of a set's content."""
    entries = labels.content.get("classes")
    example = 'classes = [{ name = "sky", color = [128, 128, 128] }, { name = "road" }]'
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict) and isinstance(entry.get("name"), str) for entry in entries
    ):
        raise RequestError(f"label set {labels.name}: classes must be a list of tables with a name, e.g. {example}")
    problems = []
    if not 2 <= len(entries) <= MOST:
        problems.append(f"{len(entries)} classes; a set has 2 to {MOST}")
    names = [entry["name"] for entry in entries]
    problems += [f"two classes are named '{name}'" for name in sorted({n for n in names if names.count(n) > 1})]
    for entry in entries:
        color = entry.get("color", [0, 0, 0])
        if not isinstance(color, list | tuple) or len(color) != 3 or not all(_whole(v, 255) for v in color):
            problems.append(f"the color of '{entry['name']}' must be three integers from 0 to 255, not {color}")
        for key in entry.keys() - {"name", "color"}:
            given = entry[key] if isinstance(entry[key], list) else [entry[key]]
            if not all(_whole(value, 65535) for value in given):
                problems.append(f"{key} of '{entry['name']}' must be a number from 0 to 65535, or a list of such")
    if not problems:
        problems = _check_numbers(labels)
    if problems:
        raise RequestError(f"label set {labels.name}: {problem}" for problem in problems)


def _check_numbers(labels: LabelSet) -> list[str]:
    problems = []
    for key, value in labels.content.items():
        try:
            json.dumps(value)
        except TypeError:
            return [f'{key} = {value} cannot be kept in weights; write it as a text, e.g. {key} = "{value}"']
    for name in ("void", "other"):
        if not isinstance(labels.content.get(name, {}), dict):
            return [f"{name} must be a table by numbering, e.g. {name} = {{ id = … }}"]
    for numbers in labels.content.get("void", {}).values():
        if not isinstance(numbers, list) or not all(_whole(value, 65535) for value in numbers):
            return [f"void must be lists of numbers from 0 to 65535, e.g. void = {{ id = [255] }}, not {numbers}"]
    for class_name in (labels.content.get("void_class", labels.names[0]), *labels.content.get("other", {}).values()):
        if class_name not in labels.names:
            return [f"there is no class '{class_name}'"]
    for name in labels.numberings:
        numbering = labels.numbering(name)
        used = [number for own in numbering.numbers for number in own] + list(numbering.void)
        twice = sorted({number for number in used if used.count(number) > 1})
        always = {IGNORED: " (in id it is always void)"} if name == OWN else {}
        problems += [
            f"in numbering '{name}', {number} means two things{always.get(number, '')}; give each its own"
            for number in twice
        ]
    own = labels.numbering(OWN)
    if any(number > 255 for numbers in (*own.numbers, own.void) for number in numbers):
        problems.append("numbers of the own numbering, id, are at most 255, void too, because maps have 8 bits")
    problems += [
        f"'{labels.names[index]}' has no number, so a map file cannot show it; only void_class may have none"
        for index, numbers in enumerate(own.numbers)
        if not numbers and index != labels.void_class
    ]
    return problems


def _whole(value: Any, most: int) -> bool:
    return type(value) is int and 0 <= value <= most
