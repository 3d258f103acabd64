"""The gallery of a run: what was sent, what arrived, what came out of it, and the differences, made visible."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from bench_core.cli.tables import figure
from bench_core.images import Array, write_image
from bench_core.label_colors import shown_labels
from bench_core.provenance import digest_of
from bench_core.store.queries import Row, TripInfo
from bench_core.store.writer import picture_path
from bench_core.summary import natural_order
from bench_core.task import TASKS, Pair
from bench_leaderboard.degradations import label
from bench_leaderboard.runpage import seconds

GAIN = 10
"""How much differences are amplified: one of 26 levels is white."""

LABELS = "labels"

NAMES = {"carrier": "carrier", "received": "received"}


@dataclass(frozen=True)
class Picture:
    """One picture of the page; without `file`, its place says why it is not there."""

    caption: str
    alt: str
    file: str = ""
    width: int = 0
    height: int = 0
    scores: Sequence[str] = ()
    difference: bool = False


@dataclass(frozen=True)
class Trip:
    """What came of one image under one degradation."""

    degradation: str
    label: str
    anchor: str
    pictures: Sequence[Picture]
    facts: Sequence[str] = ()


@dataclass(frozen=True)
class GalleryImage:
    """One image: its sample and carrier, then a trip for each degradation."""

    name: str
    anchor: str
    sent: Sequence[Picture]
    facts: Sequence[str] = ()
    trips: Sequence[Trip] = field(default_factory=list)


class PictureShelf:
    """Puts pictures into the site's folder, each once; what an earlier site holds already is taken from there."""

    def __init__(self, kept: Path, folder: Path, earlier: Path | None = None) -> None:
        self.kept, self.folder, self.earlier = kept, folder, earlier
        self._sizes: dict[str, tuple[int, int]] = {}

    def picture(self, digest: str, labels: bool = False) -> tuple[str, int, int] | None:
        """The file name, width and height of a kept picture, or None where its file is gone.

        A map of class numbers (`labels`) is shown in colors: its numbers are all but black.
        """
        source = picture_path(self.kept, digest)
        name = f"labels-{digest}.png" if labels else f"{digest}.png"
        if name not in self._sizes:
            if not source.is_file():
                return None
            self.folder.mkdir(exist_ok=True)
            if labels:
                write_image(self.folder / name, shown_labels(_pixels(source)))
            else:
                shutil.copyfile(source, self.folder / name)
        return self._measured(name)

    def difference(self, estimate: str, reference: str, labels: bool = False) -> tuple[str, int, int] | None:
        """The amplified absolute difference of two kept pictures; None where one is gone or their shapes differ.

        Of two maps of class numbers (`labels`), white where they differ.
        """
        gain = 255 if labels else GAIN
        name = f"difference-{digest_of([estimate, reference, gain])}.png"
        if name in self._sizes:
            return self._measured(name)
        if self.earlier is not None and (self.earlier / name).is_file():
            self.folder.mkdir(exist_ok=True)
            shutil.copyfile(self.earlier / name, self.folder / name)
            return self._measured(name)
        paths = [picture_path(self.kept, digest) for digest in (estimate, reference)]
        if not all(path.is_file() for path in paths):
            return None
        first, second = (_pixels(path) for path in paths)
        if first.shape != second.shape:
            return None
        write_image(self.folder / name, amplified(first, second, gain))
        return self._measured(name)

    def _measured(self, name: str) -> tuple[str, int, int]:
        if name not in self._sizes:
            with Image.open(self.folder / name) as image:
                self._sizes[name] = image.size
        return (name, *self._sizes[name])


def amplified(estimate: Array, reference: Array, gain: int = GAIN) -> Array:
    """|estimate − reference| · gain, clipped, of two uint8 pictures."""
    difference = np.abs(estimate.astype(np.int32) - reference.astype(np.int32))
    bright: Array = np.minimum(difference * gain, 255).astype(np.uint8)
    return bright


def make_gallery(task: str, trips: Sequence[TripInfo], rows: Iterable[Row], shelf: PictureShelf) -> list[GalleryImage]:
    """The images of a run that have kept pictures, in order of their names."""
    shown = [trip for trip in trips if trip.repeat == 0 and trip.pictures]
    cells: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        if row.repeat == 0:
            cells.setdefault((row.image, row.degradation, row.pair), []).append(row)
    pairs = TASKS[task].pairs if task in TASKS else ()
    gallery = []
    for number, name in enumerate(dict.fromkeys(trip.image for trip in shown)):
        own = sorted((trip for trip in shown if trip.image == name), key=lambda trip: natural_order(trip.degradation))
        show = _Show(name, pairs, cells, shelf)
        gallery.append(
            GalleryImage(
                name,
                f"i{number}",
                show.sent(own[0]),
                _times(("encode", own[0].encode_s)),
                [show.trip(trip, f"i{number}-t{at}", own[0].pictures) for at, trip in enumerate(own)],
            )
        )
    return gallery


