"""From a data set's pictures to a task's samples: `--size`, `--limit`, and which secret goes into which host."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from bench_core.dataset import Dataset
from bench_core.errors import CellFailure, RequestError, one_line
from bench_core.images import Array, digest, luminance
from bench_core.model import Sample
from bench_core.randomness import keyed_order
from bench_core.sizes import Size as Size
from bench_core.task import Task

CACHE_BYTES = 512 * 2**20
"""How much memory a set may use to keep decoded pictures."""


class DigestedSample(Sample):
    """A task's sample of one picture, with the content digest of all its fields.

    Pictures are read-only: they are shared with the cache, and a method must not change what it is scored against.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        state = hashlib.blake2b(digest_size=16)
        for name in sorted(self):
            content = self[name]
            text = digest(content) if isinstance(content, np.ndarray) else repr(content)
            state.update(f"{name}={text}\n".encode())
        self.digest = state.hexdigest()


class PictureCache:
    """The pictures of a data set at the size asked for, decoded when they are wanted, the last used kept.

    Safe to use from several threads, and picklable (without what it holds).
    """

    def __init__(self, dataset: Dataset, task: Task, size: Size | None, max_bytes: int) -> None:
        self.dataset, self.task, self.size, self.max_bytes = dataset, task, size, max_bytes
        self.__setstate__(self.__getstate__())

    def __getstate__(self) -> dict[str, Any]:
        return {key: getattr(self, key) for key in ("dataset", "task", "size", "max_bytes")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._held: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def fields(self, image_id: str) -> dict[str, Any]:
        """`color` and whatever else the task uses of one picture.

        Raises:
            CellFailure: `decode_failed`, where the picture cannot be read.
        """
        with self._lock:
            if image_id in self._held:
                self._held.move_to_end(image_id)
                return self._held[image_id]
        fields = self._read(image_id)
        with self._lock:
            if image_id not in self._held:
                self._held[image_id] = fields
                self._bytes += _bytes(fields)
            while self._bytes > self.max_bytes and len(self._held) > 1:
                self._bytes -= _bytes(self._held.popitem(last=False)[1])
        return fields

    def _read(self, image_id: str) -> dict[str, Any]:
        try:
            loaded = self.dataset.load(image_id)
            color = loaded["color"]
            if color.dtype != np.uint8 or color.ndim != 3 or color.shape[2] != 3 or color.size == 0:
                raise ValueError(f"color is {color.dtype} {color.shape}, not uint8 H×W×3")
        except CellFailure:
            raise
        except Exception as error:  # one bad picture of a plugin's set must not end the run
            raise CellFailure("decode_failed", f"{image_id}: {one_line(error)}") from error
        wanted = ("color", *self.task.optional)
        fields = {name: self._sized(name, loaded[name]) for name in wanted if loaded.get(name) is not None}
        if "gray" in self.task.fields:
            fields["gray"] = luminance(fields["color"])
        for value in fields.values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
        return fields

    def _sized(self, name: str, value: Any) -> Any:
        if self.size is None or not isinstance(value, np.ndarray):
            return value
        # Class numbers have no values in between.
        return self.size.apply(value, nearest=name == "semantic")


def _bytes(fields: Mapping[str, Any]) -> int:
    return sum(value.nbytes for value in fields.values() if isinstance(value, np.ndarray))


@dataclass(frozen=True)
class _Secrets:
    """Where secrets come from."""

    pictures: PictureCache

    def at(self, name: str, width: int, height: int) -> Array:
        """A secret of its host's size: drawn at it, or else resized to cover it and cut at the center."""
        try:
            drawn = self.pictures.dataset.draw(name, width, height)
        except CellFailure:
            raise
        except Exception as error:  # a set may come from anyone's plugin
            raise CellFailure("decode_failed", f"{name}: {one_line(error)}") from error
        if drawn is not None:
            if drawn.dtype != np.uint8 or drawn.shape != (height, width, 3):
                raise CellFailure("decode_failed", f"{name}: drawn as {drawn.dtype} {drawn.shape}, not uint8 H×W×3")
            return drawn
        covering: Array = Size(width, height, fit=True).apply(self.pictures.fields(name)["color"])
        return covering


class SampleSet(Mapping[str, DigestedSample]):
    """The samples of one run: image id -> sample, made when it is asked for. `build_samples` makes a set.

    `ids` are the pictures asked for that can be read, in the data set's order; `failures` says of every other
    one why not, by id; `pairing` says which secrets go into which host; `digests` has each sample's content
    digest, and `digest` is the one of the whole set, over its (id, digest) pairs. `fields` says what each sample
    holds: optional ones not all do.
    """

    def __init__(
        self,
        pictures: PictureCache,
        asked: list[str],
        everything: list[str],
        seed: int,
        secrets: int,
        secrets_from: PictureCache | None = None,
    ) -> None:
        self.task = pictures.task
        self.dataset = pictures.dataset
        self.size = pictures.size
        self.failures: dict[str, str] = {}
        self.pairing: dict[str, tuple[str, ...]] = {}
        self.digests: dict[str, str] = {}
        self.fields: dict[str, frozenset[str]] = {}
        self._pictures = pictures
        self._secrets = _Secrets(secrets_from or pictures)
        if self._hides and secrets_from is not None:
            self._pair_with(set(asked), keyed_order(seed, everything, "pairing"), secrets, seed)
        elif self._hides:
            self._pair(set(asked), keyed_order(seed, everything, "pairing"), secrets)
        else:
            for image_id in asked:
                if self._readable(image_id):
                    self._take(image_id)
        self.ids = tuple(image_id for image_id in asked if image_id in self.digests)
        self.failures = {image_id: self.failures[image_id] for image_id in asked if image_id in self.failures}
        pairs = "".join(f"{image_id}\x1f{self.digests[image_id]}\x1e" for image_id in sorted(self.ids))
        self.digest = hashlib.blake2b(pairs.encode(), digest_size=16).hexdigest()

    @property
    def _hides(self) -> bool:
        return "secret" in self.task.fields

    def _pair(self, asked: set[str], order: list[str], secrets: int) -> None:
        # Host after host in pairing order: so each picture is decoded once, however little memory there is.
        for position, host in enumerate(order):
            if host not in asked or not self._readable(host):
                continue
            followers = (order[(position + step) % len(order)] for step in range(1, len(order)))
            self.pairing[host] = tuple(islice(filter(self._readable, followers), secrets))
            if len(self.pairing[host]) < secrets:
                raise _too_few(self.dataset, len(self.pairing[host]) + 1, secrets, self.failures)
            self._take(host)

    def _pair_with(self, asked: set[str], order: list[str], secrets: int, seed: int) -> None:
        """Deal the pictures of another set to the hosts, in an order keyed as the hosts' is, around the end."""
        dealt = keyed_order(seed, self._secrets.pictures.dataset.ids(), "secrets")
        for position, host in enumerate(order):
            if host not in asked or not self._readable(host):
                continue
            names = [dealt[(position * secrets + step) % len(dealt)] for step in range(secrets)]
            self.pairing[host] = tuple(names)
            try:
                self._take(host)
            except CellFailure as failure:
                self.failures[host] = f"secret {', '.join(names)}: {failure.reason}"

    def _readable(self, image_id: str) -> bool:
        if image_id not in self.failures:
            try:
                self._pictures.fields(image_id)
            except CellFailure as failure:
                self.failures[image_id] = failure.reason
        return image_id not in self.failures

    def _take(self, image_id: str) -> None:
        sample = self._make(image_id)
        self.digests[image_id], self.fields[image_id] = sample.digest, frozenset(sample)

    def _make(self, image_id: str) -> DigestedSample:
        fields = self._pictures.fields(image_id)
        if not self._hides:
            return DigestedSample(fields)
        host: Array = fields["color"]
        parts = [self._secrets.at(name, host.shape[1], host.shape[0]) for name in self.pairing[image_id]]
        joined = np.concatenate(parts, axis=2)
        joined.setflags(write=False)
        return DigestedSample({"host": host, "secret": joined})

    def __getitem__(self, image_id: str) -> DigestedSample:
        if image_id not in self.digests:
            raise KeyError(image_id)
        return self._make(image_id)

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)


