"""All photos of a session: those of the command line, read when they are first shown, and those that were uploaded."""

import itertools
import os
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from bench_core.errors import RequestError
from bench_core.images import Array, digest
from bench_semantic.colorize import PAD, Colorizer
from bench_semantic.editor.document import Document
from bench_semantic.editor.export import MAPS, Edit, read_folder, write_folder
from bench_semantic.editor.operations import Import, Operation
from bench_semantic.editor.pictures import read_map, read_photo, view_of_map, view_of_picture, view_shape
from bench_semantic.label_sets import ClassMap, LabelSet

MOST_UPLOADS = 20
"""How many uploaded photos are kept at a time."""

MOST_UPLOADED_PIXELS = 120_000_000
"""How many pixels the uploaded photos may have together."""

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"})
_KEPT = 4
"""How many photos that nobody touched stay in memory, and how many results."""

_PREDICTION = -1
"""In place of a revision: the map as it was predicted."""


class Superseded(Exception):
    """The map has changed since the result was asked for."""


class Unknown(Exception):
    """There is no such photo."""


@dataclass
class Photo:
    """A photo of the session. `path` is None where it was uploaded; `document` is None until it is first shown.

    `gray` is the digest of its gray picture, `pixels` their number where it was uploaded, and `used` grows with every
    use of it. Photos of one and the same gray picture share a document; who makes, changes or drops it holds `lock`.
    """

    number: int
    name: str
    path: Path | None
    document: Document | None = None
    gray: str = ""
    pixels: int = 0
    used: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def edited(self) -> bool:
        """Whether its map is another than the predicted one."""
        return self.document is not None and self.document.edited


