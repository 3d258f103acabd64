"""`bench datasets fetch`: data sets that are published as files, got before a run; a run never fetches any itself."""

import shutil
import tarfile
import tempfile
from pathlib import Path

import click

from bench_core.cli.download_bar import download_bar
from bench_core.errors import BenchError, RequestError, one_line

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"


@click.group()
def datasets() -> None:
    """Get data sets that are published as files; a run never fetches any itself."""


@datasets.command()
@click.argument("name", type=click.Choice(["cifar10"]))
@click.option(
    "-o",
    "--output",
    required=True,
    envvar="BENCH_DATASETS_FETCH_OUTPUT",
    metavar="DIR",
    help="The folder to unpack to.",
)
@click.option(
    "--from",
    "source",
    envvar="BENCH_DATASETS_FETCH_FROM",
    metavar="FILE",
    help="Take it from the published archive, which is already here.",
)
def fetch(name: str, output: str, source: str | None) -> None:
    """Fetch a data set, check it, and unpack it into DIR.

    cifar10 is CIFAR-10 (163 MB), afterwards --dataset cifar10:DIR. What is there already is left alone; a download that
    was cut goes on. BENCH_OFFLINE=1 forbids the network.
    """
    folder = fetch_cifar10(Path(output).expanduser(), Path(source).expanduser() if source else None)
    click.echo(f"{name}: {folder}; use it with --dataset {name}:{output}")


def fetch_cifar10(place: Path, source: Path | None = None, url: str = URL, sha256: str = SHA256) -> Path:
    """Put CIFAR-10's python batches into the folder `place`, unless they are there, and return where they are.

    Raises:
        RequestError: where BENCH_OFFLINE forbids it, or `source` is not the published archive.
        BenchError: where it cannot be had or written; the line says what to do by hand.
    """
    from bench_core.provenance import file_digest
    from bench_core.weights import offline
    from bench_core.weights_download import download
    from bench_datasets.cifar10 import ARCHIVE, FOLDER, MD5

    folder = place / FOLDER
    if all((folder / name).is_file() for name in MD5):
        return folder
    by_hand = f"Elsewhere: download {url}; here: bench datasets fetch cifar10 -o {place} --from {ARCHIVE}"
    if source is not None and (not source.is_file() or file_digest(source) != sha256):
        other = "it is not the archive that was published (another SHA-256)"
        wrong = other if source.is_file() else "there is no such file"
        raise RequestError(f"--from {source}: {wrong}; e.g. --from {ARCHIVE}, from {url}")
    if source is None and offline():
        raise RequestError(f"BENCH_OFFLINE forbids fetching cifar10. {by_hand}")
    try:
        place.mkdir(parents=True, exist_ok=True)
        archive = source or place / ARCHIVE
        if source is None:
            try:
                with download_bar() as report:
                    download(url, sha256, archive, report)
            except BenchError as error:
                raise BenchError(f"cifar10 cannot be fetched: {error}. {by_hand}") from error
        _unpack(archive, folder)
        if source is None:
            archive.unlink()
    except OSError as error:
        raise BenchError(f"{place}: cannot be written: {error.strerror or one_line(error)}") from error
    return folder


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive whose one folder has the name of `folder`, which appears whole or not at all."""
    scratch = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=folder.parent))
    try:
        with tarfile.open(archive) as unrolled:
            unrolled.extractall(scratch, filter="data")
        if folder.exists():  # what is there is not all of it
            folder.rename(scratch / "incomplete")
        (scratch / folder.name).rename(folder)
    finally:
        shutil.rmtree(scratch)
