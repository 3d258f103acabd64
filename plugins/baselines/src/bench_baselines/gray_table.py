"""The table of `gray-lut`: the mean color of each gray level, counted over photos, as a CSV file."""

import csv
import io
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from bench_core.errors import RequestError
from bench_core.images import Array, luminance

Floats = np.ndarray[Any, np.dtype[np.float64]]

LEVELS = 256
HEADER = ("gray", "red", "green", "blue", "pixels")
MADE_BY = "bench train gray-lut --data folder:photos --out runs/gray-lut"

_PIXELS_AT_ONCE = 2**20


class ColorSums:
    """Sums up colors by gray level, 8-bit BT.601 luma as in the task (bench_core.images.luminance)."""

    def __init__(self) -> None:
        self.pixels = np.zeros(LEVELS, np.int64)
        self._sums = np.zeros((LEVELS, 3), np.int64)
        self._waiting: list[Array] = []
        self._count = 0

    def add(self, photo: Array) -> None:
        """Count a photo, uint8 H×W×3."""
        self._waiting.append(photo.reshape(1, -1, 3))
        self._count += photo.shape[0] * photo.shape[1]
        if self._count >= _PIXELS_AT_ONCE:  # small photos by the thousand are counted together
            self._take()

    def _take(self) -> None:
        if not self._waiting:
            return
        colors = np.concatenate(self._waiting, axis=1)
        self._waiting, self._count = [], 0
        levels = luminance(colors).ravel()
        self.pixels += np.bincount(levels, minlength=LEVELS)
        for channel in range(3):
            # Sums of whole numbers below 2^53: exact, in whatever order photos come.
            found = np.bincount(levels, weights=colors[0, :, channel], minlength=LEVELS)
            self._sums[:, channel] += found.astype(np.int64)

    def table(self) -> Floats:
        """The mean R, G and B of each level, 256×3 in 0..255.

        A level that no photo has gets its own gray, shifted as its neighbors are: linearly between the two nearest
        levels that were seen, and as the nearest one beyond them.
        """
        self._take()
        levels = np.arange(LEVELS)
        seen = np.flatnonzero(self.pixels)
        if not seen.size:
            raise ValueError("no photo was counted")
        shifts = self._sums[seen] / self.pixels[seen, None] - seen[:, None]
        filled = np.stack([np.interp(levels, seen, shifts[:, channel]) for channel in range(3)], axis=1)
        return np.clip(levels[:, None] + filled, 0, 255)


def count_colors(photos: Iterable[Array]) -> ColorSums:
    """The sums over photos, uint8 H×W×3 each."""
    sums = ColorSums()
    for photo in photos:
        sums.add(photo)
    return sums


def write_table(path: Path, sums: ColorSums) -> None:
    """Write a table as CSV, whole or not at all; missing folders are made.

    Raises:
        RequestError: for a place that cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for level, (color, pixels) in enumerate(zip(sums.table(), sums.pixels, strict=True)):
        writer.writerow([level, *(f"{value:.6f}" for value in color), int(pixels)])
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(text.getvalue(), encoding="utf-8")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise RequestError(f"{path}: cannot be written: {error.strerror or error}") from error


def read_table(path: Path) -> Floats:
    """The mean R, G and B of each level, 256×3 in 0..255.

    Raises:
        RequestError: for a file that is no such table.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
        levels = [int(row["gray"]) for row in rows]
        table = np.array([[float(row[name]) for name in HEADER[1:4]] for row in rows])
        right = levels == list(range(LEVELS)) and bool(((table >= 0) & (table <= 255)).all())
    except OSError as error:
        raise RequestError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (KeyError, TypeError, ValueError, csv.Error):
        right = False
    if not right:
        raise RequestError(
            f"{path} is no table of colors: it needs the columns gray, red, green, blue and the rows 0 to 255, "
            f"values from 0 to 255; e.g. {MADE_BY}"
        )
    return table
