"""From JSON that anybody may have written to dataclasses whose fields are what they say."""

import json
import math
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Made = TypeVar("Made")

_LARGEST = 2**53
"""What every reader of JSON keeps exactly."""


def read_json(path: Path) -> Any:
    """A file's JSON, strictly: no NaN, no infinity, and no number that becomes one.

    Raises:
        OSError: where it cannot be read.
        ValueError: for anything else.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_finite, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no number in JSON")
    return value


def build(kind: type[Made], given: Mapping[str, Any]) -> Made:
    """A dataclass of JSON's values, lists as tuples where they are fields.

    Raises:
        TypeError: for a name that is none of its fields, or a field that is missing.
        ValueError: for a value that is not of its field's type.
    """
    made = kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})
    for name, hint in get_type_hints(kind).items():
        if not _fits(getattr(made, name), hint):
            raise ValueError(f"{name} is not what it should be")
    return made


def _fits(value: Any, hint: Any) -> bool:
    kind, parts = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if kind in (Union, types.UnionType):
        return any(_fits(value, part) for part in parts)
    if hint in (int, float):
        number = isinstance(value, int if hint is int else int | float) and not isinstance(value, bool)
        return number and abs(value) <= _LARGEST
    if kind is Mapping:
        return isinstance(value, Mapping) and all(
            _fits(name, parts[0]) and _fits(inner, parts[1]) for name, inner in value.items()
        )
    if kind in (tuple, list):
        if not isinstance(value, tuple | list):
            return False
        wanted = parts if kind is tuple and parts[-1] is not ... else parts[:1] * len(value)
        return len(value) == len(wanted) and all(map(_fits, value, wanted))
    return isinstance(value, hint)
