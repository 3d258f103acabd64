"""Two folders of pictures, measured name by name and as sets."""

import json
from pathlib import Path
from typing import Any

import click
import numpy as np

from bench_core.errors import CellFailure, RequestError, as_failure
from bench_core.images import read_image
from bench_core.metric import Metric, SetMetric
from bench_core.statistics import Cell, Summary, summarize

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm"})


def show(estimates: Path, references: Path, metrics: dict[str, Metric], seed: int, as_json: bool) -> None:
    """Measure and print.

    Raises:
        RequestError: where no picture of one folder has its fellow in the other.
    """
    pairs = _pairs(estimates, references)
    results: dict[str, tuple[Summary, list[str]]] = {}
    for name, metric in metrics.items():
        cells = [_of_sets(metric, pairs, seed)] if isinstance(metric, SetMetric) else _one_by_one(metric, pairs)
        failures = dict.fromkeys(str(cell.details["error"]) for cell in cells if cell.status != "ok")
        results[name] = summarize(cells, kind=metric.kind, seed=seed), list(failures)
    if as_json:
        figures = {name: {**summary.as_dict(), "errors": errors} for name, (summary, errors) in results.items()}
        click.echo(json.dumps(figures, indent=2, allow_nan=False))
        return
    from bench_core.cli.tables import figure, print_table

    rows = []
    for name, (summary, errors) in results.items():
        mean, low, high = (figure(value, name, summary.kind) for value in (summary.mean, summary.low, summary.high))
        interval = "–" if summary.low is None else f"{low} … {high}"
        notes = [f"{count} {status}" for status, count in summary.failures.items()] + errors[:1]
        rows.append([name, mean, metrics[name].unit, interval, str(summary.n), ": ".join(notes)])
    print_table(["metric", "mean", "unit", "95 % interval", "n", "notes"], rows, right=["mean", "n"])


def _pairs(estimates: Path, references: Path) -> dict[str, tuple[Path, Path]]:
    """Files of both folders by their name without suffix."""
    left, right = _pictures(estimates), _pictures(references)
    names = sorted(left.keys() & right.keys())
    if not names:
        raise RequestError(
            f"{estimates} and {references}: no picture of one has the name of one in the other "
            f"({len(left)} and {len(right)} pictures); e.g. {estimates}/a.png and {references}/a.jpg"
        )
    alone = len(left) + len(right) - 2 * len(names)
    if alone:
        click.echo(f"{alone} pictures are in only one of the folders and are left out", err=True)
    return {name: (left[name], right[name]) for name in names}


def _pictures(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            name = path.relative_to(folder).with_suffix("").as_posix()
            if name in found:
                raise RequestError(f"{folder}: {found[name].name} and {path.name} have one name; remove one of them")
            found[name] = path
    return found


def _one_by_one(metric: Metric, pairs: dict[str, tuple[Path, Path]]) -> list[Cell]:
    cells = []
    for name, paths in pairs.items():
        try:
            estimate, reference = (read_image(path, str(path)) for path in paths)
            score = metric(estimate, reference)
            cells.append(Cell(name, score.value, details=score.details))
        except Exception as error:  # a metric may come from anyone's plugin
            cells.append(_failed(name, error))
    return cells


def _of_sets(metric: SetMetric, pairs: dict[str, tuple[Path, Path]], seed: int) -> Cell:
    try:
        described: list[Any] = [
            [metric.describe(read_image(path, str(path))) for path in side] for side in pairs.values()
        ]
        if len(pairs) < metric.least:
            raise CellFailure("skipped_unsupported", f"{metric.name} needs {metric.least} pictures, not {len(pairs)}")
        estimates, references = (np.stack(side) for side in zip(*described, strict=True))
        score = metric.compare(estimates, references, list(pairs), seed)
    except Exception as error:  # a metric may come from anyone's plugin
        return _failed("*", error)
    return Cell("*", score.value, details={"n": len(pairs), **score.details})


def _failed(name: str, error: Exception) -> Cell:
    failure = as_failure(error)
    return Cell(name, None, failure.status, {"error": failure.reason})