class Workplace:
    """The photos, the networks, and the folder that edits are saved to (`out`, or None).

    The networks run in one thread of their own, one picture after the other; a result that is out of date before its
    turn comes is not computed. Everything else may be called from any thread.
    RequestError where `out` holds edits of other classes.
    """

    def __init__(self, colorizer: Colorizer, paths: Iterable[Path] = (), out: Path | None = None) -> None:
        self.colorizer, self.out = colorizer, out
        self._numbers, self._uses = itertools.count(1), itertools.count(1)
        self._lock = threading.RLock()
        self._photos: dict[int, Photo] = {}
        self._results: OrderedDict[tuple[int, int, bool], Array] = OrderedDict()
        self._saved = {} if out is None else read_folder(out, self.labels)  # what is in `out` now
        # As many threads of torch as this one has: the last bits of a result depend on it.
        self._networks = ThreadPoolExecutor(1, "networks", torch.set_num_threads, (torch.get_num_threads(),))
        for path in paths:
            self._add(file_name(path), path)

    @property
    def labels(self) -> LabelSet:
        """The classes."""
        return self.colorizer.labels

    @property
    def photos(self) -> list[Photo]:
        """All of them, in order."""
        with self._lock:
            return list(self._photos.values())

    @property
    def unsaved(self) -> list[Photo]:
        """Those whose map is not what is in `out`."""
        return [p for p in self.photos if p.document is not None and p.document.revision != p.document.saved]

    def find(self, number: int) -> Photo:
        """A photo by its number. Unknown where there is none."""
        with self._lock:
            if number not in self._photos:
                raise Unknown
            return self._photos[number]

    def open(self, number: int) -> tuple[Photo, Document]:
        """A photo and its document, which is made when it is first asked for: read, and its map predicted.

        RequestError where the file cannot be read.
        """
        photo = self.find(number)
        with photo.lock:
            document = self._opened(photo)
        self._forget(photo)
        return photo, document

    def upload(self, path: Path, name: str) -> Photo:
        """Take a photo whose bytes lie in a file of the server's; `name` is only shown.

        RequestError where it is no photo, or there are too many.
        """
        name = shown_name(name)
        gray = read_photo(path, name)
        with self._lock:
            kept = [photo for photo in self._photos.values() if photo.path is None]
            pixels = sum(photo.pixels for photo in kept) + gray.size
            if len(kept) >= MOST_UPLOADS or pixels > MOST_UPLOADED_PIXELS:
                raise RequestError(
                    f"{name}: {len(kept)} photos are uploaded, and at most {MOST_UPLOADS} with "
                    f"{MOST_UPLOADED_PIXELS // 1_000_000} megapixels together are kept; remove one first"
                )
            photo = self._add(name, None)
            photo.pixels = gray.size
            photo.lock.acquire()  # whoever opens it waits for the prediction
        try:
            self._begin(photo, gray)
        except BaseException:
            self._drop(photo.number)
            raise
        finally:
            photo.lock.release()
        return photo

    def remove(self, number: int) -> None:
        """Let go of an uploaded photo. RequestError for one of the command line's."""
        photo = self.find(number)
        if photo.path is not None:
            raise RequestError(f"{photo.name} is a file of the command line; only uploaded photos can be removed")
        self._drop(number)

    def apply(self, number: int, operation: Operation) -> tuple[Photo, Document]:
        """Do something to a photo's map."""
        photo = self.find(number)
        with photo.lock:  # or it could be let go of as untouched at this very moment
            document = self._opened(photo)
            document.apply(operation)
        self._forget(photo)
        return photo, document

    def load_map(self, number: int, path: Path, name: str) -> tuple[Photo, Document]:
        """Take a label PNG as a photo's map; RequestError where it does not fit."""
        _, document = self.open(number)
        name = shown_name(name)
        return self.apply(number, Import(read_map(path, name, self.labels, document.shape), name))

    def result(self, number: int) -> Array:
        """The photo colored by its map, uint8 H×W×3 with every pixel, as it is exported and replayed."""
        _, document = self.open(number)
        return self._networks.submit(self._color, number, document, *document.snapshot(), True).result()

    def view(self, number: int, revision: int | None = None) -> Array:
        """The same as large as the page shows it; Superseded where the map is no longer of that revision.

        That may turn out before it is computed, or when its turn comes. None is whatever revision is the newest.
        """
        _, document = self.open(number)
        current, classes = document.snapshot()
        if revision not in (None, current):
            raise Superseded
        return self._networks.submit(self._color, number, document, current, classes, False).result()

    def automatic(self, number: int) -> Array:
        """The photo colored by the predicted map, uint8 H×W×3, as large as the page shows it."""
        _, document = self.open(number)
        return self._networks.submit(self._color, number, document, _PREDICTION, document.predicted, False).result()

    def edits(self, numbers: Iterable[int] | None = None) -> list[Edit]:
        """What was made of the edited photos, one a picture, for an export; or of just those named, edited or not."""
        if numbers is None:
            chosen = [(photo, photo.document) for photo in self.photos if photo.edited]
        else:
            chosen = [self.open(number) for number in numbers]
        found = {p.gray: Edit(p.name, p.gray, d.snapshot()[1], d.operations) for p, d in chosen if d is not None}
        return list(found.values())

    def save(self) -> int:
        """Write all edits to `out`, and return their number.

        RequestError where no folder was given, or it cannot be written.
        """
        if self.out is None:
            raise RequestError("there is no folder to save to; start again with --out edits")
        with self._lock:
            seen = [(p.gray, p.document, p.document.revision) for p in self.photos if p.document is not None]
            edits = self.edits()
            write_folder(self.out, self.labels, edits, {gray for gray, _, _ in seen})
            for gray, document, revision in seen:
                document.saved = revision
                self._saved.pop(gray, None)
            self._saved.update({edit.gray: edit for edit in edits})
        return len(edits)

    def close(self) -> None:
        """Let the networks' thread end."""
        self._networks.shutdown(cancel_futures=True)

    def _add(self, name: str, path: Path | None) -> Photo:
        with self._lock:
            number = next(self._numbers)
            self._photos[number] = Photo(number, name, path)
            return self._photos[number]

    def _drop(self, number: int) -> None:
        with self._lock:
            self._photos.pop(number, None)
            self._drop_results(number)

    def _drop_results(self, number: int) -> None:
        for key in [key for key in self._results if key[0] == number]:
            del self._results[key]

    def _opened(self, photo: Photo) -> Document:
        """The document of a photo whose lock is held."""
        if photo.document is not None:
            return photo.document
        if photo.path is None:
            raise Unknown
        return self._begin(photo, read_photo(photo.path, photo.name))

    def _begin(self, photo: Photo, gray: Array) -> Document:
        predicted = self._networks.submit(self._predict, gray).result()
        content = digest(gray)
        with self._lock:
            twins = (other.document for other in self._photos.values() if other.gray == content)
            document = next((found for found in twins if found is not None), None)
            if document is None:
                saved = self._saved.get(content)
                if saved is None or saved.classes.shape != gray.shape[:2]:
                    document = Document(gray, predicted)
                else:
                    document = Document(gray, predicted, saved.classes, saved.operations)
            photo.gray, photo.document = content, document
        return document

    def _predict(self, gray: Array) -> ClassMap:
        if not self.colorizer.segments:
            return np.zeros(gray.shape[:2], np.uint8)
        return self.colorizer.segment(gray)

    def _color(self, number: int, document: Document, revision: int, classes: ClassMap, whole: bool) -> Array:
        """A result, in the networks' thread; the last few are kept."""
        if revision not in (_PREDICTION, document.revision):
            raise Superseded
        whole = whole or view_shape(document.shape) == document.shape
        key = (number, revision, whole)
        with self._lock:
            found = self._results.pop(key, None)
        if found is None:
            found = self._paint(document.gray, classes, whole)
        with self._lock:
            if number in self._photos:
                self._results[key] = found
            while len(self._results) > _KEPT:
                self._results.popitem(last=False)
        return found

    def _paint(self, gray: Array, classes: ClassMap, whole: bool) -> Array:
        if whole:
            return self.colorizer.paint(gray, classes)
        if self.colorizer.infer == PAD:  # the networks know things by their size in pixels
            return view_of_picture(self.colorizer.paint(gray, classes))
        # Colors are found on a small square either way; to lay them on 24 megapixels takes many seconds.
        return self.colorizer.paint(view_of_picture(gray), view_of_map(classes))

    def _forget(self, shown: Photo) -> None:
        """Let go of photos that can be read again as they were, but for the few that were used last."""
        with self._lock:
            shown.used = next(self._uses)
            idle = [photo for photo in self._photos.values() if photo is not shown and _can_be_read_again(photo)]
            idle.sort(key=lambda photo: photo.used)
            for photo in idle[: max(0, len(idle) - _KEPT)]:
                if not photo.lock.acquire(blocking=False):
                    continue  # somebody is at it
                try:
                    if _can_be_read_again(photo):  # nobody has been since it was looked at
                        photo.document = None
                        self._drop_results(photo.number)
                finally:
                    photo.lock.release()


