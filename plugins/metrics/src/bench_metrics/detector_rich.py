"""A small rich model: how triples of neighboring residuals occur together, in a photo and in a container."""

from collections.abc import Callable
from typing import Any

import numpy as np

from bench_core.metric import Array

Ints = np.ndarray[Any, np.dtype[np.integer[Any]]]
Floats = np.ndarray[Any, np.dtype[np.floating[Any]]]

TRUNCATION = 2
"""Residuals are rounded to -2..2 steps."""

_LEVELS = 2 * TRUNCATION + 1


def _first(x: Ints) -> Ints:
    return x[:, 1:] - x[:, :-1]


def _second(x: Ints) -> Ints:
    return _first(_first(x))


def _third(x: Ints) -> Ints:
    return _first(_second(x))


def _square(x: Ints) -> Ints:
    """Ker and Böhme's 3×3 kernel -1 2 -1 / 2 -4 2 / -1 2 -1, which is minus the second difference both ways."""
    lines = _second(x)
    return -(lines[:-2] - 2 * lines[1:-1] + lines[2:])


RESIDUALS: tuple[tuple[Callable[[Ints], Ints], int], ...] = ((_first, 1), (_second, 2), (_third, 3), (_square, 4))
"""A high-pass filter along lines, of int16 H×W×C samples, and its quantization step."""


def features(image: Array) -> Floats:
    """How often each triple of quantized residuals occurs in a uint8 H×W×C picture: float32, 525 values (gray: 273).

    After the spatial rich model (Fridrich and Kodovský 2012) and its color version (Goljan, Fridrich, Cogranne 2014),
    cut down to what a few dozen pictures can train: residuals of order 1, 2, 3 and a square, quantized and truncated
    to -2..2; triples along and across the filter, the same for lines and columns and for all channels, and triples
    over R, G and B at one place. Triples that are mirror images or negatives of each other are one. Values are square
    roots of frequencies, which evens out their variances. Sides must be at least 6 pixels.
    """
    samples = image.astype(np.int16)
    views = (samples, samples.swapaxes(0, 1))
    found = []
    for residual, step in RESIDUALS:
        planes = [_quantized(residual(view), step) for view in views]
        found.append(_frequencies([_triples(plane, 1) for plane in planes], _SAME))
        if residual is not _square:  # of which along and across are the same, over both views
            found.append(_frequencies([_triples(plane, 0) for plane in planes], _SAME))
        if image.shape[2] == 3:
            found.append(_frequencies([_triples(plane, 2) for plane in planes], _NEGATED))
    vector: Floats = np.sqrt(np.concatenate(found)).astype(np.float32)
    return vector


def _quantized(residual: Ints, step: int) -> Ints:
    """0..4 for -2..2 steps; rounding is half to even, so that negatives stay negatives of each other."""
    levels = residual if step == 1 else np.rint(residual / np.float32(step))
    quantized: Ints = np.clip(levels, -TRUNCATION, TRUNCATION).astype(np.int16) + TRUNCATION
    return quantized


def _triples(levels: Ints, axis: int) -> Ints:
    """The number of each triple of neighbors along an axis, 0..124, counted."""
    first, second, third = (
        np.take(levels, range(start, levels.shape[axis] - 2 + start), axis=axis) for start in range(3)
    )
    codes = (first * _LEVELS + second) * _LEVELS + third
    counts: Ints = np.bincount(codes.ravel(), minlength=_LEVELS**3)
    return counts


def _frequencies(counts: list[Ints], merged: Ints) -> Floats:
    total = np.sum(counts, axis=0)
    frequencies: Floats = np.bincount(merged, weights=total) / total.sum()
    return frequencies


def _merged(*, mirrored: bool) -> Ints:
    """Which feature a triple belongs to, of those that are one up to sign (and direction)."""
    codes = np.arange(_LEVELS**3).reshape((_LEVELS,) * 3)
    alike = [codes, codes[::-1, ::-1, ::-1]]
    if mirrored:
        alike += [other.transpose(2, 1, 0) for other in alike]
    _, numbers = np.unique(np.min(alike, axis=0).ravel(), return_inverse=True)
    return numbers


_SAME = _merged(mirrored=True)
_NEGATED = _merged(mirrored=False)
