"""Reading canonical degradation ids: short labels, and families that make a curve.

Ids are all a stored row has. So this works on their text alone, and needs no plugin to be installed that was
there when the rows were made.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bench_core.params import NUMBER
from bench_core.summary import natural_order
from bench_leaderboard.degradation_names import KNOWN

SLOT = "…"


def anchor(degradation: str) -> str:
    """A place on a page: the id without what an address cannot hold."""
    return "on-" + re.sub(r"[^a-z0-9.]+", "-", degradation)


@dataclass(frozen=True)
class Stage:
    """One stage of an id: its name, and its parameters as texts."""

    name: str
    params: tuple[tuple[str, str], ...] = ()

    @property
    def label(self) -> str:
        """`JPEG 40`, `Gaussian 10 gray=1`; a stage nobody here knows keeps its id."""
        known = KNOWN.get(self.name)
        if known is None:
            return self.name + (":" + ",".join(f"{key}={value}" for key, value in self.params) if self.params else "")
        main = [value for key, value in self.params if key == known.main and value != SLOT]
        rest = [
            f"{key}={value}"
            for key, value in self.params
            if key != known.main and known.usual.get(key) != value and value != SLOT
        ]
        return " ".join([known.label, *main, *rest])


def stages(degradation: str) -> tuple[Stage, ...]:
    """The stages of a canonical id, `jpeg:q=80,ss=420+gaussian:gray=0,sigma=10`."""
    found = []
    for text in degradation.split("+"):
        name, _, rest = text.partition(":")
        params = (item.partition("=") for item in rest.split(",") if item)
        found.append(Stage(name, tuple((key, value) for key, _, value in params)))
    return tuple(found)


def label(degradation: str) -> str:
    """A short name for people; the id itself stays in the page for programs."""
    return _join(stages(degradation))


@dataclass(frozen=True)
class Family:
    """Degradations that differ in one number: a curve's levels, in rising order."""

    title: str
    axis: str
    levels: tuple[tuple[float, str], ...]


def families(degradations: Iterable[str]) -> list[Family]:
    """Every family with two or more levels among these ids."""
    found: dict[tuple[int, str, tuple[Stage, ...]], dict[float, str]] = {}
    for degradation in sorted(set(degradations), key=natural_order):
        parts = stages(degradation)
        for at, stage in enumerate(parts):
            for key, value in stage.params:
                known = KNOWN.get(stage.name)
                if not NUMBER.fullmatch(value) or (known and known.main != key):
                    continue
                template = (*parts[:at], _with_slot(stage, key), *parts[at + 1 :])
                found.setdefault((at, key, template), {})[float(value)] = degradation
    return [
        Family(_join(template), _axis(template[at].name, key), tuple(sorted(levels.items())))
        for (at, key, template), levels in found.items()
        if len(levels) > 1
    ]


def _join(parts: Iterable[Stage]) -> str:
    return " + ".join(stage.label for stage in parts)


def _axis(name: str, key: str) -> str:
    return KNOWN[name].axis if name in KNOWN else f"{name} {key}"


def _with_slot(stage: Stage, key: str) -> Stage:
    return Stage(stage.name, tuple((k, SLOT if k == key else value) for k, value in stage.params))
