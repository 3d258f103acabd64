"""Pictures of 32×32, kept as uint8, and their gray versions."""

from collections.abc import Sequence

import cv2
import numpy as np

from bench_autoencoder.config import SIDE
from bench_core.images import luminance
from bench_core.photos import Pixels, center_crop, each_photo, held_out_places
from bench_core.randomness import keyed_generator


def thumbnail(photo: Pixels) -> Pixels:
    """A photo H×W×3 as uint8 32×32×3: its center square, averaged over areas. One of that size passes unchanged."""
    if photo.shape[:2] == (SIDE, SIDE):
        return photo
    square = np.ascontiguousarray(center_crop(photo, min(photo.shape[:2])))
    return np.asarray(cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def load_thumbnails(specs: Sequence[str], option: str) -> Pixels:
    """The pictures of data sets as uint8 N×32×32×3; RequestError as `load_photos`."""
    # Photos are let go one by one, and no list is kept beside the array.
    thumbnails = (thumbnail(photo) for spec in specs for photo in each_photo(spec, option))
    return np.fromiter(thumbnails, dtype=np.dtype((np.uint8, (SIDE, SIDE, 3))))


def to_gray(color: Pixels, mode: str) -> Pixels:
    """8-bit gray pictures N×32×32×1 of N×32×32×3.

    `luma` is BT.601's; `bgr_bug` weighs red as blue and blue as red, as the report's code did, which took RGB as BGR.
    """
    ordered = color[..., ::-1] if mode == "bgr_bug" else color
    count, height, width, channels = ordered.shape
    return luminance(ordered.reshape(count * height, width, channels)).reshape(count, height, width, 1)


def split(pictures: Pixels, seed: int) -> tuple[Pixels, Pixels]:
    """Pictures to train on and, drawn by the seed, a tenth of them to validate on (5,000 of CIFAR-10's 50,000).

    RequestError for fewer than two.
    """
    first, rest = held_out_places(len(pictures), seed)
    return pictures[first], pictures[rest]


def at_most(pictures: Pixels, count: int, seed: int) -> Pixels:
    """`count` pictures drawn by the seed, or all where there are no more or the count is 0."""
    if not count or len(pictures) <= count:
        return pictures
    return pictures[np.sort(keyed_generator(seed, "pictures", 0, "", 0).permutation(len(pictures))[:count])]
