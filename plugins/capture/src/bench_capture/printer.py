"""Ink on paper: from an sRGB sheet to its reflectance, in linear light, several render pixels a pixel."""

from collections.abc import Iterator

import cv2
import numpy as np

from bench_capture.halftone import ANGLES, enlarge, screen
from bench_capture.severities import Printer
from bench_capture.tone import Colors, Plane, srgb_to_linear
from bench_core.degradation import Array

UP = 4
"""Render pixels a container pixel; at 100 pixels an inch the render has 400 dots an inch."""

PPI = 100
"""Container pixels an inch of paper."""

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)  # of linear sRGB, ITU-R BT.709
_CELL = 8  # render pixels between two samples of the coarse grain


def render(sheet: Array, printer: Printer, halftone: bool, rng: np.random.Generator) -> Iterator[Plane]:
    """Print a uint8 H×W×3 sheet: three planes of linear reflectance, float32 4H×4W, for red, green and blue light.

    One plane at a time, since a plane is 16 times the sheet. Cyan absorbs red, magenta green, yellow blue; there
    is no black ink. `rng` draws the grain, which the three share.
    """
    height, width = sheet.shape[:2]
    grain = paper_grain(height * UP, width * UP, rng)
    grain *= np.float32(printer.grain)
    grain += np.float32(1)
    inks = coverages(sheet, printer.saturation)
    for ink, angle in zip(cv2.split(inks), ANGLES, strict=True):
        if halftone and printer.lpi is not None:
            printed = screen(ink, UP, printer.lpi / (PPI * UP), angle)
        else:
            printed = enlarge(ink, UP)
        plane = gain_tone(printed, printer.gain)
        plane *= np.float32(printer.black - printer.white)
        plane += np.float32(printer.white)
        plane *= grain
        yield plane


def coverages(sheet: Array, saturation: float) -> Colors:
    """The shares of cyan, magenta and yellow ink, float32 H×W×3 in 0..1, of a uint8 sRGB sheet.

    The gamut first pulls colors towards their luminance: Y + saturation (c - Y), in linear light.
    """
    linear = srgb_to_linear(sheet)
    gray = (linear @ _LUMINANCE)[:, :, None]
    inks: Colors = np.clip(1 - (gray + np.float32(saturation) * (linear - gray)), 0, 1)
    return inks


def gain_tone(coverage: Plane, gain: float) -> Plane:
    """Tone value increase: a + 4 gain a (1 - a), in place; `gain` is what 50 % gains."""
    increase = 1 - coverage
    increase *= coverage
    increase *= np.float32(4 * gain)
    coverage += increase
    return coverage


def paper_grain(height: int, width: int, rng: np.random.Generator) -> Plane:
    """Noise of about unit strength, float32 height×width: fibers of eight render pixels, and specks of one."""
    cells = rng.standard_normal((-(-height // _CELL) + 1, -(-width // _CELL) + 1), dtype=np.float32)
    coarse = cv2.resize(cells, None, fx=_CELL, fy=_CELL, interpolation=cv2.INTER_CUBIC)[:height, :width]
    specks = cv2.GaussianBlur(rng.standard_normal((height, width), dtype=np.float32), (0, 0), 1.0)
    noise: Plane = cv2.addWeighted(np.ascontiguousarray(coarse), 0.7, specks, 2.0, 0)
    return noise
