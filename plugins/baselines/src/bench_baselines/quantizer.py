"""Scalar quantizers of a Laplacian variable, and reading them back from uncertain bits."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from bench_baselines.transform import Floats, Ints

_RATE = np.sqrt(2.0)
"""The rate of the exponential magnitude of a Laplacian of unit variance."""


@dataclass(frozen=True)
class Quantizer:
    """A quantizer with 2^bits cells: the first bit is the sign, the others number the magnitude's cells."""

    bits: int
    edges: Floats
    """The inner edges of the magnitude's cells."""
    levels: Floats
    """What each index stands for: the mean of its cell."""
    log_prior: Floats
    """The logarithm of each index's probability."""
    distortion: float
    """The mean squared error."""

    def labels(self, index: Ints) -> Ints:
        """The bits of each index, most significant first: n×bits."""
        return (index[:, None] >> np.arange(self.bits - 1, -1, -1)) & 1

    def index(self, values: Floats) -> Ints:
        """The cell of each value (of unit variance)."""
        magnitude = np.searchsorted(self.edges, np.abs(values))
        return np.asarray(magnitude + (values < 0) * 2 ** (self.bits - 1), dtype=np.int64)

    def mean(self, ratios: Floats) -> Floats:
        """The mean of each value given log p(0)/p(1) of its bits, n×bits; 0 where the bits say nothing."""
        signs = 1.0 - 2.0 * self.labels(np.arange(self.levels.size))
        logits = ratios @ signs.T / 2 + self.log_prior
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(weights @ self.levels / weights.sum(axis=1))


@lru_cache
def quantizer(bits: int) -> Quantizer:
    """The quantizer of least squared error for a Laplacian of unit variance.

    Found by Lloyd's iteration (Max, IRE Trans. Information Theory 6, 1960; Lloyd, IEEE Trans. Information Theory
    28(2), 1982), with the exact cell means of the exponential distribution.
    """
    cells = 2 ** (bits - 1)
    edges = -2 * np.log1p(-np.arange(1, cells) / cells) / _RATE
    for _ in range(400):
        low = np.append(0, edges)
        tail = np.exp(-_RATE * np.append(low, np.inf))
        mass = tail[:-1] - tail[1:]
        moment = np.append((low + 1 / _RATE) * tail[:-1], 0)
        means = (moment[:-1] - moment[1:]) / mass
        edges = (means[1:] + means[:-1]) / 2
    return Quantizer(
        bits=bits,
        edges=edges,
        levels=np.concatenate([means, -means]),
        log_prior=np.log(np.concatenate([mass, mass]) / 2),
        distortion=float(1 - mass @ means**2),
    )
