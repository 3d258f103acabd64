"""`bench encode` and `bench decode`: one trip by hand, with ordinary files."""

from pathlib import Path

import click
import numpy as np

from bench_core.by_hand import decode_carrier, make_model, read_carrier, spare_inputs, told_stages
from bench_core.cli.options import method_options, seed_option
from bench_core.errors import CellFailure, RequestError
from bench_core.images import luminance, read_image, write_image, written_path
from bench_core.model import Model, Sample
from bench_core.randomness import keyed_generator
from bench_core.runner import ENCODE_STAGE, checked
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
    model = make_model(name, set_, weights, device)
    place = written_path(output, model.task.carrier_channels)
    spare_inputs(output, [place], pictures, "PICTURE")
    sample = _sample(model, pictures)
    rng = keyed_generator(seed, Path(pictures[0]).name, ENCODE_STAGE, f"encode:{name}", 0)
    first = sample[model.task.fields[0]]
    try:
        carrier = model.carriers([Sample(sample, (rng,))])[0]
        image, _ = checked(carrier, (*first.shape[:2], model.task.carrier_channels), "carrier")
    except CellFailure as failure:
        raise RequestError(f"{name} cannot encode this: {failure.reason}") from None
    write_image(place, image)
    click.echo(str(place))


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
    model = make_model(name, set_, weights, device)
    received = read_carrier(model, carrier)
    if Path(output).exists() and not Path(output).is_dir():
        raise RequestError(f"-o {output}: is a file; name a folder, e.g. -o out/")
    images = decode_carrier(model, received, Path(carrier).name, seed, told_stages(model, degrade))
    for field, image in images.items():
        parts = (
            [image[:, :, start : start + 3] for start in range(0, image.shape[2], 3)] if image.shape[2] > 3 else [image]
        )
        for index, part in enumerate(parts):
            path = Path(output) / (f"{field}.png" if len(parts) == 1 else f"{field}-{index + 1}.png")
            write_image(path, np.ascontiguousarray(part))
            click.echo(str(path))


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
