"""Covers for the tests of steganalysis, and the simplest ways to hide something in them."""

from functools import cache

import numpy as np
from skimage.data import astronaut, chelsea, coffee

SIDE = 128


@cache
def covers():
    """34 crops of 128×128 from three photos, uint8 N×128×128×3, no two overlapping."""
    return np.stack(
        [
            photo[top : top + SIDE, left : left + SIDE]
            for photo in (astronaut(), coffee(), chelsea())
            for top in range(0, photo.shape[0] - SIDE + 1, SIDE)
            for left in range(0, photo.shape[1] - SIDE + 1, SIDE)
        ]
    )


def names(count=None):
    """Image ids for the covers."""
    return [f"crop-{number:02}" for number in range(len(covers()) if count is None else count)]


def replaced(pictures, share, seed=0):
    """LSB replacement: random bits in a random share of the samples."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, pictures.shape, dtype=np.uint8)
    return np.where(rng.random(pictures.shape) < share, (pictures & 254) | bits, pictures)


def matched(pictures, rate, seed=0):
    """±1 embedding (LSB matching): a random share of the samples one up or one down, inside 0..255."""
    rng = np.random.default_rng(seed)
    change = np.where(rng.random(pictures.shape) < rate, rng.choice([-1, 1], pictures.shape), 0)
    moved = pictures.astype(int) + change
    return np.where((moved < 0) | (moved > 255), pictures - change, moved).astype(np.uint8)


def scored(metric, stegos, seed=0):
    """The metric's score for containers made of the covers."""
    one = metric()
    return one.compare(described(one, stegos), described_covers(metric), names(), seed)


def described(metric, pictures):
    """The metric's vectors of pictures, N×D."""
    return np.stack([metric.describe(picture) for picture in pictures])


@cache
def described_covers(metric):
    """The metric's vectors of the covers, made once; `metric` is its class."""
    return described(metric(), covers())
