"""`bench measure`: two picture files, or two folders of them, compared by hand."""

import json
import math
from pathlib import Path
from typing import Any

import click

from bench_core.cli.options import json_option, seed_option
from bench_core.errors import CellFailure, RequestError, as_failure
from bench_core.images import read_image
from bench_core.metric import Array, Metric
from bench_core.plan import create_metrics
from bench_core.plugins import registry


@click.command()
@click.argument("estimate", metavar="A")
@click.argument("reference", metavar="B")
@click.option(
    "-m",
    "--metric",
    "metric",
    multiple=True,
    default=("psnr", "ssim"),
    show_default=True,
    metavar="NAME",
    help="A metric; several times for several.",
)
@seed_option
@json_option
def measure(estimate: str, reference: str, metric: tuple[str, ...], seed: int, as_json: bool) -> None:
    """Measure the picture A against its reference B; both are files of the same size.

    Where both are folders, pictures of the same name are measured, whatever their suffix, and summarized; metrics of
    whole sets, such as iqa:fid, need folders. A metric that cannot be computed shows why; the command fails only where
    the request is wrong.
    """
    folders = [Path(path).is_dir() for path in (estimate, reference)]
    problems: list[str] = []
    metrics: dict[str, Metric] = {}
    try:
        metrics = create_metrics(metric, registry())
    except RequestError as error:
        problems.extend(error.problems)
    if folders[0] != folders[1]:
        problems.append(f"{estimate} and {reference}: one is a folder, the other is not; give two files or two folders")
    if any(folders):
        from bench_core.cli import measure_folders

        if problems:
            raise RequestError(problems)
        measure_folders.show(Path(estimate), Path(reference), metrics, seed, as_json)
        return
    pictures = _read(estimate, reference, problems)
    if problems:
        raise RequestError(problems)
    results = {name: _result(found, *pictures) for name, found in metrics.items()}
    if as_json:
        click.echo(json.dumps(results, indent=2, allow_nan=False))
        return
    from bench_core.cli.tables import figure, print_table

    rows = [
        [name, figure(result["value"], name, metrics[name].kind), result["unit"], _notes(result)]
        for name, result in results.items()
    ]
    print_table(["metric", "value", "unit", "notes"], rows, right=["value"])


def _read(estimate: str, reference: str, problems: list[str]) -> list[Array]:
    """Both pictures, or what is wrong with them."""
    pictures: list[Array] = []
    for path in (estimate, reference):
        try:
            pictures.append(read_image(path, path))
        except CellFailure as failure:
            problems.append(failure.reason)
    if len(pictures) == 2 and pictures[0].shape != pictures[1].shape:
        sizes = [f"{picture.shape[1]}×{picture.shape[0]}" for picture in pictures]
        problems.append(
            f"{estimate} is {sizes[0]} pixels and {reference} is {sizes[1]}; only pictures of one size are compared"
        )
    return pictures


def _result(metric: Metric, estimate: Array, reference: Array) -> dict[str, Any]:
    """One metric's value, or why there is none; strict JSON can hold it."""
    result: dict[str, Any] = {"value": None, "status": "ok", "error": None, "details": {}, "unit": metric.unit}
    try:
        score = metric(estimate, reference)
        if score.value is not None and not math.isfinite(score.value):
            raise CellFailure("nan_output", f"{metric.name} gave {score.value}")
        result["value"], result["details"] = score.value, score.details
    except Exception as error:  # a metric may come from anyone's plugin
        failure = as_failure(error)
        result["status"], result["error"] = failure.status, failure.reason
    return result


def _notes(result: dict[str, Any]) -> str:
    if result["status"] != "ok":
        return f"{result['status']}: {result['error']}"
    details = {name: value for name, value in result["details"].items() if name not in ("cap", "identical")}
    notes = ["identical"] if result["details"].get("identical") else []
    return ", ".join(
        notes
        + [f"{name} {value:.6g}" if isinstance(value, float) else f"{name} {value}" for name, value in details.items()]
    )
