"""The hyper-parameters of a method: one TOML file with every value, its bounds and where it comes from.

    [presets]
    small = "a network a CPU can train in an hour"
    paper = "as published"

    [lr]
    group = "training"      # "network": what weights need to be rebuilt; "training": the rest
    small = 1e-3            # a value for each preset
    paper = 1e-4
    published = "1e-4"      # what the paper prints; "" where it says nothing
    source = "P"            # of the last preset's value: P the paper, "S: …" a public source, R chosen here
    low = 0                 # bounds, both ends included; or `choices = […]`
    help = "learning rate of Adam"

This module needs no torch: a model reads it to rebuild its network.
"""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

from bench_core.errors import RequestError
from bench_core.params import Param, Value

GROUPS = ("network", "training")

_OPTIONAL = {"low", "high", "choices"}
_TEXTS = ("group", "published", "source", "help")


@dataclass(frozen=True)
class Origin:
    """Where a hyper-parameter belongs and comes from: `published` and `source` are of the last preset's value."""

    group: str
    published: str
    source: str


@dataclass(frozen=True)
class Hyperparameters:
    """Every hyper-parameter of a method.

    `presets` has a summary by name, `params` (type, bounds, help) and `origins` are by key, `values` by preset and key.
    """

    presets: Mapping[str, str]
    params: Mapping[str, Param]
    origins: Mapping[str, Origin]
    values: Mapping[str, Mapping[str, Value]]

    @classmethod
    def read(cls, path: Traversable) -> "Hyperparameters":
        """Read a `hyperparameters.toml`; ValueError with a line a mistake, for they are the method's author's."""
        content = tomllib.loads(path.read_text("utf-8"))
        presets: dict[str, str] = content.pop("presets", {})
        if not presets:
            raise ValueError(f"{path}: no table [presets] with a summary of each")
        problems: list[str] = []
        params, origins = {}, {}
        values: dict[str, dict[str, Value]] = {preset: {} for preset in presets}
        for key, entry in content.items():
            try:
                params[key] = _param(key, entry, presets)
                origins[key] = _origin(entry)
                for preset in presets:
                    values[preset][key] = params[key].check(entry[preset])
            except (ValueError, RequestError) as error:
                problems.append(f"[{key}]: {error}")
        if problems:
            raise ValueError("\n".join(f"{path}: {problem}" for problem in problems))
        return cls(presets, params, origins, values)

    def group(self, name: str) -> tuple[str, ...]:
        """The keys of a group, `network` or `training`, in the file's order."""
        return tuple(key for key, origin in self.origins.items() if origin.group == name)

    def resolve(self, preset: str, overrides: Iterable[str] = ()) -> dict[str, Value]:
        """The values of a preset with `key=value` texts applied, the last one of a key; in the file's order.

        Raises:
            RequestError: one line per mistake, with what is known and near names.
        """
        if preset not in self.presets:
            known = ", ".join(self.presets)
            raise RequestError(f"unknown preset '{preset}'{_near(preset, self.presets)}; known: {known}")
        values = dict(self.values[preset])
        problems: list[str] = []
        for text in overrides:
            key, equals, value = (part.strip() for part in text.partition("="))
            if not equals:
                problems.append(f"--set takes key=value, not '{text}'; e.g. --set {self._example()}")
            elif key not in self.params:
                known = ", ".join(sorted(self.params))
                problems.append(f"unknown hyper-parameter '{key}'{_near(key, self.params)}; known: {known}")
            else:
                try:
                    values[key] = self.params[key].parse(value)
                except RequestError as error:
                    problems.extend(error.problems)
        if problems:
            raise RequestError(problems)
        return values

    def table(self, preset: str, overrides: Iterable[str] = ()) -> str:
        """All values in use as text, a line a key: value, what is allowed, what the paper prints, source and help.

        `source` is that of the last preset; where another one's value differs from it, it says so.
        """
        reference = list(self.presets)[-1]
        rows = [("key", "value", "allowed", "published", f"source ({reference})", "meaning")]
        for key, value in self.resolve(preset, overrides).items():
            param, origin, of_reference = self.params[key], self.origins[key], self.values[reference][key]
            source = origin.source if value == of_reference else f"{origin.source} ({_shown(of_reference)})"
            rows.append((key, _shown(value), param.describe(), origin.published or "–", source, param.help))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([f"{preset}: {self.presets[preset]}", *lines])

    def _example(self) -> str:
        key = "steps" if "steps" in self.params else next(iter(self.params))
        return f"{key}={_shown(next(iter(self.values.values()))[key])}"


def _param(key: str, entry: Any, presets: Mapping[str, str]) -> Param:
    allowed = {*_TEXTS, *_OPTIONAL, *presets}
    if not isinstance(entry, dict) or not {*_TEXTS, *presets} <= {*entry} <= allowed:
        raise ValueError(f"needs {', '.join((*_TEXTS, *presets))}, and may have {', '.join(sorted(_OPTIONAL))}")
    kinds = {type(entry[preset]) for preset in presets}
    kind = float if kinds == {int, float} else next(iter(kinds))
    if kinds not in ({int, float}, {kind}) or kind not in (int, float, str, bool):
        raise ValueError("values must be numbers, texts or truths, of one kind in all presets")
    if not all(isinstance(entry[name], str) for name in _TEXTS):
        raise ValueError(f"{', '.join(_TEXTS)} must be texts")
    choices, low, high = tuple(entry.get("choices", ())), entry.get("low"), entry.get("high")
    return Param(key, kind, low, high, choices, default=entry[next(iter(presets))], help=entry["help"])


def _origin(entry: Mapping[str, str]) -> Origin:
    group, published, source = entry["group"], entry["published"], entry["source"]
    if group not in GROUPS:
        raise ValueError(f"group must be one of {', '.join(GROUPS)}, not '{group}'")
    if not (source in ("P", "R") or source.startswith(("S: ", "R: "))):
        raise ValueError(f"source must be 'P', 'R', 'R: why' or 'S: which', not '{source}'")
    if source == "P" and not published:
        raise ValueError("source 'P' says that the paper prints the value, so 'published' must have it")
    if not entry["help"]:
        raise ValueError("help must say what it is")
    return Origin(group, published, source)


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""


def _shown(value: Value) -> str:
    """A value as `--set` takes it and a person writes it: 1e-05, not 0.00001."""
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)