@dataclass(frozen=True)
class _Show:
    """Makes the pictures of one image."""

    image: str
    pairs: Sequence[Pair]
    cells: Mapping[tuple[str, str, str], Sequence[Row]]
    shelf: PictureShelf

    def sent(self, trip: TripInfo) -> list[Picture]:
        """The sample, the carrier, and what the hiding changed."""
        roles = [role for role in sorted(trip.pictures, key=natural_order) if role.startswith("sample.")]
        pictures = [self._kept(trip, role) for role in [*roles, "carrier"] if role in trip.pictures]
        for pair in self.pairs:
            if pair.before_channel:
                pictures += self._compared(trip, pair)
        return pictures

    def trip(self, trip: TripInfo, anchor: str, first: Mapping[str, str]) -> Trip:
        """What arrived and what came out, each with its difference."""
        pictures = []
        if trip.pictures.get("carrier") != first.get("carrier"):
            pictures.append(self._kept(trip, "carrier"))
        # What the channel gave besides, such as a simulated camera's photo, comes before what was made of it.
        pictures += [self._kept(trip, role) for role in sorted(trip.pictures) if role.startswith("channel.")]
        later = [pair for pair in self.pairs if not pair.before_channel]
        for pair in sorted(later, key=lambda pair: pair.output is not None):  # what arrived, then what came out
            roles = self._roles(trip, pair.estimate)
            scores = self._scores(trip, pair)
            if len(roles) > 1:
                scores = [f"mean {score}" for score in scores]
            pictures += [self._kept(trip, role, scores) for role in roles]
            pictures += self._compared(trip, pair)
        return Trip(trip.degradation, label(trip.degradation), anchor, pictures, _facts(trip))

    @property
    def _label_maps(self) -> set[str]:
        """The roles of maps of class numbers."""
        return {role for pair in self.pairs if pair.kind == LABELS for role in (pair.estimate, pair.reference)}

    def _roles(self, trip: TripInfo, source: str) -> list[str]:
        """`output.secret`, or `output.secret.1`, `output.secret.2` where several secrets were kept one by one."""
        return [
            role
            for role in sorted(trip.pictures, key=natural_order)
            if role == source or role.rpartition(".")[0] == source
        ]

    def _kept(self, trip: TripInfo, role: str, scores: Sequence[str] = ()) -> Picture:
        caption = _name(role)
        where = "" if role.startswith("sample.") or role == "carrier" else f" after {label(trip.degradation)}"
        alt = f"{caption} of {self.image}{where}"
        found = self.shelf.picture(trip.pictures[role], labels=role in self._label_maps)
        return Picture(caption, alt, *found, scores=scores) if found else Picture(caption, alt, scores=scores)

    def _compared(self, trip: TripInfo, pair: Pair) -> list[Picture]:
        pictures = []
        estimates, references = self._roles(trip, pair.estimate), self._roles(trip, pair.reference)
        for estimate, reference in zip(estimates, references, strict=False):
            labels = pair.kind == LABELS
            found = self.shelf.difference(trip.pictures[estimate], trip.pictures[reference], labels)
            caption = (
                f"where it differs from {_name(reference)}" if labels else f"difference to {_name(reference)} × {GAIN}"
            )
            where = "" if pair.before_channel else f" after {label(trip.degradation)}"
            both = f"{_name(estimate)} and {_name(reference)}"
            alt = f"where {both} differ" if labels else f"{GAIN} times the difference between {both}"
            alt += f" of {self.image}{where}"
            scores = self._scores(trip, pair) if pair.before_channel else ()
            if found:
                pictures.append(Picture(caption, alt, *found, scores=scores, difference=True))
            else:
                pictures.append(Picture(caption, alt, scores=scores, difference=True))
        return pictures

    def _scores(self, trip: TripInfo, pair: Pair) -> list[str]:
        return [_score(row) for row in self.cells.get((trip.image, trip.degradation, pair.name), ())]


def _score(row: Row) -> str:
    if row.status != "ok":
        return f"{row.metric}: {row.status}"
    if row.value is None:
        return f"{row.metric} {'identical' if row.details.get('identical') else '–'}"
    return f"{row.metric} {figure(row.value, row.metric, row.details.get('kind', 'mean'))}"


def _facts(trip: TripInfo) -> list[str]:
    size = trip.details.get("encoded_bytes")
    bytes_ = [f"{size:,} bytes".replace(",", " ")] if size is not None else []
    return bytes_ + _times(("degrade", trip.degrade_s), ("decode", trip.decode_s))


def _times(*steps: tuple[str, float | None]) -> list[str]:
    return [f"{step} {seconds(taken)}" for step, taken in steps if taken is not None]


def _name(role: str) -> str:
    kind, _, rest = role.partition(".")
    what = rest.replace(".", " ")
    return NAMES.get(role) or (f"recovered {what}" if kind == "output" else what)


def _pixels(path: Path) -> Array:
    with Image.open(path) as image:
        pixels: Array = np.array(image)
    return pixels.reshape(*pixels.shape[:2], -1)
