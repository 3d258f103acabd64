"""`bench locate`: where a received container was tampered with, by the public watermark that it hides."""

from collections.abc import Sequence
from pathlib import Path

import click
import cv2
import numpy as np

from bench_core.by_hand import decode_carrier, make_model, read_carrier, told_stages
from bench_core.cli.options import method_options, seed_option
from bench_core.errors import CellFailure, RequestError
from bench_core.images import luminance, read_image, write_image
from bench_core.metric import Array
from bench_core.model import Model, Stage
from bench_core.sizes import Size
from bench_core.task import STEGANOGRAPHY
from bench_metrics.tamper import PERCENTILE, Map, clean_threshold, error_map

LOCATE_SIDE = 17
"""The side of the box filter, in pixels; wider than the metrics', because the threshold is not chosen in hindsight."""

_OPACITY = 0.6


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("name", metavar="MODEL")
@click.argument("received", metavar="RECEIVED")
@click.option(
    "--watermark",
    multiple=True,
    required=True,
    metavar="FILE",
    help="The public picture that RECEIVED hides; repeated, in order, where the method hides several.",
)
@click.option("-o", "--output", required=True, metavar="FILE", help="The heat map; the mask goes beside it.")
@click.option("--threshold", type=click.FloatRange(0, 255), metavar="LEVELS", help="Above it a pixel is tampered with.")
@click.option(
    "--clean",
    multiple=True,
    metavar="FILE",
    help="An untampered container that came the same way, to take the threshold from; may be repeated.",
)
@click.option("--calibrate", metavar="FOLDER", help="The same of all pictures in a folder.")
@click.option(
    "--percentile",
    type=click.FloatRange(0, 100, min_open=True, max_open=True),
    default=PERCENTILE,
    show_default=True,
    help="Of the map on untampered containers: the threshold.",
)
@click.option(
    "--side",
    type=click.IntRange(1, 127),
    default=LOCATE_SIDE,
    show_default=True,
    metavar="PIXELS",
    help="Side of the box over which errors are averaged; odd.",
)
@click.option("-d", "--degrade", metavar="SPEC", help="What happened on the way, for methods that are told.")
@seed_option
@method_options
def locate(
    name: str,
    received: str,
    watermark: tuple[str, ...],
    output: str,
    threshold: float | None,
    clean: tuple[str, ...],
    calibrate: str | None,
    percentile: float,
    side: int,
    degrade: str | None,
    seed: int,
    device: str,
    weights: str | None,
    set_: tuple[str, ...],
) -> None:
    """Show where the container RECEIVED was tampered with, by a public watermark that MODEL hid in it.

    The watermark is revealed and compared with the public one: where it comes back wrong, the container is no longer
    what was sent. The map is the absolute error, mean over channels and a box, in 8-bit levels; what lies above the
    threshold counts as tampered with. The threshold is given, or taken from untampered containers with the same
    watermark that came the same way (the same JPEG quality, say): one in a hundred of their pixels lies above it.

    Writes the map over the picture, green at the threshold and red from twice of it, and beside it the mask, e.g.
    map.png and map.mask.png.

    For example: bench locate riis received.png --watermark mark.png --calibrate clean/ -o map.png
    """
    sources = _clean_files(threshold, clean, calibrate)
    path = Path(output)
    path = path if path.suffix else path.with_suffix(".png")
    mask_path = path.with_suffix(f".mask{path.suffix}")
    given = {file.resolve() for file in (Path(received), *map(Path, watermark), *sources)}
    for written in (path, mask_path):
        if written.resolve() in given:
            raise RequestError(f"-o {output}: {written} is one of the pictures given; give the map another name")
    if side % 2 == 0:
        raise RequestError(f"--side {side}: must be odd, so that the box has a center; e.g. --side {side + 1}")
    model = make_model(name, set_, weights, device)
    marks = _watermarks(model, watermark)
    stages = told_stages(model, degrade)
    picture = read_carrier(model, received)
    levels = _levels(model, picture, marks, Path(received).name, side, seed, stages)
    origin = "given"
    if threshold is None:
        maps = (
            _levels(model, read_carrier(model, file), marks, Path(file).name, side, seed, stages) for file in sources
        )
        threshold = clean_threshold(maps, percentile)
        origin = f"percentile {percentile:g} of {len(sources)} untampered container(s)"
    mask = (levels > threshold).astype(np.uint8)[:, :, None] * np.uint8(255)
    write_image(path, heat_map(picture, levels, threshold))
    write_image(mask_path, mask)
    click.echo(f"{path}\n{mask_path}")
    click.echo(f"threshold: {threshold:.4g} levels ({origin})")
    click.echo(f"above it: {np.mean(mask > 0):.2%} of the picture")
    click.echo(f"the map: {levels.mean():.4g} levels on average, {levels.max():.4g} at most")


def heat_map(picture: Array, levels: Map, threshold: float) -> Array:
    """The map over a gray picture, uint8 H×W×3: blue is 0, green `threshold`, red twice of it and more.

    White lines are drawn around what is above the threshold.
    """
    scaled = np.clip(levels / np.float32(max(2 * threshold, 1)), 0, 1)
    colors = cv2.applyColorMap(np.rint(255 * scaled).astype(np.uint8), cv2.COLORMAP_JET)[:, :, ::-1]
    gray = np.repeat(luminance(picture), 3, axis=2)
    mixed = np.ascontiguousarray(cv2.addWeighted(np.ascontiguousarray(colors), _OPACITY, gray, 1 - _OPACITY, 0))
    found = (levels > threshold).astype(np.uint8)
    outlines, _ = cv2.findContours(found, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(mixed, outlines, -1, (255, 255, 255)), np.uint8)


def _levels(
    model: Model,
    container: Array,
    watermarks: Sequence[Array],
    name: str,
    side: int,
    seed: int,
    stages: tuple[Stage, ...] | None,
) -> Map:
    height, width = container.shape[:2]
    secret = decode_carrier(model, container, name, seed, stages)["secret"]
    # As `bench encode` brings a secret to its host's size.
    fitted = [Size(width, height, fit=True).apply(mark) for mark in watermarks]
    return error_map(secret, np.concatenate(fitted, axis=2), side)


def _watermarks(model: Model, paths: Sequence[str]) -> list[Array]:
    if model.task is not STEGANOGRAPHY:
        raise RequestError(f"{model.name} hides no picture, but does {model.task.name}; e.g. bench locate riis …")
    if len(paths) != model.secrets:
        raise RequestError(
            f"{model.name} hides {model.secrets} picture(s), so it takes --watermark {model.secrets} time(s), "
            f"not {len(paths)}"
        )
    try:
        return [read_image(path) for path in paths]
    except CellFailure as failure:
        raise RequestError(f"--watermark {failure.reason}") from None


def _clean_files(threshold: float | None, clean: Sequence[str], folder: str | None) -> list[Path]:
    """The untampered containers; RequestError unless they or a threshold are given, and not both."""
    if (threshold is None) == (not clean and folder is None):
        raise RequestError(
            "locate takes a threshold, or untampered containers to take it from: --threshold 20, --clean sent.png "
            "or --calibrate FOLDER" + ("; not both" if threshold is not None else "")
        )
    files = [Path(file) for file in clean]
    if folder is not None:
        if not Path(folder).is_dir():
            raise RequestError(f"--calibrate {folder}: no such folder; name one of untampered containers, e.g. clean/")
        found = sorted(file for file in Path(folder).iterdir() if file.is_file() and not file.name.startswith("."))
        if not found:
            raise RequestError(f"--calibrate {folder}: is empty; put untampered containers into it")
        files += found
    return files
