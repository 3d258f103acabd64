"""A screen with sub-pixels: from sRGB values to the light of its red, green and blue stripes.

Nothing here draws moire: it emerges where the camera's pixels sample the stripes.
"""

from collections.abc import Iterator

import numpy as np

from bench_capture.halftone import enlarge
from bench_capture.severities import Display
from bench_capture.tone import Plane, display_to_linear
from bench_core.degradation import Array

UP = 9
"""Render pixels a display pixel, on both axes: three a stripe, so that the black matrix between stripes is seen."""


def render(sheet: Array, display: Display) -> Iterator[Plane]:
    """Show a uint8 H×W×3 sheet: three planes of linear light, float32 9H×9W, white with the mean 1 + reflection."""
    height, width = sheet.shape[:2]
    light = display_to_linear(sheet)
    light *= np.float32(1 - display.black)
    light += np.float32(display.black)
    rows = lit(UP, (1 - display.fill_y) / 2, (1 + display.fill_y) / 2)
    for channel in range(3):
        center = (channel + 0.5) / 3
        columns = lit(UP, center - display.fill_x / 6, center + display.fill_x / 6)
        plane = enlarge(np.ascontiguousarray(light[:, :, channel]), UP)
        plane *= np.tile(columns / columns.mean(), width)
        plane *= np.tile(rows / rows.mean(), height)[:, None]
        plane += np.float32(display.reflection)
        yield plane


def lit(samples: int, start: float, end: float) -> Plane:
    """The share of each of a pixel's `samples` that is lit, where the light is on from `start` to `end`, in 0..1."""
    edges = np.clip(np.arange(samples + 1) / samples, start, end)
    return (np.diff(edges) * samples).astype(np.float32)
