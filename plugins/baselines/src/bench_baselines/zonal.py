"""Zonal transform coding: a picture as bits of known worth, and back from uncertain bits.

Of each channel of the secret (YCbCr), low frequencies of the DCT of the *whole* picture are quantized one by one,
with numbers of bits and copies that depend on the picture's size alone (zonal coding: Jayant and Noll, Digital
Coding of Waveforms, 1984, chapter 12). Nothing is entropy coded, so a wrong bit harms one coefficient and nothing
after it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from bench_baselines.quantizer import Quantizer, quantizer
from bench_baselines.transform import RGB, YCBCR, Array, Floats, Ints, dct_matrix

MAX_BITS = 7
MAX_COPIES = 12
COPY_SNR = 1.5
"""The signal to noise ratio (power) of one copy of a bit that the sharing out reckons with."""
SIDE = 256
"""Frequencies from here on are never sent."""

# Photos' spectra fall about as 1/f (Field, J. Opt. Soc. Am. A 4(12), 1987). A coefficient's root mean square is
# spread × sqrt(H W) × f^-slope, f in cycles a picture; the numbers are fitted to photos.
_MEAN = np.array([115.0, 0.0, 0.0])
_DC_SPREAD = (45.0, 12.0, 12.0)
_AC_SPREAD = (27.0, 6.0, 6.0)
_SLOPE = (1.17, 1.2, 1.2)


@dataclass(frozen=True)
class Plan:
    """What is sent of a picture of one size: each coefficient's place, scale and bits, and each slot's bit."""

    height: int
    width: int
    channel: Ints
    row: Ints
    column: Ints
    spread: Floats
    bits: Ints
    """How many bits each coefficient has; they follow one another in the coefficients' order."""
    order: Ints
    """The number of the bit that each slot carries."""

    @property
    def first(self) -> Ints:
        """The number of each coefficient's first bit."""
        return np.cumsum(self.bits) - self.bits

    @property
    def bit_count(self) -> int:
        """How many different bits are sent."""
        return int(self.bits.sum())


@lru_cache(maxsize=8)
def make_plan(height: int, width: int, slots: int) -> Plan:
    """Share out `slots` among the bits of the coefficients, each where it lowers the expected error most.

    The nth copy of the jth bit of a coefficient of variance v is worth v (D(j-1) - D(j)) (U(n-1) - U(n)), where D
    is the distortion of `quantizer` and U what n copies leave of a bit's power, `uncertainty`.
    """
    channel, row, column, spread = _spectrum(height, width, slots)
    distortion = np.array([1.0] + [quantizer(bits).distortion for bits in range(1, MAX_BITS + 1)])
    left = uncertainty(np.arange(MAX_COPIES + 1) * np.float64(COPY_SNR))
    worth = np.multiply.outer(spread**2, np.multiply.outer(-np.diff(distortion), -np.diff(left))).ravel()
    # Rounded, so that equal worths stay equal, and are shared out alike, on every machine.
    rank = np.rint(-np.log2(worth) * 2**20).astype(np.int64)
    last = np.partition(rank, slots - 1)[slots - 1]
    candidates = np.flatnonzero(rank <= last)
    best = candidates[np.argsort(rank[candidates], kind="stable")[:slots]]
    copies = np.bincount(best // MAX_COPIES, minlength=spread.size * MAX_BITS).reshape(-1, MAX_BITS)
    bits = (copies > 0).sum(axis=1)
    sent = bits > 0
    order = np.repeat(np.arange(bits.sum()), copies[copies > 0])
    return Plan(height, width, channel[sent], row[sent], column[sent], spread[sent], bits[sent], order)


def _spectrum(height: int, width: int, count: int) -> tuple[Ints, Ints, Ints, Floats]:
    """Channel, row, column and root mean square of the `count` coefficients expected to be the largest."""
    rows, columns = np.indices((min(height, SIDE), min(width, SIDE)))
    side = np.sqrt(height * width)
    frequency = np.hypot(rows / height, columns / width) * side
    slope = np.array(_SLOPE)[:, None, None]
    spread = np.array(_AC_SPREAD)[:, None, None] * side * np.maximum(frequency, 1.0) ** -slope
    spread[:, 0, 0] = np.array(_DC_SPREAD) * side
    largest = np.argsort(np.rint(-np.log2(spread.ravel()) * 2**20), kind="stable")[:count]
    channel, row, column = np.unravel_index(largest, spread.shape)
    return channel, row, column, spread.ravel()[largest]


def uncertainty(snr: Floats) -> Floats:
    """What is left of the power of a ±1 signal once it was seen in Gaussian noise: 1 - E[tanh(s + sqrt(s) Z)].

    Its minimum mean square error at the signal to noise ratio s (Guo, Shamai and Verdú, IEEE Trans. Information
    Theory 51(4), 2005, eq. 17).
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)
    return np.asarray(1 - np.tanh(snr[:, None] + np.sqrt(snr)[:, None] * nodes) @ (weights / weights.sum()))


def analyze(picture: Array, plan: Plan) -> Floats:
    """The plan's coefficients of a uint8 H×W×3 picture."""
    planes = np.moveaxis(picture @ YCBCR.T - _MEAN, 2, 0)
    rows, columns = int(plan.row.max()) + 1, int(plan.column.max()) + 1
    spectrum = dct_matrix(plan.height, rows) @ planes @ dct_matrix(plan.width, columns).T
    return np.asarray(spectrum[plan.channel, plan.row, plan.column])


def synthesize(coefficients: Floats, plan: Plan) -> Array:
    """The picture with these coefficients and no others, uint8 H×W×3."""
    rows, columns = int(plan.row.max()) + 1, int(plan.column.max()) + 1
    spectrum = np.zeros((3, rows, columns))
    spectrum[plan.channel, plan.row, plan.column] = coefficients
    planes = dct_matrix(plan.height, rows).T @ spectrum @ dct_matrix(plan.width, columns)
    picture: Array = np.rint(np.clip((np.moveaxis(planes, 0, 2) + _MEAN) @ RGB.T, 0, 255)).astype(np.uint8)
    return picture


def to_bits(coefficients: Floats, plan: Plan) -> Ints:
    """The bit of each slot: all copies of all bits of all coefficients."""
    sent = np.zeros(plan.bit_count, dtype=np.int64)
    for which, places, rule in _groups(plan):
        sent[places] = rule.labels(rule.index(coefficients[which] / plan.spread[which]))
    return sent[plan.order]


def from_ratios(ratios: Floats, plan: Plan) -> Floats:
    """The mean of each coefficient given log p(0)/p(1) of each slot.

    Where the slots say nothing it is 0: noise blurs the picture, and does not scramble it.
    """
    together = np.bincount(plan.order, weights=ratios, minlength=plan.bit_count).astype(np.float64)
    means = np.zeros(plan.bits.size)
    for which, places, rule in _groups(plan):
        means[which] = rule.mean(together[places])
    return means * plan.spread


def _groups(plan: Plan) -> Iterator[tuple[Ints, Ints, Quantizer]]:
    """Coefficients with equally many bits: which they are, where their bits are (n×bits), their quantizer."""
    for bits in np.unique(plan.bits).tolist():
        which = np.flatnonzero(plan.bits == bits)
        yield which, plan.first[which][:, None] + np.arange(bits), quantizer(bits)
