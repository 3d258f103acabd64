"""`bench encode` and `bench decode`: one trip by hand, with ordinary files."""

from pathlib import Path

import click
import numpy as np

from bench_core.cli.options import method_options, parse_settings, seed_option
from bench_core.errors import CellFailure, RequestError
from bench_core.images import luminance, read_gray, read_image, write_image
from bench_core.model import Condition, Model, Sample, Stage
from bench_core.params import resolve
from bench_core.plan import create_model, find_weights
from bench_core.plugins import registry
from bench_core.randomness import keyed_generator
from bench_core.runner import DECODE_STAGE, ENCODE_STAGE, checked
from bench_core.sizes import Size
from bench_core.task import STEGANOGRAPHY


@click.command()
@click.argument("name", metavar="MODEL")
@click.argument("pictures", nargs=-1, required=True, metavar="PICTURE...")
@click.option(
    "-o", "--output", required=True, metavar="FILE", help="The carrier; a lossless format, e.g. container.png."
)
@seed_option
@method_options
def encode(
    name: str,
    pictures: tuple[str, ...],
    output: str,
    seed: int,
    device: str,
    weights: str | None,
    set_: tuple[str, ...],
) -> None:
    """Make a carrier with MODEL: a host and its secrets for steganography, one color picture otherwise."""
    model = _model(name, set_, weights, device)
    sample = _sample(model, pictures)
    rng = keyed_generator(seed, Path(pictures[0]).name, ENCODE_STAGE, f"encode:{name}", 0)
    first = sample[model.task.fields[0]]
    try:
        carrier = model.carriers([Sample(sample, (rng,))])[0]
        image, _ = checked(carrier, (*first.shape[:2], model.task.carrier_channels), "carrier")
    except CellFailure as failure:
        raise RequestError(f"{name} cannot encode this: {failure.reason}") from None
    write_image(output, image)
    click.echo(output)


@click.command()
@click.argument("name", metavar="MODEL")
@click.argument("carrier", metavar="CARRIER")
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Where the recovered pictures go.")
@click.option("-d", "--degrade", "degrade", metavar="SPEC", help="What happened on the way, for methods that are told.")
@seed_option
@method_options
def decode(
    name: str,
    carrier: str,
    output: str,
    degrade: str | None,
    seed: int,
    device: str,
    weights: str | None,
    set_: tuple[str, ...],
) -> None:
    """Recover with MODEL what CARRIER holds; one file for each picture it returns."""
    model = _model(name, set_, weights, device)
    try:
        received = (read_gray if model.task.carrier_channels == 1 else read_image)(carrier)
    except CellFailure as failure:
        raise RequestError(failure.reason) from None
    if Path(output).exists() and not Path(output).is_dir():
        raise RequestError(f"-o {output}: is a file; name a folder, e.g. -o out/")
    condition = Condition(
        _stages(model, degrade), (keyed_generator(seed, Path(carrier).name, DECODE_STAGE, f"decode:{name}", 0),)
    )
    try:
        outputs = model.decode_all([received], condition)[0]
        images = {
            field: checked(value, (*received.shape[:2], np.shape(value)[2]), f"output '{field}'")[0]
            for field, value in outputs.items()
        }
    except CellFailure as failure:
        raise RequestError(f"{name} cannot decode this: {failure.reason}") from None
    for field, image in images.items():
        parts = (
            [image[:, :, start : start + 3] for start in range(0, image.shape[2], 3)] if image.shape[2] > 3 else [image]
        )
        for index, part in enumerate(parts):
            path = Path(output) / (f"{field}.png" if len(parts) == 1 else f"{field}-{index + 1}.png")
            write_image(path, np.ascontiguousarray(part))
            click.echo(str(path))


def _model(name: str, settings: tuple[str, ...], weights: str | None, device: str) -> Model:
    model_class: type[Model] = registry().models.load(name)
    try:
        values = resolve(model_class.params, parse_settings(settings), name)
    except RequestError as error:
        raise RequestError([line if line.startswith("--") else f"--set: {line}" for line in error.problems]) from None
    return create_model(model_class, name, values, find_weights(weights) if weights else None, device)


def _sample(model: Model, paths: tuple[str, ...]) -> Sample:
    hiding = model.task is STEGANOGRAPHY
    wanted = 1 + model.secrets if hiding else 1
    if len(paths) != wanted:
        what = f"a host and {model.secrets} secret(s)" if hiding else "one color picture"
        raise RequestError(f"{model.name} takes {what}, so {wanted} file(s), not {len(paths)}: {' '.join(paths)}")
    try:
        images = [read_image(path) for path in paths]
    except CellFailure as failure:
        raise RequestError(failure.reason) from None
    first = images[0]
    if hiding:
        height, width = first.shape[:2]
        secrets = [Size(width, height, fit=True).apply(image) for image in images[1:]]
        return Sample({"host": first, "secret": np.concatenate(secrets, axis=2)})
    return Sample({"color": first, "gray": luminance(first)})


def _stages(model: Model, degrade: str | None) -> tuple[Stage, ...] | None:
    if degrade is None or not model.told:
        return None
    from bench_core.grammar import parse_channels

    channels = parse_channels([degrade], registry().degradations)
    if len(channels) != 1:
        raise RequestError(f"--degrade {degrade}: names {len(channels)} channels; a picture arrives through one")
    return tuple(Stage(stage.name, stage.values) for stage in channels[0].stages)
