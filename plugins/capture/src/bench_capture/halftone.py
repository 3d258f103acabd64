"""AM halftone screens: threshold surfaces, kept for pictures of equal size, and the soft comparison with a tint.

A surface is (cos u + cos v) / 4 + 1/2 on axes turned by the ink's angle, brought to a uniform distribution by its own
quantiles, so that a tint of coverage a covers the share a of the paper.
"""

import threading
from collections import OrderedDict
from typing import Any

import cv2
import numpy as np

from bench_capture.tone import Plane

ANGLES = (15.0, 75.0, 0.0)
"""Degrees of the cyan, magenta and yellow screens."""

SLOPE = 12.0
"""Of the comparison: a dot's edge goes from paper to full ink over 1/12 of the threshold's range."""

SPREAD = 0.8
"""Sigma of the ink's spread, render pixels."""

_BINS = 4096
# Where a screen's period is a whole number of pixels, its samples take few values. Phases that are no simple fraction
# of a period keep those values apart, and with them the tints that the screen can print.
_PHASES = (0.7, 2.1)


def threshold_surface(height: int, width: int, frequency: float, angle: float) -> Plane:
    """Thresholds in 0..1, float32 height×width: `frequency` in cycles a render pixel, `angle` in degrees."""
    turn = np.deg2rad(angle)
    step = 2 * np.pi * frequency
    x, y = np.arange(width) * step, np.arange(height) * step
    waves = _wave(x * np.cos(turn) + _PHASES[0], y * np.sin(turn))
    waves += _wave(x * -np.sin(turn) + _PHASES[1], y * np.cos(turn))
    waves += np.float32(2)
    waves *= np.float32(_BINS / 4)
    bins = np.minimum(waves, _BINS - 1, out=waves).astype(np.uint16)
    counts = np.bincount(bins.ravel(), minlength=_BINS)
    ranks = (np.cumsum(counts) - counts / 2) / bins.size  # the middle of each bin's share
    thresholds: Plane = ranks.astype(np.float32)[bins]
    return thresholds


def _wave(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> Plane:
    """cos(x + y) on the grid, by the addition theorem: as many cosines as rows and columns, not pixels."""
    rows = np.stack([np.cos(y), -np.sin(y)], axis=1).astype(np.float32)
    columns = np.stack([np.cos(x), np.sin(x)]).astype(np.float32)
    wave: Plane = rows @ columns
    return wave


class SurfaceCache:
    """The latest threshold surfaces, up to `limit` bytes in all; shared between threads.

    A surface that is asked for twice at once may be computed twice; both are equal.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, int, float, float], Plane] = OrderedDict()

    def get(self, height: int, width: int, frequency: float, angle: float) -> Plane:
        """As `threshold_surface`; read-only, since it is shared."""
        key = (height, width, frequency, angle)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        surface = threshold_surface(height, width, frequency, angle)
        surface.flags.writeable = False
        with self._lock:
            self._kept[key] = surface
            while self.bytes > self.limit:
                self._kept.popitem(last=False)
        return surface

    @property
    def bytes(self) -> int:
        """What is kept, in bytes."""
        return sum(surface.nbytes for surface in self._kept.values())

    def clear(self) -> None:
        """Forget every surface."""
        with self._lock:
            self._kept.clear()


SURFACES = SurfaceCache(limit=96 << 20)


def screen(coverage: Plane, up: int, frequency: float, angle: float) -> Plane:
    """Print `coverage` (H×W, 0..1) as dots: float32 up·H × up·W in 0..1, `up` render pixels a pixel.

    The ink spreads by a Gaussian of `SPREAD`. The mean over a flat tint is its coverage, 0 and 1 exactly.
    """
    tint = enlarge(_compensated(coverage), up)
    height, width = tint.shape
    tint -= SURFACES.get(height, width, frequency, angle)
    tint *= np.float32(SLOPE)
    tint += np.float32(0.5)
    np.clip(tint, 0, 1, out=tint)
    spread: Plane = cv2.GaussianBlur(tint, (0, 0), SPREAD)
    return spread


def enlarge(plane: Plane, up: int) -> Plane:
    """Each pixel as a block of `up`×`up`: nothing moves, centers stay centers."""
    height, width = plane.shape
    size = (width * up, height * up)
    blocks: Plane = cv2.resize(plane, size, interpolation=cv2.INTER_NEAREST_EXACT)
    return blocks


def _compensated(coverage: Plane) -> Plane:
    """The level whose soft comparison with uniform thresholds has the mean `coverage`.

    The comparison is a ramp of width 2w = 1/slope. Near 0 it is cut off at one end and its mean is (level + w)² / 4w;
    without this, white would print 1 % of ink.
    """
    w = np.float32(0.5 / SLOPE)
    level = np.where(coverage < w, 2 * np.sqrt(w * coverage) - w, coverage)
    high = coverage > 1 - w
    return np.where(high, 1 + w - 2 * np.sqrt(w * (1 - coverage)), level).astype(np.float32)
