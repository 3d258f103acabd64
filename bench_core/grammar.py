"""The grammar of degradations: what `--degrade` accepts, and every message about what it does not.

    spec   := chain | '@' PRESET
    chain  := stage ('+' stage)*                 applied from left to right
    stage  := NAME [':' item (',' item)*]
    item   := value | KEY '=' value              a value without its key is the main parameter's
    value  := scalar | range | set
    range  := NUMBER '..' NUMBER [':' STEP]      both ends included
    set    := scalar ('/' scalar)+

The grammar knows no degradation: names, parameters and their rules come from the registry.
"""

import itertools
import logging
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Protocol

from bench_core.degradation import Channel, Degradation
from bench_core.errors import RequestError
from bench_core.params import NUMBER, Param, advice, known_keys, missing, resolve, unknown_parameter
from bench_core.presets import user_presets

SWEEPS = ("product", "zip")

log = logging.getLogger("bench")

_RANGE = re.compile(rf"({NUMBER.pattern})\s*\.\.\s*({NUMBER.pattern})(?:\s*:\s*({NUMBER.pattern}))?", re.ASCII)


class Names(Protocol):
    """What the grammar asks of a registry of degradations (bench_core.plugins.Registry)."""

    def names(self) -> list[str]:
        """All names, presets among them."""

    def group(self, name: str) -> tuple[str, ...] | None:
        """The specs that a preset stands for."""

    def load(self, name: str) -> Any:
        """The class of a name; RequestError where there is none."""


def parse_channels(
    specs: Sequence[str],
    registry: Names,
    *,
    sweep: str = "product",
    max_points: int = 200,
    option: str = "--degrade",
    presets: Mapping[str, Sequence[str]] | None = None,
) -> list[Channel]:
    """The channels that `specs` ask for, in order, each canonical id once.

    Args:
        specs: what the user wrote, one text an option.
        registry: where names come from.
        sweep: what several axes in one chain mean: `product` (all combinations) or `zip` (side by side).
        max_points: how many channels one chain may expand to.
        option: the option's name, for messages.
        presets: the user's own presets, `@name` to specs; by default those of ./bench.toml.

    Notes on legal but unlikely requests go to the logger `bench` as warnings.

    Raises:
        RequestError: one line for each mistake in any of the specs.
    """
    if sweep not in SWEEPS:
        raise RequestError(f"--sweep must be one of {', '.join(SWEEPS)}, not '{sweep}'")
    own = user_presets() if presets is None else presets
    channels: dict[str, Channel] = {}
    problems: list[str] = []
    notes: list[str] = []
    if shadowed := [name for name in own if registry.group(name) is not None]:
        problems += [f"preset '{name}' is built in; give your own another name" for name in shadowed]
    for spec in specs:
        expansion = _Expansion(" ".join(spec.split()), registry, {} if shadowed else own, sweep, max_points, option)
        for channel in expansion.channels():
            channels.setdefault(channel.id, channel)
        problems += expansion.problems
        notes += expansion.notes
    if problems:
        raise RequestError(dict.fromkeys(problems))
    for note in dict.fromkeys(notes):
        log.warning("%s", note)
    return list(channels.values())


@dataclass(frozen=True)
class _Axis:
    """The values of one parameter: `count` texts, made only when asked for, since a range may be absurdly long."""

    count: int
    at: Callable[[int], str]

    def __iter__(self) -> Iterator[str]:
        return map(self.at, range(self.count))


@dataclass(frozen=True)
class _StageSpec:
    """One stage as written: its class, and the values of each parameter given."""

    text: str
    kind: type[Degradation]
    axes: Mapping[str, _Axis]

    def build(self, texts: Mapping[str, str]) -> Degradation:
        """The stage with one text for each parameter given."""
        return self.kind(**resolve(self.kind.params, texts, self.kind.name))


