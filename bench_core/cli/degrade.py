"""`bench degrade`: one picture through a channel, by hand."""

import json
from pathlib import Path

import click
from PIL import Image

from bench_core.cli.options import seed_option
from bench_core.degradation import Array
from bench_core.errors import CellFailure, RequestError
from bench_core.grammar import parse_channels
from bench_core.images import read_gray, read_image, write_image, written_path
from bench_core.plugins import registry


@click.command()
@click.argument("source", metavar="IN")
@click.argument("output", metavar="OUT")
@click.option(
    "-d",
    "--degrade",
    "degrade_",
    envvar="BENCH_DEGRADE_DEGRADE",
    required=True,
    metavar="SPEC",
    help="One degradation or chain, e.g. jpeg:40.",
)
@seed_option
@click.option("--repeat", type=click.IntRange(0), default=0, show_default=True, help="Which repeat of a random one.")
def degrade(source: str, output: str, degrade_: str, seed: int, repeat: int) -> None:
    """Send the picture IN through a channel and write what arrives to OUT, without further loss.

    Noise is keyed by the seed, the repeat and the name of the file IN, as it is for that picture in a folder.
    Prints the degradation's canonical id and what it recorded, such as the size of the encoded file. What a stage gives
    besides goes beside OUT: OUT.mask.png where it tampered, OUT.photo.png from a simulated camera.
    """
    channels = parse_channels([degrade_], registry().degradations)
    if len(channels) != 1:
        raise RequestError(
            f"--degrade {degrade_}: stands for {len(channels)} degradations; one OUT takes one, e.g. jpeg:40"
        )
    try:
        sent = _read(source)
        path = written_path(output, sent.shape[2])
        received = channels[0].send(sent, seed, Path(source).name, repeat)
    except CellFailure as failure:
        raise RequestError(failure.reason) from None
    if path.exists() and path.samefile(source):
        raise RequestError(f"{output}: is IN itself; give OUT another name")
    write_image(path, received.image)
    for name, picture in {**received.extras, **({"mask": received.mask} if received.mask is not None else {})}.items():
        write_image(path.with_suffix(f".{name}.png"), picture)
    click.echo(channels[0].id)
    for key, value in received.details.items():
        click.echo(f"{key}: {json.dumps(value)}")


def _read(source: str) -> Array:
    """The picture, with one channel where the file is gray, so that it is degraded as a gray carrier is."""
    image = read_image(source)
    with Image.open(source) as opened:
        gray = opened.mode in ("1", "L", "LA", "La") or opened.mode.startswith("I")
    return read_gray(source) if gray else image
