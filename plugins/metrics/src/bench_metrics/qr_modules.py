"""The modules of a QR code of known place: decoding-free, and smooth where decoders are all or nothing."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bench_core.errors import CellFailure
from bench_core.images import luminance
from bench_core.metric import Array

Bits = np.ndarray[Any, np.dtype[np.bool_]]
Floats = np.ndarray[Any, np.dtype[np.float64]]

_FINDER = np.ones((7, 7), dtype=bool)
_FINDER[1:6, 1:6] = False
_FINDER[2:5, 2:5] = True


@dataclass(frozen=True)
class Modules:
    """A symbol's place in a picture (top left corner and module size in pixels), and which modules are dark."""

    top: int
    left: int
    scale: int
    dark: Bits

    def means(self, image: Array) -> Floats:
        """The mean luma of the central half (of each direction) of every module, of a uint8 H×W×C picture."""
        count = len(self.dark)
        side = count * self.scale
        symbol = luminance(image)[self.top : self.top + side, self.left : self.left + side, 0]
        # The pixels whose centers lie in the central half; at least one a direction, whatever the scale.
        first = -((2 - self.scale) // 4)
        inside = slice(first, self.scale - first)
        cells = symbol.reshape(count, self.scale, count, self.scale)[:, inside, :, inside]
        means: Floats = cells.mean(axis=(1, 3), dtype=np.float64)
        return means

    def error(self, image: Array) -> float:
        """The fraction of modules on the wrong side of Otsu's threshold over the modules' means, 0..1."""
        means = self.means(image)
        return float(np.mean((means < otsu(means)) != self.dark))


def locate(reference: Array) -> Modules:
    """Find the modules of an untouched code: upright, dark on light, whole pixels a module, nothing beside it.

    Raises:
        CellFailure: `skipped_unsupported`, where the picture is no such code.
    """
    black = luminance(reference)[:, :, 0] < 128
    rows, columns = np.flatnonzero(black.any(axis=1)), np.flatnonzero(black.any(axis=0))
    if not rows.size:
        raise _no_code()
    top, left, side = int(rows[0]), int(columns[0]), int(rows[-1] - rows[0] + 1)
    symbol = black[top : top + side, left : left + side]
    # The finder pattern's first line is seven dark modules and a light one.
    run = int(np.argmin(symbol[0])) if not symbol[0].all() else 0
    scale = run // 7
    if columns[-1] - columns[0] + 1 != side or run % 7 or not scale or side % scale:
        raise _no_code()
    dark = symbol[scale // 2 :: scale, scale // 2 :: scale]
    count = side // scale
    found = all(np.array_equal(part, _FINDER) for part in (dark[:7, :7], dark[:7, -7:], dark[-7:, :7]))
    if count < 21 or count > 177 or count % 4 != 1 or not found:
        raise _no_code()
    if not np.array_equal(np.kron(dark, np.ones((scale, scale), dtype=bool)), symbol):
        raise _no_code()
    return Modules(top, left, scale, dark)


def otsu(values: Floats) -> float:
    """Otsu's threshold (1979): it splits `values` so that the variance between the two classes is largest.

    Halfway between the classes; of equal values, that value itself. Exact, without a histogram's bins.
    """
    ordered = np.sort(values, axis=None)
    below = np.arange(1, ordered.size)
    sums = np.cumsum(ordered)[:-1]
    spread = (sums - ordered.mean() * below) ** 2 / (below * (ordered.size - below))
    best = int(np.argmax(spread))
    return float(ordered[best] + ordered[best + 1]) / 2


def _no_code() -> CellFailure:
    return CellFailure(
        "skipped_unsupported",
        "the reference is no QR code with whole pixels a module; hide some with --secrets qr",
    )
