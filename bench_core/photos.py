"""Training photographs: decoded once into memory as uint8, and random crops of them."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bench_core.errors import CellFailure, RequestError
from bench_core.plugins import registry
from bench_core.randomness import keyed_generator

Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]

HELD_OUT = 12

_LOG = logging.getLogger("bench")


def load_photos(specs: Iterable[str], option: str = "--data", also: Sequence[str] = ()) -> list[Pixels]:
    """The color pictures of data sets such as `folder:photos`, uint8 H×W×3, in the sets' order.

    `also` names maps (`saliency`, `semantic`), which become further channels, so that whatever crops or turns a photo
    does so to its maps. A picture that cannot be read, or lacks such a map, is named in a warning and left out.
    RequestError, which names `option`, for an unknown set, or one without a usable picture.
    """
    return [photo for spec in specs for photo in each_photo(spec, option, also)]


def each_photo(spec: str, option: str = "--data", also: Sequence[str] = ()) -> Iterator[Pixels]:
    """The pictures of one data set as `load_photos` has them, one at a time, for those who keep less than all of each.

    RequestError as there; where no picture is usable, after the last.
    """
    try:
        dataset = registry().datasets.create(spec)
    except RequestError as error:
        raise RequestError(f"{option}: {problem}" for problem in error.problems) from None
    found = 0
    for image_id in dataset.ids():
        try:
            photo = _with_maps(dataset.load(image_id), image_id, also)
        except CellFailure as failure:
            _LOG.warning("%s: left out of training: %s", spec, failure.reason)
            continue
        found += 1
        yield photo
    if not found:
        maps = "".join(f",{name}=DIR" for name in also)
        what = f"with its {' and '.join(also)} map" if also else "that can be read"
        raise RequestError(f"'{spec}' holds no photo {what}; training needs some, e.g. {option} folder:photos{maps}")


def _with_maps(fields: Mapping[str, Any], image_id: str, also: Sequence[str]) -> Pixels:
    if lacking := [name for name in also if name not in fields]:
        raise CellFailure("decode_failed", f"{image_id}: no {' and no '.join(lacking)} map")
    return np.concatenate([fields["color"], *(fields[name] for name in also)], axis=2) if also else fields["color"]


def center_crop(photo: Pixels, size: int) -> Pixels:
    """The middle `size`×`size` pixels of a photo H×W×C that is at least as large."""
    top, left = ((side - size) // 2 for side in photo.shape[:2])
    return photo[top : top + size, left : left + size]


def held_out(photos: Sequence[Pixels], seed: int, together: int = 1) -> tuple[list[Pixels], list[Pixels]]:
    """Photos to train on, and up to 12 of them (a tenth, but the `together` that one trip takes) to validate on.

    RequestError where there are fewer than two trips take.
    """
    first, rest = held_out_places(len(photos), seed, HELD_OUT, together)
    return [photos[place] for place in first], [photos[place] for place in rest]


def held_out_places(count: int, seed: int, most: int | None = None, together: int = 1) -> tuple[list[int], list[int]]:
    """Of the places 0 to `count`, those to train on, in order, and a tenth to validate on, drawn by the seed.

    The tenth is at least `together`, and at most `most`. RequestError where `count` is less than twice `together`.
    """
    if count < 2 * together:
        raise RequestError(f"training needs at least {2 * together} photos, not {count}; add some, or another --data")
    order = keyed_generator(seed, "held-out", 0, "", 0).permutation(count).tolist()
    held = max(together, min(most or count, count // 10))
    return sorted(order[held:]), order[:held]


class Crops:
    """Random square crops of photos, flipped and turned at random, uint8 N×size×size×C for photos of C channels.

    A photo is drawn in proportion to its area, so that every pixel is as likely as any other. Photos smaller than
    the crop are left out; RequestError where none is left.
    """

    def __init__(self, photos: Sequence[Pixels], size: int) -> None:
        self.size = size
        self.photos = [photo for photo in photos if min(photo.shape[:2]) >= size]
        if not self.photos:
            raise RequestError(f"no training photo is at least {size} pixels wide and high; give larger photos")
        areas = np.array([photo.shape[0] * photo.shape[1] for photo in self.photos], dtype=np.float64)
        self._shares = areas / areas.sum()

    def draw(self, count: int, rng: np.random.Generator) -> Pixels:
        """`count` independent crops; MemoryError at once where they are more than memory holds."""
        try:
            crops = np.empty((count, self.size, self.size, self.photos[0].shape[2]), np.uint8)
        except (ValueError, OverflowError):  # more than addresses there are
            raise MemoryError(f"{count} crops of {self.size}×{self.size} pixels") from None
        for place, index in enumerate(rng.choice(len(self.photos), count, p=self._shares)):
            crops[place] = self._crop(int(index), rng)
        return crops

    def _crop(self, index: int, rng: np.random.Generator) -> Pixels:
        photo = self.photos[index]
        top, left = (int(rng.integers(0, side - self.size + 1)) for side in photo.shape[:2])
        crop = np.rot90(photo[top : top + self.size, left : left + self.size], int(rng.integers(4)))
        return crop[:, ::-1] if rng.integers(2) else crop
