"""Finding plugins, and looking up what they registered.

Each entry point loads in its own try: a broken plugin is a line in `bench list plugins`, never a crash.
`BENCH_LOAD_PLUGINS=riis,metrics` loads only the entry points named; `BENCH_PLUGINS=my_method` loads modules as plugins
too, so that one can be tried before it is packaged.
"""

import difflib
import importlib
import importlib.metadata
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pluggy

from bench_core import hookspecs
from bench_core.errors import RequestError, one_line

GROUP = "bench"
KINDS = ("models", "degradations", "metrics", "datasets", "weights", "suites", "commands")


@dataclass(frozen=True)
class Entry:
    """One registered name."""

    kind: str
    name: str
    target: str | tuple[str, ...]
    plugin: str
    summary: str = ""
    aliases: tuple[str, ...] = ()
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def is_group(self) -> bool:
        """Whether the name stands for several others."""
        return isinstance(self.target, tuple)

    def load(self) -> Any:
        """Import the target; an error names the plugin it came from."""
        if isinstance(self.target, tuple):
            raise RequestError(f"'{self.name}' stands for several {self.kind}: {', '.join(self.target)}")
        return load_string(self.target, f"{_noun(self.kind)} '{self.name}' of plugin '{self.plugin}'")


def _noun(kind: str) -> str:
    return kind if kind == "weights" else kind[:-1]


def load_string(target: str, what: str) -> Any:
    """Import `module:attribute`; raises RequestError naming `what` where that fails."""
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise RequestError(f"{what} cannot be loaded from {target}: {one_line(error)}") from error


@dataclass(frozen=True)
class PluginInfo:
    """One entry point as `bench list plugins` shows it."""

    name: str
    distribution: str
    version: str
    module: str
    error: str = ""
    registered: tuple[str, ...] = ()


def _nearest(name: str, names: list[str]) -> list[str]:
    """The one or two of `names` most like `name`: a second only where it is about as near as the first."""
    near = difflib.get_close_matches(name, names, n=2)
    ratios = [difflib.SequenceMatcher(None, name, word).ratio() for word in near]
    return [word for word, ratio in zip(near, ratios, strict=True) if ratio > ratios[0] - 0.1]


class Registry:
    """The names of one kind, with lookup errors that help."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.broken: list[PluginInfo] = []
        self._entries: dict[str, Entry] = {}
        self._aliases: dict[str, str] = {}

    def add(self, entry: Entry) -> None:
        """Add an entry; a name that is taken is the second plugin's mistake."""
        for name in (entry.name, *entry.aliases):
            if taken := self.find(name):
                raise RequestError(f"{_noun(self.kind)} '{name}' is already registered by plugin '{taken.plugin}'")
        self._entries[entry.name] = entry
        self._aliases.update(dict.fromkeys(entry.aliases, entry.name))

    def remove(self, plugin: str) -> None:
        """Forget everything one plugin registered."""
        self._entries = {name: entry for name, entry in self._entries.items() if entry.plugin != plugin}
        self._aliases = {alias: name for alias, name in self._aliases.items() if name in self._entries}

    def __iter__(self) -> Iterator[Entry]:
        return iter(sorted(self._entries.values(), key=lambda entry: entry.name))

    def names(self) -> list[str]:
        """All names, sorted, without aliases."""
        return sorted(self._entries)

    def find(self, name: str) -> Entry | None:
        """The entry of a name or alias, or None. A family's members are found by its prefix."""
        name = self._aliases.get(name, name)
        if name in self._entries:
            return self._entries[name]
        family = name.partition(":")[0] + ":"
        return self._entries.get(family) if ":" in name else None

    def get(self, name: str) -> Entry:
        """The entry of a name; an unknown one raises RequestError with near names."""
        if entry := self.find(name):
            return entry
        near = _nearest(name, [*self._entries, *self._aliases])
        hint = f" Did you mean {' or '.join(repr(word) for word in near)}?" if near else ""
        # The name may well be one that a plugin would have registered, had it loaded.
        broken = "".join(f"; plugin '{info.name}' failed to load: {info.error}" for info in self.broken)
        known = ", ".join(self.names()) or "none"
        raise RequestError(f"unknown {_noun(self.kind)} '{name}'.{hint} Known: {known}{broken}")

    def group(self, name: str) -> tuple[str, ...] | None:
        """What a group's name stands for, or None."""
        entry = self.find(name)
        return entry.target if entry and isinstance(entry.target, tuple) else None

    def load(self, name: str) -> Any:
        """Import what a name stands for."""
        return self.get(name).load()

    def create(self, name: str) -> Any:
        """Make an instance: the target called without arguments, or a family's with the text after the colon."""
        entry = self.get(name)
        target = entry.load()
        if entry.name.endswith(":"):
            rest = name.partition(":")[2]
            if not rest:
                raise RequestError(f"{_noun(self.kind)} '{name}' needs something after the colon: {entry.summary}")
            return target(rest)
        return target()


class Plugins:
    """All plugins, and one registry for each kind of thing they register."""

    def __init__(self, entry_points: list[importlib.metadata.EntryPoint]) -> None:
        self.models, self.degradations, self.metrics, self.datasets, self.weights, self.suites, self.commands = (
            Registry(kind) for kind in KINDS
        )
        self.infos: list[PluginInfo] = []
        for entry_point in sorted(entry_points, key=lambda point: point.name):
            self.infos.append(self._load(entry_point))
        for kind in KINDS:
            getattr(self, kind).broken = [info for info in self.infos if info.error]

    def _load(self, entry_point: importlib.metadata.EntryPoint) -> PluginInfo:
        distribution = entry_point.dist
        error = ""
        try:
            self._collect(entry_point.name, entry_point.load())
        except Exception as problem:  # a broken plugin breaks only itself
            error = one_line(problem)
            for kind in KINDS:
                getattr(self, kind).remove(entry_point.name)
        return PluginInfo(
            name=entry_point.name,
            distribution=distribution.name if distribution else "",
            version=distribution.version if distribution else "",
            module=entry_point.value,
            error=error,
            registered=tuple(
                f"{kind}:{e.name}" for kind in KINDS for e in getattr(self, kind) if e.plugin == entry_point.name
            ),
        )

    def _collect(self, name: str, module: Any) -> None:
        # A manager of its own for each plugin: its hooks are checked against the specs, and a hook that raises
        # takes nobody else's along.
        manager = pluggy.PluginManager("bench")
        manager.add_hookspecs(hookspecs)
        manager.register(module, name=name)
        manager.check_pending()
        for kind in KINDS:
            registry: Registry = getattr(self, kind)

            def register(
                thing: str,
                target: str | tuple[str, ...],
                *,
                summary: str = "",
                aliases: tuple[str, ...] = (),
                registry: Registry = registry,
                **extra: str,
            ) -> None:
                registry.add(Entry(registry.kind, thing, target, name, summary, aliases, extra))

            getattr(manager.hook, f"register_{kind}")(register=register)


@lru_cache(maxsize=1)
def registry() -> Plugins:
    """The installed plugins, loaded once a process."""
    wanted = os.environ.get("BENCH_LOAD_PLUGINS")
    points = list(importlib.metadata.entry_points(group=GROUP))
    if wanted is not None:
        names = {name.strip() for name in wanted.split(",")}
        points = [point for point in points if point.name in names]
    modules = [name.strip() for name in os.environ.get("BENCH_PLUGINS", "").split(",") if name.strip()]
    points += [importlib.metadata.EntryPoint(name=module, value=module, group=GROUP) for module in modules]
    return Plugins(points)