class _Expansion:
    """One spec on its way to channels; collects `problems` and `notes` and goes on as long as it makes sense."""

    def __init__(
        self,
        spec: str,
        registry: Names,
        presets: Mapping[str, Sequence[str]],
        sweep: str,
        max_points: int,
        option: str,
    ) -> None:
        self.spec = spec
        self.registry = registry
        self.presets = presets
        self.sweep = sweep
        self.max_points = max_points
        self.option = option
        self.problems: list[str] = []
        self.notes: list[str] = []

    def channels(self) -> list[Channel]:
        """Everything the spec stands for; what is wrong is in `problems` instead."""
        return [channel for chain in self._chains(self.spec, ()) for channel in self._chain(chain)]

    def _problem(self, message: str, token: str = "") -> None:
        """Record a mistake, naming the token where it is not simply the spec."""
        where = f" in {token}:" if token and token != self.spec else ""
        self.problems.append(f"{self._label}:{where} {message}")

    @property
    def _label(self) -> str:
        return f"{self.option} {self.spec or repr('')}"

    def _chains(self, spec: str, trail: tuple[str, ...]) -> Iterator[str]:
        """The chains a spec stands for: itself, or a preset's, which may name presets again."""
        if not spec.startswith("@"):
            yield spec
            return
        known = {name for name in self.registry.names() if name.startswith("@")} | set(self.presets)
        contents = self.presets.get(spec) or self.registry.group(spec)
        if "+" in spec:
            self._problem("a preset stands alone, not in a chain", spec)
        elif spec in trail:
            self._problem(f"preset contains itself: {' -> '.join((*trail, spec))}")
        elif not contents:
            self.problems.append(f"{self.option}: unknown preset '{spec}'; known: {', '.join(sorted(known)) or 'none'}")
        else:
            for line in contents:
                yield from self._chains(line.strip(), (*trail, spec))

    def _chain(self, chain: str) -> list[Channel]:
        if "(" in chain or ")" in chain:
            self._problem(
                "parentheses have no meaning yet; write stages one after another, e.g. jpeg:80+webp:80", chain
            )
            return []
        before = len(self.problems)
        stages = [self._stage(text.strip(), index, chain) for index, text in enumerate(chain.split("+"), 1)]
        read = [stage for stage in stages if stage is not None]
        if len(self.problems) > before:
            return []
        points = self._points([axis.count for stage in read for axis in stage.axes.values()], chain)
        return list(self._build(read, points))

    def _points(self, counts: list[int], chain: str) -> Iterator[Sequence[int]]:
        """For each channel, which value of each parameter it takes."""
        lengths = {count for count in counts if count > 1}
        if self.sweep == "zip":
            total = max(lengths, default=1)
            if len(lengths) > 1:
                sizes = " and ".join(str(count) for count in counts if count > 1)
                self._problem(f"--sweep zip pairs lists of equal length; these have {sizes} values", chain)
                return iter(())
        else:
            total = math.prod(counts)
        if total > self.max_points:
            number = str(total) if total < 10**6 else "over a million"
            cure = f" or pass --max-points {-(-total // 100) * 100}" if total < 10**6 else ""
            self._problem(f"sweep expands to {number} points (limit {self.max_points}); reduce it{cure}", chain)
            return iter(())
        if self.sweep == "zip":
            return iter([min(index, count - 1) for count in counts] for index in range(total))
        return itertools.product(*map(range, counts))

    def _build(self, stages: list[_StageSpec], points: Iterator[Sequence[int]]) -> Iterator[Channel]:
        made: dict[tuple[int, tuple[str, ...]], Degradation] = {}
        for point in points:
            choice = iter(point)
            chain: list[Degradation] = []
            for index, stage in enumerate(stages):
                texts = {key: axis.at(next(choice)) for key, axis in stage.axes.items()}
                place = (index, tuple(texts.values()))
                if place not in made:
                    try:
                        made[place] = stage.build(texts)
                    except RequestError as error:  # legal values, but not together or not on this machine
                        for line in error.problems:
                            self._problem(line, stage.text)
                        return
                    for warning in advice(stage.kind.params, texts):
                        self.notes.append(f"{self._label}: {warning}")
                chain.append(made[place])
            try:
                yield Channel(tuple(chain))
            except RequestError as error:  # stages that do not go together
                for line in error.problems:
                    self._problem(line)
                return

    def _stage(self, text: str, position: int, chain: str) -> _StageSpec | None:
        name, colon, rest = (part.strip() for part in text.partition(":"))
        if not text:
            self._problem(f"empty stage at position {position}", chain)
            return None
        if not name:
            self._problem("a stage begins with a name, e.g. jpeg:40", text)
            return None
        if name.startswith("@"):
            self._problem(f"preset '{name}' stands alone, not in a chain", chain)
            return None
        if f"{name}:" in self.registry.names():  # a family, whose members are no stages
            where = f"'{name}:' is not written here; bench run takes photographed carriers by --captured DIR"
            self._problem(where, text)
            return None
        try:
            kind: type[Degradation] = self.registry.load(name)
        except RequestError as error:
            self.problems += [f"{self.option}: {line}" for line in error.problems]
            return None
        axes: dict[str, _Axis] = {}
        seen: set[str] = set()
        for item in rest.split(",") if colon else ():
            self._item(item.strip(), text, kind, axes, seen)
        for problem in missing(kind.params, seen):
            self._problem(problem, text)
        return _StageSpec(text, kind, axes)

    def _item(self, item: str, stage: str, kind: type[Degradation], axes: dict[str, _Axis], seen: set[str]) -> None:
        """Read `40` or `ss=444` into `axes`; `seen` holds the parameters that have been given."""
        known = known_keys(kind.params)
        if not known:
            self._problem(f"{kind.name} takes no parameters", stage)
            return
        key, equals, value = (part.strip() for part in item.partition("="))
        if not equals:
            key, value = kind.params[0].name, item
        if not item or (equals and not key):
            self._problem("empty parameter; write KEY=value between commas", stage)
        elif key not in known:
            self._problem(unknown_parameter(key, kind.params, kind.name), stage)
        elif known[key].name in seen and not equals:
            keys = ", ".join(known)
            self._problem(f"'{value}' needs its parameter's name ({keys}); several values are written 1/2", stage)
        elif known[key].name in seen:
            self._problem(f"parameter {known[key].name} given twice", stage)
        else:
            seen.add(known[key].name)
            try:
                axes[key] = self._axis(value, known[key], key, stage)
            except RequestError as error:
                for line in error.problems:
                    self._problem(line, stage)
                return
            if axes[key].count <= self.max_points:  # more is a mistake already
                prefix = f"{kind.name}:{key}=" if equals else f"{kind.name}:"
                self._check(axes[key], known[key], key, prefix, stage)

    def _check(self, axis: _Axis, param: Param, key: str, prefix: str, stage: str) -> None:
        for text in axis:
            try:
                param.parse(text, key)
            except RequestError as error:
                for line in error.problems:
                    self._problem(line, stage if axis.count == 1 else prefix + text)

    def _axis(self, text: str, param: Param, key: str, stage: str) -> _Axis:
        if not text:
            raise RequestError(f"parameter {key} has no value")
        ranged = param.numeric and ".." in text
        if ranged and "/" not in text:
            axis, last = _range(text, param, key)
            if last:
                self.notes.append(f"{self.option} {stage} ends at {last}")
            return axis
        if ranged:
            raise RequestError(f"'{text}' mixes a range and a set; write one of them, e.g. 40..60:10 or 40/50/60")
        texts = [part.strip() for part in text.split("/")]
        if "" in texts:
            raise RequestError(f"empty value in '{text}'")
        return _Axis(len(texts), texts.__getitem__)


