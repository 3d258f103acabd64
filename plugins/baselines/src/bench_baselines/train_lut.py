"""`bench train gray-lut`: counts which colors go with which gray levels."""

from pathlib import Path

import click

from bench_baselines.gray_table import MADE_BY, count_colors, write_table
from bench_core.errors import RequestError
from bench_core.photos import each_photo

FILE = "lut.csv"


@click.command()
@click.option(
    "--data", multiple=True, help="Photos to count: folder:PATH, cifar10:DIR,split=train, …; may be repeated."
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help=f"Folder for {FILE}.  [required]")
def main(data: tuple[str, ...], out: Path | None) -> None:
    """Make the table of gray-lut: the mean color of each gray level over photos.

    A look over the photos, no learning: seconds. The same photos give the same table, whatever their order.
    """
    if not data or out is None:
        missing = " and ".join(name for name, given in (("--data", data), ("--out", out)) if not given)
        raise RequestError(f"missing {missing}; e.g. {MADE_BY}")
    sums = count_colors(photo for spec in data for photo in each_photo(spec))
    write_table(out / FILE, sums)
    levels = int((sums.pixels > 0).sum())
    click.echo(f"{out / FILE}: the mean colors of {levels} gray levels, over {int(sums.pixels.sum())} pixels")