def _can_be_read_again(photo: Photo) -> bool:
    return photo.path is not None and photo.document is not None and not photo.document.touched


def find_photos(paths: Iterable[Path], out: Path | None = None) -> Iterator[Path]:
    """The photo files of a command line: files as they are, and those of folders at any depth, sorted.

    Maps of edits in `out` are none, where that lies in such a folder.
    RequestError where something does not exist, or a folder has no photos.
    """
    maps = None if out is None else (out / MAPS).resolve()
    for path in paths:
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
            found = [p for p in found if p.parent.resolve() != maps]
            found = [p for p in found if not any(part.startswith(".") for part in p.relative_to(path).parts)]
            if not found:
                raise RequestError(f"{path}: the folder has no photos (PNG, JPEG, WebP, TIFF, …)")
            yield from found
        elif path.is_file():
            yield path
        else:
            raise RequestError(f"{path}: there is no such file or folder; e.g. bench sdc edit photo.jpg")


def file_name(path: Path) -> str:
    """The name of a file of the command line: what is not UTF-8 in it spelled with escapes, as `folder:` spells it."""
    return os.fsencode(path.name).decode("utf-8", "backslashreplace")


def shown_name(name: str) -> str:
    """A stranger's file name as it is shown: without folders or anything that cannot be seen, and not too long."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    seen = "".join(char for char in last if not unicodedata.category(char).startswith("C")).strip()
    return seen[:120] or "photo"
