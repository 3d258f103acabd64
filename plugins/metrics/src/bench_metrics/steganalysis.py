"""Can a container be told from its cover? Untrained detectors (level 0) and a small trained one (level 1).

All of them are figures of a set: of the containers, against the covers they were made from.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from bench_core.metric import Array, Score, SetMetric
from bench_metrics.detector_error import basic_interval, detection, resamples
from bench_metrics.detector_folds import FOLDS, held_out_scores
from bench_metrics.detector_lsb import chi_square, regular_singular, sample_pairs
from bench_metrics.detector_rich import features
from bench_metrics.ssim import require_side

Floats = np.ndarray[Any, np.dtype[np.floating[Any]]]

SMALLEST = 16
"""The shortest side, in pixels, of a picture that is worth an analysis."""

REACH = 16
"""Differences of neighbors beyond ±16 share a bin of `steg_hist`."""


class _Untrained(SetMetric):
    """P_E of a score that needs no training: the mean of detectors' estimates, each cut to 0..1.

    0.5: undetectable, 0: every container found. See `bench_metrics.detector_error.detection` for the details.
    """

    pairs = ("container", "grayscale")
    least = 10
    detectors: ClassVar[dict[str, Callable[[Array], float]]] = {}

    def describe(self, image: Array) -> Floats:
        """Each detector's estimate for a uint8 H×W×C picture; CellFailure (`too_small`) below 16 pixels a side."""
        require_side(image, SMALLEST, self.name)
        return np.array([estimate(image) for estimate in self.detectors.values()])

    def compare(self, estimates: Floats, references: Floats, images: Sequence[str], seed: int) -> Score:
        """P_E of the mean estimate; where there are several detectors, each one's own stands in the details."""
        stegos, covers = np.clip(estimates, 0, 1), np.clip(references, 0, 1)
        score = detection(stegos.mean(axis=1), covers.mean(axis=1), images, seed)
        if len(self.detectors) > 1:
            for column, name in enumerate(self.detectors):
                score.details[name] = detection(stegos[:, column], covers[:, column], images, seed).value
        return score


class StegRs(_Untrained):
    """P_E of RS analysis (Fridrich, Goljan, Du 2001)."""

    name = "steg_rs"
    detectors = {"rs": regular_singular}


class StegSpa(_Untrained):
    """P_E of sample pair analysis (Dumitrescu, Wu, Wang 2003)."""

    name = "steg_spa"
    detectors = {"spa": sample_pairs}


class StegChi2(_Untrained):
    """P_E of the chi-square attack (Westfeld, Pfitzmann 1999)."""

    name = "steg_chi2"
    detectors = {"chi2": chi_square}


class Steg0(_Untrained):
    """P_E of the three together, fused as StegExpose does (Boehm 2014): the mean of what they estimate.

    They look for replaced least significant bits. Something else hidden leaves them blind, which is no security.
    """

    name = "steg0"
    detectors = {"rs": regular_singular, "spa": sample_pairs, "chi2": chi_square}


class StegHist(SetMetric):
    """How far embedding moves the histogram of differences between neighbors, 0..1; 0: not at all.

    Total variation distance between the mean histograms of containers and covers: half the sum of absolute
    differences. Differences of all channels, in lines and columns; beyond ±16 they share a bin. Details: `n` images,
    and the 95 % basic bootstrap interval `low`, `high`.
    """

    name = "steg_hist"
    direction = "lower"
    pairs = ("container", "grayscale")
    least = 10

    def describe(self, image: Array) -> Floats:
        """The histogram of a uint8 H×W×C picture: 33 frequencies; CellFailure (`too_small`) below 16 pixels a side."""
        require_side(image, SMALLEST, self.name)
        samples = image.astype(np.int16)
        steps = np.concatenate([np.diff(samples, axis=axis).ravel() for axis in (0, 1)])
        counts = np.bincount(np.clip(steps, -REACH, REACH) + REACH, minlength=2 * REACH + 1)
        frequencies: Floats = counts / counts.sum()
        return frequencies

    def compare(self, estimates: Floats, references: Floats, images: Sequence[str], seed: int) -> Score:
        """The distance of N×33 histograms from N×33 others, rows of one image averaged first."""
        names, image = np.unique(np.asarray(images), return_inverse=True)
        n = len(names)
        moved = np.stack([(estimates - references)[image == number].mean(axis=0) for number in range(n)])
        value = float(np.abs(moved.mean(axis=0)).sum() / 2)
        resampled = np.concatenate([np.abs(times @ moved / n).sum(axis=1) / 2 for times in resamples(n, seed)])
        low, high = basic_interval(value, resampled, 0.0, 1.0)
        return Score(value, {"n": n, "low": low, "high": high})


class Steg1(SetMetric):
    """P_E of a detector that is trained on the very method it is to find, and scored on other images.

    Features: `bench_metrics.detector_rich`; detector and splits: `bench_metrics.detector_folds`; figures:
    `bench_metrics.detector_error`. 0.5: undetectable, 0: every container found. An attacker with more pictures
    and a deep network finds more: a small P_E is a fact, a large one is not a proof.
    """

    name = "steg1"
    pairs = ("container", "grayscale")
    least = 20

    def describe(self, image: Array) -> Floats:
        """The features of a uint8 H×W×C picture; CellFailure (`too_small`) below 16 pixels a side."""
        require_side(image, SMALLEST, self.name)
        return features(image)

    def compare(self, estimates: Floats, references: Floats, images: Sequence[str], seed: int) -> Score:
        """P_E over held-out scores; details say besides how the detector was trained."""
        stegos, covers = held_out_scores(estimates, references, images, seed)
        score = detection(stegos, covers, images, seed)
        score.details.update(
            features=int(estimates.shape[1]), folds=min(FOLDS, score.details["n"]), trained_on_this_method=True
        )
        return score
