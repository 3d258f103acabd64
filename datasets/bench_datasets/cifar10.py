"""`cifar10:DIR`: CIFAR-10 from its python batches, as they are published."""

import hashlib
import io
import logging
import lzma
import pickle
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from bench_core.dataset import Array, Dataset
from bench_core.errors import CellFailure, RequestError, one_line
from bench_core.weights_pickle import ArraysOnly
from bench_datasets.options import split_options

FOLDER = "cifar-10-batches-py"
ARCHIVE = "cifar-10-python.tar.gz"
META = "batches.meta"
SIDE = 32
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

SPLITS = {"test": ("test_batch",), "train": tuple(f"data_batch_{number}" for number in range(1, 6))}
"""The files of each split, in order; the first is what a run takes by default."""

MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
    META: "5ff9c542aee3614f3951f8cda6e48888",
}
"""Of the published files; torchvision's `CIFAR10` has the same ones."""

CARD = """\
CIFAR-10: 50,000 training and 10,000 test photos of 32×32 pixels in ten classes of equal size.
Alex Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", technical report, University of Toronto, 2009.
Not part of this project: https://www.cs.toronto.edu/~kriz/cifar.html states no license and asks for that citation.
"""

_LOG = logging.getLogger("bench")


class Cifar10(Dataset):
    """A split of CIFAR-10, held in memory; `text` is DIR, or DIR,split=train (default: split=test).

    DIR is the folder `cifar-10-batches-py`, the one that holds it, or the published archive (or the folder that holds
    it). Ids are `test/00042`, numbered in the order of the files. A file that is not as it was published is used, with
    a warning: others' copies have been packed again. Pickles are read without running anything in them.

    Raises:
        RequestError: where there are no such files, or one of them is no batch of CIFAR-10.
    """

    name = "cifar10"
    card = CARD

    def __init__(self, text: str) -> None:
        self._text = text
        path, options = split_options(text, ("split",), lambda path: path.exists())
        given = [value for _, value in options] or ["test"]
        if len(given) > 1 or given[0] not in SPLITS:
            raise RequestError(
                f"{self.spec}: split must be {' or '.join(SPLITS)}, given once; e.g. cifar10:{path},split=train"
            )
        self.split = given[0]
        files = self._read(Path(path).expanduser(), (*SPLITS[self.split], META))
        batches = [self._batch(name, files[name]) for name in SPLITS[self.split]]
        self._pictures = np.empty((sum(len(planes) for planes, _ in batches), SIDE, SIDE, 3), np.uint8)
        # From planes to pixels once, so that each picture is one piece of memory.
        np.concatenate([planes.transpose(0, 2, 3, 1) for planes, _ in batches], out=self._pictures)
        self._pictures.setflags(write=False)
        self._labels = [label for _, labels in batches for label in labels]
        self.classes = self._names(files[META]) if META in files else CLASSES
        self._places = {f"{self.split}/{place:05}": place for place in range(len(self._labels))}

    @property
    def spec(self) -> str:
        """`cifar10:` and the rest as it was typed."""
        return f"cifar10:{self._text}"

    def ids(self) -> list[str]:
        """`test/00000` to `test/09999`, or `train/00000` to `train/49999`."""
        return list(self._places)

    def load(self, image_id: str) -> dict[str, Any]:
        """`color`, uint8 32×32×3 (read-only: all are one piece of memory), and `class`, 0..9.

        Not as `label`, by which metrics score the answers of ImageNet's classifiers: these are other classes.

        Raises:
            CellFailure: `decode_failed`, for an unknown id.
        """
        place = self._places.get(image_id)
        if place is None:
            raise CellFailure("decode_failed", f"{image_id}: no such picture in {self.spec}")
        return {"color": self._pictures[place], "class": self._labels[place]}

    def _read(self, place: Path, names: tuple[str, ...]) -> dict[str, bytes]:
        """The files of these names, checked against what was published; batches.meta may be missing."""
        files = {}
        try:
            for found in (place, place / FOLDER, place / ARCHIVE):
                if found.is_file():
                    files = _members(found, names)
                elif found.is_dir():
                    files = {name: (found / name).read_bytes() for name in names if (found / name).is_file()}
                if files:
                    break
        except (OSError, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError) as error:
            raise RequestError(f"{self.spec}: cannot be read: {one_line(error)}") from error
        if missing := [name for name in names if name not in files and name != META]:
            some = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
            none = f"there are no python batches of CIFAR-10 ({FOLDER} or {ARCHIVE})"
            raise RequestError(
                f"{self.spec}: {some if files else none}; get them with: bench datasets fetch cifar10 -o DIR, "
                "then cifar10:DIR"
            )
        for name, content in files.items():
            if hashlib.md5(content, usedforsecurity=False).hexdigest() != MD5[name]:
                _LOG.warning("%s: %s is not the file that was published (another MD5)", self.spec, name)
        return files

    def _batch(self, name: str, content: bytes) -> tuple[Array, list[int]]:
        """The pictures N×3×32×32 and labels of one file."""
        batch = self._unpickled(name, content)
        pictures, labels = batch.get("data"), batch.get("labels")
        size = 3 * SIDE * SIDE
        if not (isinstance(pictures, np.ndarray) and pictures.dtype == np.uint8 and pictures.ndim == 2):
            raise RequestError(f"{self.spec}: {name} is no batch of CIFAR-10: it has no uint8 pictures N×{size}")
        if pictures.shape[1] != size or not isinstance(labels, list) or len(labels) != len(pictures):
            found = len(labels) if isinstance(labels, list) else "no"
            raise RequestError(
                f"{self.spec}: {name} is no batch of CIFAR-10: pictures {pictures.shape} and {found} labels"
            )
        if not all(type(label) is int and 0 <= label < len(CLASSES) for label in labels):
            raise RequestError(f"{self.spec}: {name} is no batch of CIFAR-10: labels must be numbers from 0 to 9")
        return pictures.reshape(-1, 3, SIDE, SIDE), labels

    def _names(self, content: bytes) -> tuple[str, ...]:
        names = self._unpickled(META, content).get("label_names")
        if not isinstance(names, list) or len(names) != len(CLASSES):
            raise RequestError(f"{self.spec}: {META} names no {len(CLASSES)} classes")
        return tuple(_text(name) for name in names)

    def _unpickled(self, name: str, content: bytes) -> dict[str, Any]:
        try:
            # The published files are of Python 2, whose texts are bytes.
            found = ArraysOnly(io.BytesIO(content), encoding="bytes").load()
            if not isinstance(found, dict):
                raise pickle.UnpicklingError(f"it holds a {type(found).__name__}, not a dict")
        except Exception as error:  # a broken pickle may raise anything
            raise RequestError(f"{self.spec}: {name} is no batch of CIFAR-10: {one_line(error)}") from error
        return {_text(key): value for key, value in found.items()}


def _text(key: Any) -> str:
    return key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)


def _members(archive: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    """Files out of an archive, whatever folder they are in there."""
    files = {}
    with tarfile.open(archive) as unrolled:
        for member in unrolled:
            name = PurePosixPath(member.name).name
            if name in names and (file := unrolled.extractfile(member)) is not None:
                files[name] = file.read()
    return files
