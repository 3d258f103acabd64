"""How well a detector tells containers from covers: its smallest error, with an interval, and its ROC curve."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from bench_core.metric import Score
from bench_core.randomness import keyed_generator
from bench_core.statistics import RESAMPLES, wilson

Floats = np.ndarray[Any, np.dtype[np.floating[Any]]]
Ints = np.ndarray[Any, np.dtype[np.integer[Any]]]

_COUNTS_AT_ONCE = 2_000_000


def detection(stegos: Floats, covers: Floats, images: Sequence[str], seed: int) -> Score:
    """P_E = min over thresholds of (P_FA + P_MD) / 2, 0..0.5, of a detector that gave these N + N scores.

    High scores are for containers. 0.5 is what a detector gets that sees nothing, and one that is wrong more often than
    right. Details:

    - `auc`: area under the ROC curve, ties counted half; `tpr_at_fpr_1`: the share of containers found at the highest
      false alarm rate of at most 1 % (with fewer than 100 covers: at none).
    - `n` images, and `low` and `high`, the 95 % interval: the basic bootstrap over images (Davison and Hinkley 1997,
      5.2), since the smallest error of so many thresholds is biased down and its percentile interval would miss 0.5
      nearly always; reaching up at least as far as Wilson's interval of as many errors in 2n decisions, because
      resampling cannot show an error that never occurred. In simulations it holds the truth nine times in ten.
    - `significant_below`: a detector that guesses gets below this one time in twenty (Smirnov's one-sided two-sample
      test, of which 1 - 2 P_E is the statistic).
    """
    names, image = np.unique(np.asarray(images), return_inverse=True)
    n = len(names)
    scores = np.concatenate([covers, stegos])
    order = np.argsort(scores, kind="stable")
    # A threshold lies between different scores only.
    ends = np.flatnonzero(np.append(np.diff(scores[order]) > 0, True))
    owner = np.concatenate([image, image])[order]
    sign = np.where(order < len(covers), 1, -1).astype(np.int32)

    def smallest_error(times: Ints) -> Floats:
        """P_E of B×n sets, in which each image stands so many times."""
        weights = times[:, owner] * sign
        apart = np.maximum(np.cumsum(weights, axis=1)[:, ends].max(axis=1), 0)
        error: Floats = (1 - apart / (np.abs(weights).sum(axis=1) / 2)) / 2
        return error

    value = float(smallest_error(np.ones((1, n), dtype=np.int32))[0])
    resampled = np.concatenate([smallest_error(times) for times in resamples(n, seed)])
    low, high = basic_interval(value, resampled, 0.0, 0.5)
    high = min(0.5, max(high, wilson(value, 2 * n)[1]))
    details = {
        "n": n,
        "low": low,
        "high": high,
        "auc": area_under_curve(stegos, covers),
        "tpr_at_fpr_1": _found_at(stegos, covers, 0.01),
        "significant_below": max(0.0, (1 - math.sqrt(math.log(20) / n)) / 2),
    }
    return Score(value, details)


def area_under_curve(stegos: Floats, covers: Floats) -> float:
    """The chance that a container scores higher than a cover, ties counted half."""
    ordered = np.sort(covers)
    below = np.searchsorted(ordered, stegos, "left") + np.searchsorted(ordered, stegos, "right")
    return float(below.mean() / (2 * len(covers)))


def _found_at(stegos: Floats, covers: Floats, false_alarms: float) -> float:
    allowed = math.floor(false_alarms * len(covers))
    return float(np.mean(stegos > np.sort(covers)[len(covers) - 1 - allowed]))


def resamples(n: int, seed: int) -> Iterator[Ints]:
    """10,000 bootstrap samples of n images, as how often each image is drawn: pieces of shape B×n.

    They depend on the seed and the number alone, so that figures of the same images are resampled alike.
    """
    generator = keyed_generator(seed, "", -1, "bootstrap", 0)
    step = max(1, _COUNTS_AT_ONCE // n)
    for start in range(0, RESAMPLES, step):
        count = min(step, RESAMPLES - start)
        drawn = generator.integers(0, n, (count, n)) + n * np.arange(count)[:, None]
        yield np.bincount(drawn.ravel(), minlength=count * n).reshape(count, n).astype(np.int32)


def basic_interval(value: float, resampled: Floats, least: float, most: float) -> tuple[float, float]:
    """The 95 % basic bootstrap interval: the percentile interval mirrored at the value.

    Cut to what is possible, and never without the value itself, which a strong bias can put outside.
    """
    low, high = np.percentile(resampled, (2.5, 97.5))
    return max(least, min(value, 2 * value - float(high))), min(most, max(value, 2 * value - float(low)))
