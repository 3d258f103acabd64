"""A user's own presets of degradations: the table `[degrade.presets]` of a file `bench.toml`."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench_core.errors import RequestError

FILE = Path("bench.toml")

_NAME = re.compile(r"@?[a-z][a-z0-9-]*")
_EXAMPLE = 'mine = ["jpeg:40", "gaussian:10"]'


def user_presets(path: Path = FILE) -> dict[str, tuple[str, ...]]:
    """The presets of `path`, each name with its `@`; none where there is no such file.

    A preset is a list of specs, or one text with a spec a line, in which `#` starts a comment.

    Raises:
        RequestError: where the file is not TOML or a preset is not such a list.
    """
    try:
        table: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RequestError(f"{path} cannot be read as TOML: {error}") from error
    for key in ("degrade", "presets"):
        table = table.get(key, {})
        if not isinstance(table, Mapping):
            raise RequestError(f"{path}: presets belong in a table [degrade.presets], e.g. {_EXAMPLE}")
    presets: dict[str, tuple[str, ...]] = {}
    problems: list[str] = []
    for name, value in table.items():
        specs = _specs(value)
        if not _NAME.fullmatch(name):
            problems.append(f"{path}: preset '{name}': a name is lower-case letters, digits and '-', e.g. {_EXAMPLE}")
        elif not specs:
            problems.append(f"{path}: preset '{name}' must be a list of degradations, e.g. {_EXAMPLE}")
        else:
            presets["@" + name.removeprefix("@")] = specs
    if problems:
        raise RequestError(problems)
    return presets


def _specs(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = value.splitlines()
    if not isinstance(value, list) or not all(isinstance(line, str) for line in value):
        return ()
    lines = (line.partition("#")[0].strip() for line in value)
    return tuple(line for line in lines if line)
