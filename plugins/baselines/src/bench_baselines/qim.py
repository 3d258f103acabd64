"""Quantization index modulation of the luminance's 8×8 DCT, with soft reading.

Chen and Wornell, "Quantization index modulation: a class of provably good methods for digital watermarking and
information embedding", IEEE Trans. Information Theory 47(4), 2001: a bit is sent by moving a coefficient to the
nearest point of one of two lattices, (k + 1/4) step for 0 and (k - 1/4) step for 1. An error below a quarter of a
step does no harm.
"""

import math
from functools import lru_cache

import numpy as np

from bench_baselines.transform import YCBCR, Array, Floats, Ints, dct_matrix

# The twelve frequencies, DC left out, that JPEG's luminance table (ITU-T T.81, table K.1) quantizes least. DC stays
# free, so that blocks at black or white can move away from the end of the range.
_ROWS = (0, 1, 1, 0, 2, 1, 2, 2, 0, 3, 3, 1)
_COLUMNS = (1, 0, 1, 2, 0, 2, 1, 2, 3, 0, 1, 3)
_DCT = dct_matrix(8)
_PASSES = 4


def slot_count(height: int, width: int) -> int:
    """How many bits a picture of this size takes; what is left of its sides after division by 8 carries none."""
    return (height // 8) * (width // 8) * len(_ROWS)


@lru_cache(maxsize=8)
def _places(slots: int) -> Ints:
    """Where each slot lies, neighbors far apart: steps of the golden ratio, which need no random generator."""
    stride = round(slots * (math.sqrt(5) - 1) / 2)
    while math.gcd(stride, slots) != 1:
        stride += 1
    return np.arange(slots) * stride % slots


def _coefficients(picture: Floats | Array) -> Floats:
    """The luminance's DCT, block rows × block columns × 8 × 8."""
    rows, columns = picture.shape[0] // 8, picture.shape[1] // 8
    luma = picture[: rows * 8, : columns * 8] @ YCBCR[0]
    return np.asarray(_DCT @ luma.reshape(rows, 8, columns, 8).transpose(0, 2, 1, 3) @ _DCT.T)


def embed(host: Array, bits: Ints, step: float) -> Array:
    """`host` (uint8 H×W×3) with `bits`, one for each slot; R, G and B change alike.

    Where a pixel leaves 0..255 it is clipped, which disturbs its block; so clipping and embedding are repeated (as
    projections onto the two sets).
    """
    rows, columns = host.shape[0] // 8, host.shape[1] // 8
    placed = np.empty(bits.size)
    placed[_places(bits.size)] = (0.25 - 0.5 * bits) * step
    offset = placed.reshape(len(_ROWS), rows, columns).transpose(1, 2, 0)
    picture = host.astype(np.float64)
    change = np.zeros((rows, columns, 8, 8))
    for _ in range(_PASSES):
        now = _coefficients(picture)[:, :, _ROWS, _COLUMNS]
        change[:, :, _ROWS, _COLUMNS] = np.rint((now - offset) / step) * step + offset - now
        pixels = (_DCT.T @ change @ _DCT).transpose(0, 2, 1, 3).reshape(rows * 8, columns * 8)
        picture[: rows * 8, : columns * 8] += pixels[:, :, None]
        picture = np.clip(picture, 0, 255)
    return np.rint(picture).astype(np.uint8)


def read(received: Array, step: float) -> Floats:
    """Log p(0)/p(1) of each slot of a received uint8 H×W×3 picture.

    A coefficient's place between lattice points is an angle, +90° for 0 and -90° for 1, and noise spreads it about
    as a von Mises distribution. How much is seen, for each of the frequencies, in the doubled angles, which do not
    depend on the bits (Mardia and Jupp, Directional Statistics, 2000, §3.5); so a channel that wipes out a
    frequency takes away its vote. The channel itself is not told.
    """
    angle = (2 * np.pi / step) * _coefficients(received)[:, :, _ROWS, _COLUMNS]
    double = np.maximum(-np.cos(2 * angle).mean(axis=(0, 1)), 0)
    # Twice what chance alone shows on average is subtracted.
    chance = 2 / (angle.shape[0] * angle.shape[1])
    length = np.sqrt(np.maximum(double**2 - chance, 0)) ** 0.25
    ratios = 2 * _concentration(length) * np.sin(angle)
    return np.asarray(ratios.transpose(2, 0, 1).ravel()[_places(ratios.size)])


def _concentration(length: Floats) -> Floats:
    """The von Mises concentration of a mean resultant length (Best and Fisher 1981; Mardia and Jupp, §5.3)."""
    r = np.clip(length, 1e-9, 0.9995)
    return np.select(
        [r < 0.53, r < 0.85],
        [2 * r + r**3 + 5 * r**5 / 6, -0.4 + 1.39 * r + 0.43 / (1 - r)],
        1 / (r**3 - 4 * r**2 + 3 * r),
    )
