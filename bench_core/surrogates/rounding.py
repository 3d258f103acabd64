"""Roundings with a gradient. Real rounding has none: it is flat nearly everywhere."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from bench_core.surrogates.precision import for_each, full_precision

Rounding = Callable[[Tensor], Tensor]

ROUNDINGS = ("ste", "cubic", "fourier", "noise")


def straight_through(value: Tensor, gradient_of: Tensor) -> Tensor:
    """`value` forward, the gradient of `gradient_of` backward (Bengio, Léonard and Courville, 2013)."""
    return gradient_of + (value - gradient_of).detach()


@full_precision
def round8(images: Tensor) -> Tensor:
    """Clip to [0, 1] and round to the 1/255 grid, halves to even, as the harness does; gradient 1 everywhere."""
    return straight_through(images.clamp(0, 1).mul(255).round().div(255), images)


def nearest(x: Tensor) -> Tensor:
    """The nearest integer, halves away from zero as in libjpeg's quantizer (torch rounds them to even); no gradient."""
    x = x.detach()
    return torch.sign(x) * torch.floor(x.abs() + 0.5)


def ste(x: Tensor) -> Tensor:
    """Rounding with gradient 1."""
    return straight_through(nearest(x), x)


def cubic(x: Tensor) -> Tensor:
    """The cubic r + (x − r)³ with r the nearest integer: gradient 0 at integers, 3/4 half-way (Shin and Song, 2017)."""
    whole = nearest(x)
    return whole + (x - whole) ** 3


def fourier(x: Tensor, terms: int = 9) -> Tensor:
    """The truncated Fourier series x − (1/π)·Σ_{n=1..terms} ((−1)^{n+1}/n)·sin(2πnx) (Invertible-ISP, 9 terms; RIIS).

    Its gradient is 2·terms + 1 half-way between integers, and negative on nearly half of the line: clip gradients.
    """
    # Periodic but for x itself: the sines of the fraction keep their accuracy for large x.
    fraction = x - nearest(x)
    series = torch.zeros_like(x)
    for n in range(1, terms + 1):
        series = series + ((-1) ** (n + 1) / n) * torch.sin(2 * math.pi * n * fraction)
    return x - series / math.pi


def additive_noise(x: Tensor, rngs: Sequence[np.random.Generator]) -> Tensor:
    """Uniform noise: x + U(−½, ½), a generator for each picture. Far harsher than rounding where x is small."""
    generators = for_each(rngs, x, "generators")
    drawn = [rng.random(x.shape[1:], dtype=np.float32) - np.float32(0.5) for rng in generators]
    return x + torch.from_numpy(np.stack(drawn)).to(x)


def rounding(name: str, terms: int = 9, rngs: Sequence[np.random.Generator] = ()) -> Rounding:
    """The rounding of a name: `ste`, `cubic`, `fourier` (with `terms`) or `noise` (which draws from `rngs`).

    Raises:
        ValueError: for any other name, or `noise` without generators.
    """
    if name == "fourier":
        return partial(fourier, terms=terms)
    if name == "noise" and rngs:
        return partial(additive_noise, rngs=rngs)
    if name in ("ste", "cubic"):
        return {"ste": ste, "cubic": cubic}[name]
    raise ValueError(f"unknown rounding {name!r}, or one without generators; known: {', '.join(ROUNDINGS)}")
