"""Classical detectors of replaced least significant bits. None is trained; each estimates a share of used samples."""

import math
from typing import Any

import numpy as np
from scipy.special import gammaincc

from bench_core.metric import Array

Ints = np.ndarray[Any, np.dtype[np.integer[Any]]]
Floats = np.ndarray[Any, np.dtype[np.float64]]

PREFIXES = 20
"""The chi-square attack looks at the first 5 %, 10 %, … of a picture's lines."""

_LEAST_EXPECTED = 5
"""Counts below this are not near enough to normal for the chi-square statistic."""


def regular_singular(image: Array) -> float:
    """The share of samples that carry a bit, as RS analysis estimates it (Fridrich, Goljan, Du 2001).

    Groups of four neighbors in a line or a column, overlapping, with the mask 0 1 1 0; counts of all channels are added
    up before the equation is solved. About 0 for most photos, 1 for LSB replacement of every sample; not bounded.
    """
    samples = image.astype(np.int16)
    at_half, at_half_negative = _imbalance(samples)
    flipped, flipped_negative = _imbalance(samples ^ 1)
    # The paper's 2(d1 + d0)z² + (d-0 - d-1 - d1 - 3 d0)z + d0 - d-0 = 0 with p = z / (z - 1/2), written for p: of a
    # fully used picture z is infinite, and p simply 1.
    a = 2 * (flipped + at_half)
    b = at_half_negative - flipped_negative - flipped - 3 * at_half
    c = at_half - at_half_negative
    return smaller_root(a / 4 + b / 2 + c, -b / 2 - 2 * c, c)


def _imbalance(samples: Ints) -> tuple[int, int]:
    """Regular minus singular groups, under the flips 2k ↔ 2k+1 and under the shifted ones 2k-1 ↔ 2k."""
    plain = negative = 0
    for view in (samples, samples.swapaxes(0, 1)):
        first, second, third, fourth = (view[:, start : view.shape[1] - 3 + start] for start in range(4))
        rough = _variation(first, second, third, fourth)
        plain += _gain(_variation(first, second ^ 1, third ^ 1, fourth), rough)
        negative += _gain(_variation(first, ((second + 1) ^ 1) - 1, ((third + 1) ^ 1) - 1, fourth), rough)
    return plain, negative


def _variation(first: Ints, second: Ints, third: Ints, fourth: Ints) -> Ints:
    total: Ints = np.abs(second - first) + np.abs(third - second) + np.abs(fourth - third)
    return total


def _gain(changed: Ints, rough: Ints) -> int:
    return int(np.count_nonzero(changed > rough)) - int(np.count_nonzero(changed < rough))


def sample_pairs(image: Array) -> float:
    """The share of samples that carry a bit, by sample pair analysis (Dumitrescu, Wu, Wang 2003).

    All pairs of neighbors in lines and columns, of all channels together. About 0 for most photos, 1 for LSB
    replacement of every sample; not bounded.
    """
    samples = image.astype(np.int16)
    outward = inward = near = total = 0
    for view in (samples, samples.swapaxes(0, 1)):
        u, v = view[:, :-1], view[:, 1:]
        odd = (v & 1).astype(bool)
        outward += int(np.count_nonzero((u < v) ^ (odd & (u != v))))
        inward += int(np.count_nonzero((u > v) ^ (odd & (u != v))))
        near += int(np.count_nonzero((u >> 1) == (v >> 1)))
        total += u.size
    return smaller_root(near / 2, 2 * outward - total, inward - outward)


def chi_square(image: Array) -> float:
    """How alike the counts of 2k and 2k+1 are: the p-value of Westfeld and Pfitzmann's test (1999), 0..1.

    The mean over the first 5 %, 10 %, …, 100 % of the lines and over the channels, which for a message written from the
    top is about the share of the lines it fills. Scattered bits show only when they are many, and small or smooth
    pictures give the test too little to go by.
    """
    ends = np.linspace(0, len(image), PREFIXES + 1).round().astype(int)[1:]
    bands = np.split(image, ends[:-1])
    values = []
    for channel in range(image.shape[2]):
        counts = np.cumsum([np.bincount(band[:, :, channel].ravel(), minlength=256) for band in bands], axis=0)
        values += [_alike(prefix.reshape(128, 2).astype(np.float64)) for prefix in counts]
    return float(np.mean(values))


def _alike(pairs: Floats) -> float:
    expected = pairs.mean(axis=1)
    enough = expected >= _LEAST_EXPECTED
    if np.count_nonzero(enough) < 2:
        return 0.0
    statistic = np.sum((pairs[enough, 0] - expected[enough]) ** 2 / expected[enough])
    return float(gammaincc((np.count_nonzero(enough) - 1) / 2, statistic / 2))


def smaller_root(a: float, b: float, c: float) -> float:
    """The root of a p² + b p + c = 0 nearer to 0; of complex roots the real part; 0 where every p is one."""
    if a == 0:
        return -c / b if b else 0.0
    discriminant = b * b - 4 * a * c
    if discriminant <= 0:
        return -b / (2 * a)
    root = math.sqrt(discriminant)
    # The larger root without cancellation, and the smaller one from the product of the two.
    larger = (-b - math.copysign(root, b)) / (2 * a)
    return c / (a * larger)
