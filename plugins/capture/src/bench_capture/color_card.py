"""The color card around a slot: gray steps and colors of known value, and undoing what print and camera did to them.

The card stands between the markers, each value twice on opposite sides of the container, mirrored, so that light that
falls off from one side to the other cancels out.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import least_squares

from bench_capture.markers import MODULES, Array, Layout

FloatArray = np.ndarray[Any, np.dtype[np.float64]]
Color = tuple[int, int, int]

GRAYS: tuple[int, ...] = (0, 51, 102, 153, 204, 255)
COLORS: dict[str, Color] = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "cyan": (0, 255, 255),
    "magenta": (255, 0, 255),
    "yellow": (255, 255, 0),
}


_INSET = 0.25
_LEAST_CONTRAST = 4 / 255


class Region(NamedTuple):
    """A patch of the card: the container pixels x0 ≤ x < x1, y0 ≤ y < y1, and its true sRGB value."""

    x0: int
    y0: int
    x1: int
    y1: int
    value: Color


def card_regions(layout: Layout) -> list[Region]:
    """The card's patches: the six gray steps above and, mirrored, below; the six colors left and, mirrored, right."""
    grays: list[Color] = [(step, step, step) for step in GRAYS]
    colors = list(COLORS.values())
    x0, y0, x1, y1 = layout.box
    ring, quiet = layout.side, layout.quiet
    across, down = _slots(x0, x1, layout), _slots(y0, y1, layout)
    top, bottom, left, right = y0 - quiet - ring, y1 + quiet, x0 - quiet - ring, x1 + quiet
    regions = [
        Region(a, y, b, y + ring, value)
        for y, row in ((top, grays), (bottom, grays[::-1]))
        for (a, b), value in zip(across, row, strict=True)
    ]
    regions += [
        Region(x, a, x + ring, b, value)
        for x, column in ((left, colors), (right, colors[::-1]))
        for (a, b), value in zip(down, column, strict=True)
    ]
    return regions


def _slots(start: int, end: int, layout: Layout) -> list[tuple[int, int]]:
    """Three patches before the marker in the middle of an edge, and three after it."""
    middle = (start + end - layout.side) // 2
    parts = []
    for low, high in ((start, middle - layout.quiet), (middle + layout.side + layout.quiet, end)):
        edges = np.linspace(low, high, 4).round().astype(int).tolist()
        parts += [(edges[n], edges[n + 1]) for n in range(3)]
    return parts


@dataclass(frozen=True)
class Correction:
    """A curve for each channel: out = (gain · in + offset)^gamma, all on the scale 0..1."""

    gain: tuple[float, float, float]
    offset: tuple[float, float, float]
    gamma: tuple[float, float, float]
    residual: float
    """The rms of what is left of the gray steps' errors, in levels of 255."""

    def apply(self, image: Array) -> Array:
        """The corrected picture, uint8 H×W×3."""
        levels = np.arange(256) / 255
        curves = [_curve(np.array(part), levels) for part in zip(self.gain, self.offset, self.gamma, strict=True)]
        tables = [np.rint(np.clip(curve, 0, 1) * 255).astype(np.uint8) for curve in curves]
        return np.stack([table[image[:, :, channel]] for channel, table in enumerate(tables)], axis=2)


def _curve(parameters: FloatArray, level: FloatArray) -> FloatArray:
    gain, offset, gamma = parameters
    curve: FloatArray = np.clip(gain * level + offset, 1e-6, None) ** gamma
    return curve


def fit_correction(sheet: Array, layout: Layout) -> Correction:
    """The correction that takes what the card looks like on a rectified sheet to what it is.

    `sheet` is uint8 H×W×3 and covers `layout.sheet`. Used are the gray steps, the markers' black borders and the white
    of their quiet zones; the colors are for `color_error`.
    """
    seen, true = _gray_samples(sheet, layout)
    fitted = [_fit_channel(seen[:, channel], true) for channel in range(3)]
    left = np.concatenate([_curve(part, seen[:, channel]) - true for channel, part in enumerate(fitted)])
    gain, offset, gamma = (tuple(float(part[n]) for part in fitted) for n in range(3))
    return Correction(
        (gain[0], gain[1], gain[2]),
        (offset[0], offset[1], offset[2]),
        (gamma[0], gamma[1], gamma[2]),
        float(np.sqrt((left**2).mean()) * 255),
    )


def color_error(sheet: Array, layout: Layout) -> float:
    """The rms difference of the colored patches from their true values, in levels of 255."""
    wrong = [
        patch(sheet, layout, region) * 255 - region.value
        for region in card_regions(layout)
        if len(set(region.value)) > 1
    ]
    return float(np.sqrt(np.mean(np.square(wrong))))


def _fit_channel(seen: FloatArray, true: FloatArray) -> FloatArray:
    low, high = float(seen.min()), float(seen.max())
    if high - low < _LEAST_CONTRAST:  # nothing to stretch: the photo shows no card
        return np.array([1.0, 0.0, 1.0])
    gain = 1 / (high - low)
    offset = -gain * low
    found = least_squares(
        lambda parameters: _curve(parameters, seen) - true,
        np.array([gain, offset, 1.0]),
        # With room around the start at any contrast: least_squares refuses one that lies outside.
        bounds=([0.2, min(-2.0, 2 * offset), 0.3], [max(20.0, 2 * gain), 1.0, 3.0]),
    )
    parameters: FloatArray = found.x
    return parameters


def _gray_samples(sheet: Array, layout: Layout) -> tuple[FloatArray, FloatArray]:
    """What is seen (N×3) of which true gray (N), both 0..1; each step is the mean of its two places."""
    places: dict[int, list[FloatArray]] = {}
    for region in card_regions(layout):
        if len(set(region.value)) == 1:
            places.setdefault(region.value[0], []).append(patch(sheet, layout, region))
    borders, whites = [], []
    module = layout.side // MODULES
    for corners in layout.corners.values():
        x, y = (round(value) for value in corners[0] + 0.5)
        borders.append(patch(sheet, layout, Region(x, y, x + layout.side, y + module, (0, 0, 0))))
        white = Region(x, y - layout.quiet, x + layout.side, y, (255, 255, 255))
        whites.append(patch(sheet, layout, white))
    samples = [(np.mean(values, axis=0), step / 255) for step, values in places.items()]
    samples += [(np.mean(borders, axis=0), 0.0), (np.mean(whites, axis=0), 1.0)] if borders else []
    return np.stack([seen for seen, _ in samples]), np.array([true for _, true in samples])


def patch(sheet: Array, layout: Layout, region: Region) -> FloatArray:
    """The median color (0..1, one for each channel) of a region's middle half, clear of what blur mixes in.

    `sheet` is uint8 H×W×3 and covers `layout.sheet`.
    """
    dx, dy = (region.x1 - region.x0) * _INSET, (region.y1 - region.y0) * _INSET
    left, top = layout.sheet[:2]
    rows = slice(round(region.y0 + dy) - top, round(region.y1 - dy) - top)
    columns = slice(round(region.x0 + dx) - left, round(region.x1 - dx) - left)
    middle: FloatArray = np.median(sheet[rows, columns].reshape(-1, 3), axis=0) / 255
    return middle
