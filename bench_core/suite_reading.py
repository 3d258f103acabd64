"""Reading a suite's TOML: typed values out of tables, with one line for every mistake.

A reader notes problems instead of raising, so that all mistakes of a file are told together.
"""

import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any

_MISSING = object()


class TableReader:
    """Typed access to one TOML table; problems go to a list that the tables of a file share.

    `where` begins each message (`data[2]`), and `done` complains about the keys that nobody asked for.
    """

    def __init__(self, table: Mapping[str, Any], where: str, problems: list[str]) -> None:
        self.table = table
        self.where = where
        self.problems = problems
        self._asked: list[str] = []

    def problem(self, key: str, message: str) -> None:
        """Note a mistake of one key."""
        self.problems.append(f"{self._path(key)}: {message}")

    def text(self, key: str, default: Any = _MISSING, example: str = "") -> str:
        """A text; one that is required must not be empty."""
        value = self._take(key, default, example)
        if isinstance(value, str) and (value.strip() or default is not _MISSING):
            return value
        if value is not None:
            self.problem(key, f"must be a text{' that says something' if value == '' else ''}, not {value!r}")
        return ""

    def texts(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        """A list of texts; one text counts as a list of one."""
        value = self._take(key, _MISSING if required else [], '["…"]')
        if isinstance(value, str):
            value = [value]
        if isinstance(value, list) and all(isinstance(item, str) and item for item in value):
            return tuple(value)
        if value is not None:
            self.problem(key, f"must be a text or a list of texts, not {value!r}")
        return ()

    def integer(self, key: str, default: Any = _MISSING, low: int = 0) -> int | None:
        """An integer not below `low`; None where it is left out and may be."""
        value = self._take(key, default, "1")
        if isinstance(value, int) and not isinstance(value, bool) and value >= low:
            return value
        if value is not None:
            self.problem(key, f"must be an integer >= {low}, not {value!r}")
        return None

    def flag(self, key: str) -> bool:
        """A switch, true or false; false where it is left out."""
        value = self._take(key, False, "true")
        if not isinstance(value, bool):
            self.problem(key, f"must be true or false, not {value!r}")
        return value is True

    def settings(self, key: str) -> dict[str, str]:
        """A table of settings, each as the text that `--set` would be given."""
        value = self._take(key, {}, "{ temperature = 0 }")
        if not isinstance(value, Mapping):
            self.problem(key, f"must be a table such as {{ temperature = 0 }}, not {value!r}")
            return {}
        return {name: str(int(item) if isinstance(item, bool) else item) for name, item in value.items()}

    def numbers(self, key: str) -> tuple[float | None, ...]:
        """A list of numbers, where "-" is one that the paper does not print."""
        value = self._take(key, _MISSING, '[27.61, "-"]')
        found: list[float | None] = []
        for item in value if isinstance(value, list) else ():
            if item == "-":
                found.append(None)
            elif isinstance(item, (int, float)) and not isinstance(item, bool) and math.isfinite(item):
                found.append(float(item))
            else:
                self.problem(key, f'must hold numbers, or "-" for one that is not printed, not {item!r}')
        if value is not None and not isinstance(value, list):
            self.problem(key, f'must be a list such as [27.61, "-"], not {value!r}')
        return tuple(found)

    def tables(self, key: str) -> "list[TableReader]":
        """A list of tables; empty where it is left out."""
        value = self._take(key, [], "a list of tables")
        if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
            self.problem(key, "must be a list of tables")
            return []
        return [TableReader(item, f"{self._path(key)}[{at}]", self.problems) for at, item in enumerate(value, 1)]

    def done(self) -> None:
        """Complain about the keys that nobody asked for."""
        for key in self.table:
            if key not in self._asked:
                near = difflib.get_close_matches(key, self._asked, n=1)
                hint = f"; did you mean '{near[0]}'?" if near else f"; known: {', '.join(self._asked)}"
                self.problem(key, f"unknown key{hint}")

    def _path(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def _take(self, key: str, default: Any, example: str) -> Any:
        self._asked.append(key)
        if key in self.table:
            return self.table[key]
        if default is _MISSING:
            self.problem(key, f"is missing{f', e.g. {key} = {example}' if example else ''}")
            return None
        return default


def twice(names: Iterable[str]) -> list[str]:
    """The names that occur more than once, each once."""
    seen: set[str] = set()
    again = [name for name in names if name in seen or seen.add(name)]  # type: ignore[func-returns-value]
    return list(dict.fromkeys(again))
