"""What a run writes for its reader: CSV files, TensorBoard's event files and sample pictures.

All of them go on after a resume: what came after the checkpoint's step is dropped first.
"""

import csv
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from bench_core.images import Array

LOG = "log.csv"
VALIDATION = "validation.csv"
TENSORBOARD = "tensorboard"
SAMPLES = "samples"

_SAMPLE = re.compile(r"(\d{6,})-.+\.png", re.ASCII)
_ROW = 8
_GAP = 2


class CsvLog:
    """One CSV file, a row at a time; columns that come later (another stage's) are added to the header."""

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        self.header: list[str] = []
        if path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.reader(file))
            self.header = rows[0] if rows else []
            kept = [row for row in rows[1:] if row and row[0].isdigit() and int(row[0]) <= step]
            self._rewrite(kept)

    def write(self, row: Mapping[str, float]) -> None:
        """Append one row; the first one brings the header."""
        if new := [name for name in row if name not in self.header]:
            rows = self._rows()
            self.header += new
            self._rewrite(rows)
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow([_cell(row.get(name)) for name in self.header])

    def _rows(self) -> list[list[str]]:
        if not self.path.exists():
            return []
        with self.path.open(newline="", encoding="utf-8") as file:
            return list(csv.reader(file))[1:]

    def _rewrite(self, rows: list[list[str]]) -> None:
        partial = self.path.with_name(self.path.name + ".part")
        with partial.open("w", newline="", encoding="utf-8") as file:
            filled = [row + [""] * (len(self.header) - len(row)) for row in rows]
            csv.writer(file).writerows([self.header, *filled] if self.header else filled)
        partial.replace(self.path)


class Logs:
    """All logs of a run's folder, from a step on. `missing` is a line about what is not written, or empty."""

    def __init__(self, folder: Path, step: int) -> None:
        self.folder = folder
        self.missing = ""
        self._training = CsvLog(folder / LOG, step)
        self._validation = CsvLog(folder / VALIDATION, step)
        for path in (folder / SAMPLES).glob("*.png"):
            if (match := _SAMPLE.fullmatch(path.name)) and int(match[1]) > step:
                path.unlink()
        self._board = self._open_board(step)

    def _open_board(self, step: int) -> Any:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            self.missing = "no TensorBoard files: tensorboard is not installed; pip install 'bench[train]'"
            return None
        folder = self.folder / TENSORBOARD
        # Readers drop what earlier files hold from the purged step on.
        return SummaryWriter(str(folder), purge_step=step + 1 if folder.exists() else None)

    def training(self, step: int, figures: Mapping[str, float]) -> None:
        """A row of `log.csv`, and the same figures for TensorBoard."""
        self._training.write({"step": step, **figures})
        self._scalars("train", step, figures)

    def validation(self, step: int, figures: Mapping[str, float]) -> None:
        """A row of `validation.csv`, and the same figures for TensorBoard."""
        self._validation.write({"step": step, **figures})
        self._scalars("validation", step, figures)

    def pictures(self, step: int, pictures: Mapping[str, Tensor]) -> None:
        """Sheets of pictures N×C×H×W in [0, 1] (C 1 or 3), as `samples/000500-NAME.png` and for TensorBoard."""
        (self.folder / SAMPLES).mkdir(exist_ok=True)
        for name, batch in pictures.items():
            drawn = sheet(batch)
            Image.fromarray(drawn).save(self.folder / SAMPLES / f"{step:06d}-{name}.png")
            if self._board is not None:
                self._board.add_image(name, drawn, step, dataformats="HWC" if drawn.ndim == 3 else "HW")

    def flush(self) -> None:
        """Put TensorBoard's figures on the disk; the CSV files are there already."""
        if self._board is not None:
            self._board.flush()

    def close(self) -> None:
        """Flush and end TensorBoard's file."""
        if self._board is not None:
            self._board.close()

    def _scalars(self, group: str, step: int, figures: Mapping[str, float]) -> None:
        if self._board is not None:
            for name, value in figures.items():
                self._board.add_scalar(f"{group}/{name}", value, step)


def sheet(pictures: Tensor) -> Array:
    """Pictures N×C×H×W in [0, 1] side by side, at most 8 a row, with white gaps; uint8 H×W×3, or H×W where C is 1."""
    tiles = (pictures.detach().float().clamp(0, 1) * 255).round().byte().cpu().permute(0, 2, 3, 1).numpy()
    count, height, width, channels = tiles.shape
    across = min(count, _ROW)
    down = math.ceil(count / across)
    drawn = np.full((down * (height + _GAP) - _GAP, across * (width + _GAP) - _GAP, channels), 255, dtype=np.uint8)
    for index, tile in enumerate(tiles):
        top, left = index // across * (height + _GAP), index % across * (width + _GAP)
        drawn[top : top + height, left : left + width] = tile
    return drawn[..., 0] if channels == 1 else drawn


def _cell(value: float | None) -> str | int:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else value