def _range(text: str, param: Param, key: str) -> tuple[_Axis, str]:
    """The values of `50..95:5`, and the last one where it is not the end that was asked for."""
    match = _RANGE.fullmatch(text)
    if not match:
        raise RequestError(f"'{text}' is not a range; write START..END:STEP, e.g. 50..95:5")
    for end in match.group(1, 2):
        param.parse(end, key)
    start, stop = (Decimal(end) for end in match.group(1, 2))
    if match[3] is None and param.kind is not int:
        fitting = Decimal(10) ** abs(stop - start).adjusted() if stop != start else Decimal(1)
        raise RequestError(f"a range of {key} needs a step, e.g. {_plain(start)}..{_plain(stop)}:{_plain(fitting)}")
    step = Decimal(match[3] or 1)
    if step == 0:
        raise RequestError("step must not be 0")
    if param.kind is int and step != step.to_integral_value():
        raise RequestError(f"step must be an integer, as {param.label or param.name} is")
    count = math.floor((Fraction(stop) - Fraction(start)) / Fraction(step)) + 1
    if count < 1:
        low, high, size = _plain(min(start, stop)), _plain(max(start, stop)), _plain(abs(step))
        wrong = f"empty range {_plain(start)}..{_plain(stop)} with step {_plain(step)}"
        raise RequestError(f"{wrong}; write {low}..{high}:{size} or {high}..{low}:-{size}")
    last = start + (count - 1) * step
    return _Axis(count, lambda index: _plain(start + index * step)), "" if last == stop else _plain(last)


def _plain(number: Decimal) -> str:
    """A decimal without exponent and without idle zeros."""
    return f"{number.normalize() + 0:f}"
