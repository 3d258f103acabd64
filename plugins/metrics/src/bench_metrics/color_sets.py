"""Distributions of color: of a set of pictures' colorfulness, and of one picture's hues."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench_core.metric import Array, Metric, Score, SetMetric
from bench_core.randomness import keyed_generator
from bench_metrics.colorfulness import colorfulness
from bench_metrics.lab import lab
from bench_metrics.pairs import COLOR

Floats = np.ndarray[Any, np.dtype[np.floating[Any]]]
Counts = np.ndarray[Any, np.dtype[np.integer[Any]]]

RESAMPLES = 10_000
_NUMBERS_AT_ONCE = 1_000_000

_BIN = 10  # CIE Lab units, the grid of Zhang, Isola and Efros 2016
_HALF = 12  # bins on either side of gray: sRGB's a* and b* are within ±108
_BINS = 2 * _HALF + 1


class CciW1(SetMetric):
    """The Wasserstein-1 distance between the distributions of CCI over the estimates and over their references.

    In units of the CCI: by how much, on average, colorfulness has to be moved to make one set of pictures as colorful
    as the other. 0 for equal distributions, whichever picture has which colorfulness; never above the mean of
    `cci_abs_err`. Images weigh the same, however many repeats or secrets each has. The interval is the 95 % percentile
    bootstrap over images (both pictures of a pair together, 10,000 resamples, keyed by the run's seed); a distance
    cannot be negative, so that resampling pushes it up where the true one is near 0.
    """

    name = "cci_w1"
    direction = "lower"
    pairs = COLOR

    def describe(self, image: Array) -> Floats:
        """The colorfulness: one number."""
        return np.array([colorfulness(image)])

    def compare(self, estimates: Floats, references: Floats, images: Sequence[str], seed: int) -> Score:
        """The distance between N×1 and N×1, with its interval."""
        names, image_of = np.unique(np.asarray(images), return_inverse=True)
        distance = _Distance(estimates[:, 0], references[:, 0], image_of)
        once = np.ones((1, len(names)), np.int64)
        generator = keyed_generator(seed, "", -1, "bootstrap", 0)
        step = max(1, _NUMBERS_AT_ONCE // (2 * len(image_of)))
        resampled = [
            distance(
                generator.multinomial(len(names), np.full(len(names), 1 / len(names)), min(step, RESAMPLES - done))
            )
            for done in range(0, RESAMPLES, step)
        ]
        low, high = np.percentile(np.concatenate(resampled), (2.5, 97.5))
        return Score(float(distance(once)[0]), {"low": float(low), "high": float(high), "n": len(names)})


class _Distance:
    """W1 of weighted samples, for many weightings at once: the area between the two distribution functions."""

    def __init__(self, first: Floats, second: Floats, image_of: Counts) -> None:
        values = np.concatenate([first, second])
        order = np.argsort(values, kind="stable")
        share = 1 / np.bincount(image_of)[image_of]  # of its image's weight, for each row
        self._gaps = np.diff(values[order])
        self._signed = np.concatenate([share, -share])[order]
        self._image_of = np.concatenate([image_of, image_of])[order]

    def __call__(self, counts: Counts) -> Floats:
        """One distance a row of `counts`, B×images: how often each image is in the sample."""
        steps = counts[:, self._image_of[:-1]] * self._signed[:-1]
        between: Floats = np.abs(np.cumsum(steps, axis=1)) @ self._gaps / counts.sum(axis=1)
        return between


class HistAb(Metric):
    """How much of two pictures' colors is shared: the intersection of their joint histograms of a* and b*, 0 to 1.

    Σ min(p, q), of shares p and q of the pixels (Swain and Ballard 1991), over bins of 10×10 CIE Lab units centered on
    gray. 1 for the same colors in the same shares, wherever they are in the picture; a gray picture has one color.
    """

    name = "hist_ab"
    worst = 0.0
    pairs = COLOR

    def prepare(self, reference: Array) -> Counts:
        """The reference's pixels for each of 25·25 bins."""
        return _ab_histogram(reference)

    def measure(self, estimate: Array, prepared: Counts) -> Score:
        """Score a uint8 H×W×C picture."""
        return Score(int(np.minimum(_ab_histogram(estimate), prepared).sum()) / int(prepared.sum()))


def _ab_histogram(image: Array) -> Counts:
    a, b = (np.rint(lab(image)[:, :, channel].ravel() / _BIN).astype(np.intp) + _HALF for channel in (1, 2))
    return np.bincount(a * _BINS + b, minlength=_BINS**2)