def build_samples(
    dataset: Dataset,
    task: Task,
    *,
    seed: int,
    size: Size | None = None,
    limit: int | None = None,
    secrets: int = 1,
    secrets_from: Dataset | None = None,
    cache_bytes: int = CACHE_BYTES,
) -> SampleSet:
    """The samples of `task` made of the pictures of `dataset`.

    Secrets: all pictures are put in an order keyed by (seed, id); the secrets of a host are the `secrets` readable
    pictures that follow it there, around the end. So no picture hides itself, the pairing does not depend on how
    the set is listed, and neither it nor a sample's digest changes with `limit`, which takes the first pictures as
    hosts. A secret of another size is resized to cover the host and cut at the center. With `secrets_from`, secrets
    are dealt from that set instead, in an order keyed by the seed; one that draws its pictures draws them at the size
    of the host.

    Raises:
        RequestError: where `limit` is no positive number, or too few pictures can be read.
    """
    if limit is not None and limit < 1:
        raise RequestError(f"--limit must be an integer >= 1, not {limit}; e.g. --limit 4")
    everything = dataset.ids()
    asked = everything if limit is None else everything[:limit]
    own_secrets = secrets if "secret" in task.fields and secrets_from is None else 0
    if own_secrets and len(everything) <= own_secrets:
        raise _too_few(dataset, len(everything), own_secrets, {})
    others = PictureCache(secrets_from, task, None, cache_bytes) if secrets_from else None
    samples = SampleSet(PictureCache(dataset, task, size, cache_bytes), asked, everything, seed, secrets, others)
    if not samples.ids:
        raise _too_few(dataset, 0, own_secrets, samples.failures)
    return samples


def _too_few(dataset: Dataset, readable: int, secrets: int, failures: Mapping[str, str]) -> RequestError:
    needs = f"{secrets + 1} readable pictures are needed" if secrets else "a readable picture is needed"
    why = (
        f"a host and {secrets} other{'s' if secrets > 1 else ''} to hide in it"
        if secrets
        else "there is nothing to score"
    )
    first = next(iter(failures.values()), "")
    broken = f" ({len(failures)} cannot be read: {first}{', …' if len(failures) > 1 else ''})" if failures else ""
    # Where pictures are there but none serves, the first reason says what to do; another set is no cure.
    cure = "" if failures and not readable else "; e.g. --dataset sample has enough"
    return RequestError(f"--dataset {dataset.spec}: {needs} ({why}), but it has {readable}{broken}{cure}")
