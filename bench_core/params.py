"""Named, typed, bounded parameters: what a degradation's stage and a model's `--set` may say.

One declaration gives the check, the error message, the canonical text and the help.
"""

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from bench_core.errors import RequestError

Value = int | float | str | bool
REQUIRED = object()

NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?", re.ASCII)
"""What a number looks like. Narrower than float(): no nan, no inf, no underscores, no other script's digits."""

_BOOLEANS = {"1": True, "true": True, "on": True, "0": False, "false": False, "off": False}


@dataclass(frozen=True)
class Param:
    """One parameter.

    `kind` is int, float, str or bool; `low` and `high` bound a number, both ends included; `decimals` limits the
    places after its point; `choices` lists what a value may be. `default=REQUIRED` means that the user must give
    it, and `example` shows how.

    Three things word the messages: `label` is what errors call the parameter, `rule` the whole sentence where the
    made one would not say enough, and `explain` may return a better sentence for one wrong text. `advise` may
    return a warning for a legal but unlikely value. `also` holds further keys for the same parameter and what
    their number is multiplied by: `(("sigma01", 255),)`.
    """

    name: str
    kind: type = int
    low: float | None = None
    high: float | None = None
    choices: tuple[Value, ...] = ()
    default: Any = REQUIRED
    label: str = ""
    rule: str = ""
    example: str = ""
    help: str = ""
    decimals: int | None = None
    explain: Callable[[str], str | None] | None = None
    advise: Callable[[Any], str | None] | None = None
    also: tuple[tuple[str, int], ...] = ()

    @property
    def required(self) -> bool:
        """Whether a user must give this parameter."""
        return self.default is REQUIRED

    @property
    def numeric(self) -> bool:
        """Whether values are numbers, so that a range of them means something."""
        return self.kind in (int, float) and not self.choices

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key that sets this parameter, its own name first."""
        return (self.name, *(key for key, _ in self.also))

    def describe(self) -> str:
        """What is allowed, in a few words: `integer 1..100`."""
        if self.choices:
            return "|".join(format_value(choice) for choice in self.choices)
        word = {int: "integer", float: "number", bool: "0 or 1", str: "text"}[self.kind]
        if self.low is None and self.high is None:
            return word
        low = "" if self.low is None else format_value(self.low)
        high = "" if self.high is None else format_value(self.high)
        return f"{word} {low}..{high}"

    def sentence(self) -> str:
        """The rule as one sentence: `quality must be an integer from 1 to 100`."""
        if self.rule:
            return self.rule
        name = self.label or self.name
        if self.choices:
            return f"{name} must be one of {', '.join(format_value(choice) for choice in self.choices)}"
        noun = {int: "an integer", float: "a number", bool: "0 or 1", str: "text"}[self.kind]
        if self.low is not None and self.high is not None:
            return f"{name} must be {noun} from {format_value(self.low)} to {format_value(self.high)}"
        if self.low is not None:
            return f"{name} must be {noun} >= {format_value(self.low)}"
        if self.high is not None:
            return f"{name} must be {noun} <= {format_value(self.high)}"
        return f"{name} must be {noun}"

    def parse(self, text: str, key: str | None = None) -> Value:
        """Read one value, given under `key` (default: the parameter's own name).

        Raises:
            RequestError: with the rule, where the text is not a value or the value is not allowed.
        """
        text = text.strip()
        try:
            return self.check(self._read(text, dict(self.also).get(key or self.name, 1)))
        except (ValueError, RequestError):
            better = self.explain(text) if self.explain and key in (None, self.name) else None
            raise RequestError(better or self.sentence()) from None

    def check(self, value: Value) -> Value:
        """A value in the parameter's own type, if it is allowed.

        Raises:
            RequestError: with the rule, if it is not.
        """
        if self.kind is float and type(value) is int and abs(value) < 2**53:
            value = float(value)
        allowed = type(value) is self.kind
        if allowed and isinstance(value, (int, float)):
            allowed = (
                (isinstance(value, int) or math.isfinite(value))
                and (self.low is None or value >= self.low)
                and (self.high is None or value <= self.high)
                and (self.decimals is None or round(value, self.decimals) == value)
            )
        if not allowed or (self.choices and value not in self.choices):
            raise RequestError(self.sentence())
        return value + 0.0 if isinstance(value, float) else value  # + 0.0 makes -0.0 the one zero

    def _read(self, text: str, factor: int) -> Value:
        if self.kind is str:
            return text
        if self.kind is bool:
            if text.lower() not in _BOOLEANS:
                raise ValueError(text)
            return _BOOLEANS[text.lower()]
        if not NUMBER.fullmatch(text):
            raise ValueError(text)
        number = Fraction(text) * factor  # exact, so that sigma01=0.04 is 10.2 and nothing near it
        if self.kind is int and number.denominator == 1:
            return number.numerator
        if self.kind is float and abs(number) < 2**1000:
            return float(number)
        raise ValueError(text)


def format_value(value: Any) -> str:
    """The one spelling of a value in canonical ids: `1`, `0.5`, `true` as `1`; never an exponent."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value == int(value) else f"{Decimal(repr(value)):f}"
    return str(value)


def known_keys(params: tuple[Param, ...]) -> dict[str, Param]:
    """Which parameter each key sets, in the order declared."""
    return {key: param for param in params for key in param.keys}


def resolve(params: tuple[Param, ...], given: Mapping[str, str], owner: str) -> dict[str, Value]:
    """Turn `key -> text` into `name -> value` with all defaults, collecting every mistake.

    Raises RequestError with one line per mistake; `owner` is who the parameters belong to.
    """
    known = known_keys(params)
    problems = [unknown_parameter(key, params, owner) for key in given if key not in known]
    values: dict[str, Value] = {}
    seen: set[str] = set()
    for key, text in given.items():
        if key not in known:
            continue
        param = known[key]
        if param.name in seen:
            problems.append(f"parameter {param.name} given twice ({' and '.join(param.keys)} are the same)")
            continue
        seen.add(param.name)
        try:
            values[param.name] = param.parse(text, key)
        except RequestError as error:
            problems.extend(error.problems)
    return _filled(params, values, seen, problems)


def complete(params: tuple[Param, ...], values: Mapping[str, Value], owner: str) -> dict[str, Value]:
    """Check `name -> value` and add the defaults: `resolve` for values that are Python's, not text.

    Raises RequestError with one line per mistake.
    """
    known = {param.name: param for param in params}
    problems = [unknown_parameter(name, params, owner) for name in values if name not in known]
    checked: dict[str, Value] = {}
    for name, value in values.items():
        if name not in known:
            continue
        try:
            checked[name] = known[name].check(value)
        except RequestError as error:
            problems.extend(error.problems)
    return _filled(params, checked, set(values), problems)


def advice(params: tuple[Param, ...], given: Mapping[str, str]) -> list[str]:
    """Warnings about legal but unlikely values, among `given` texts that `resolve` accepts.

    A value under one of a parameter's other keys is taken at its word: whoever writes sigma01 knows the scales.
    """
    return [
        warning
        for param in params
        if param.advise and param.name in given and (warning := param.advise(param.parse(given[param.name])))
    ]


def unknown_parameter(key: str, params: tuple[Param, ...], owner: str) -> str:
    """The message about a key that no parameter has."""
    return f"unknown parameter '{key}' for {owner}; known: {', '.join(known_keys(params)) or 'none'}"


def missing(params: tuple[Param, ...], given: Collection[str]) -> list[str]:
    """A message for each required parameter whose name is not among `given`."""
    return [
        f"{param.label or param.name} is required, e.g. {param.example} ({param.describe()})"
        if param.example
        else f"{param.label or param.name} is required ({param.describe()})"
        for param in params
        if param.required and param.name not in given
    ]


def _filled(
    params: tuple[Param, ...], values: Mapping[str, Value], given: Collection[str], problems: list[str]
) -> dict[str, Value]:
    """All values in the order declared; raises with `problems` and what is missing."""
    problems = problems + missing(params, given)
    if problems:
        raise RequestError(problems)
    return {param.name: values[param.name] if param.name in given else param.default for param in params}
