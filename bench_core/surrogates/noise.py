"""Noise with a gradient: as the degradations of the same names, but drawn on tensors.

One numpy generator for each picture, on the CPU: torch's draws for a batch change with the size of the batch.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from bench_core.surrogates.precision import for_each, full_precision
from bench_core.surrogates.rounding import round8, straight_through

_DARKEST = 1e-4
"""Where √x is cut off in [0, 1], since its slope at 0 is infinite: 1/40 of a level."""


def normal_like(images: Tensor, rngs: Sequence[np.random.Generator]) -> Tensor:
    """Standard normal draws of the pictures' shape, each picture's from its own generator."""
    shape = tuple(images.shape[1:])
    drawn = [rng.standard_normal(shape, dtype=np.float32) for rng in for_each(rngs, images, "generators")]
    return torch.from_numpy(np.stack(drawn)).to(images)


def _column(values: float | Sequence[float], images: Tensor) -> Tensor:
    """One number for each picture, N×1×1×1."""
    given = for_each(values, images, "levels")
    return torch.tensor(given, dtype=images.dtype, device=images.device).reshape(-1, 1, 1, 1)


@full_precision
def gaussian(
    images: Tensor, sigma: float | Sequence[float], rngs: Sequence[np.random.Generator], *, eight_bit: bool = True
) -> Tensor:
    """Gaussian noise: x + sigma/255·N(0, 1), sigma on 0..255, one for all pictures or one for each; gradient 1.

    With `eight_bit`, clipped and rounded as a file would be, with gradient 1 too.
    """
    noisy = images + _column(sigma, images) / 255 * normal_like(images, rngs)
    return round8(noisy) if eight_bit else noisy


@full_precision
def poisson(
    images: Tensor,
    peak: float | Sequence[float],
    rngs: Sequence[np.random.Generator],
    *,
    counted: bool = False,
    eight_bit: bool = True,
) -> Tensor:
    """Shot noise with `peak` expected photons at white, one number for all pictures or one for each.

    By default x + √(x/peak)·N(0, 1): the Gaussian of the same variance, through which the gradient knows that darker
    samples are safer. With `counted`, photons are counted for real, and the gradient is 1.
    """
    peaks = _column(peak, images)
    if counted:
        mean = (images.detach().clamp_min(0) * peaks).cpu().numpy()
        drawn = zip(for_each(rngs, images, "generators"), mean, strict=True)
        photons = np.stack([rng.poisson(picture) for rng, picture in drawn])
        noisy = straight_through(torch.from_numpy(photons).to(images) / peaks, images)
    else:
        noisy = images + torch.sqrt(images.clamp_min(_DARKEST) / peaks) * normal_like(images, rngs)
    return round8(noisy) if eight_bit else noisy
