"""`bench sdc`: what there is to do by hand with semantic colorization."""

from pathlib import Path

import click

from bench_core.cli.options import device_option, set_option
from bench_core.errors import RequestError

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group()
def sdc() -> None:
    """Semantic-driven colorization: correct maps by hand, put trained networks together, renumber label maps."""


@sdc.command()
@click.argument("color", type=_FILE)
@click.argument("segmentation", type=_FILE)
@click.option("-o", "--out", type=_FILE, required=True, help="The file to write.")
@click.option("--half", is_flag=True, help="Store float16: half the size.")
def join(color: Path, segmentation: Path, out: Path, half: bool) -> None:
    """Put the COLOR network of one weights file and the SEGMENTATION of another into one.

    \b
    bench sdc join runs/color/best.safetensors runs/maps/best.safetensors -o sdc.safetensors
    """  # noqa: D301
    from bench_semantic.weights import joined, load_weights, save_weights

    first, second = load_weights(color), load_weights(segmentation)
    networks = joined(first, second, (str(color), str(segmentation)))
    try:
        save_weights(
            out,
            networks,
            {
                "color": first.training.get("color", {}),
                "segmentation": second.training.get("segmentation", {}),
            },
            half,
        )
    except OSError as error:
        raise RequestError(f"{out}: cannot be written: {error.strerror}") from None
    click.echo(f"{out}: {networks.labels.name}, {len(networks.labels)} classes, color and segmentation")


@sdc.command()
@click.argument("maps", type=_FOLDER)
@click.option("--labels", required=True, metavar="SET:NUMBERING", help="What the maps' numbers are, e.g. voc21:coco.")
@click.option("-o", "--out", type=_FOLDER, required=True, help="The folder to write, new or empty.")
def renumber(maps: Path, labels: str, out: Path) -> None:
    """Write the label MAPS of a folder anew, in the numbers of the label set itself.

    Maps are PNGs of one channel with 8 or 16 bits, at any depth of the folder; numbers without a class become void.
    What is written has a palette, so that it can be looked at.

    \b
    bench sdc renumber coco/labels --labels voc21:coco -o coco/voc21
    """  # noqa: D301
    from bench_semantic.label_sets import read_label_set
    from bench_semantic.map_files import renumber_maps

    label_set, numbering = read_label_set(labels)
    paths = sorted(path for path in maps.rglob("*") if path.suffix.lower() == ".png") if maps.is_dir() else []
    if not paths:
        raise RequestError(f"{maps}: no PNG is there")
    if out.exists() and any(out.iterdir()):
        raise RequestError(f"--out {out}: the folder is not empty; choose another one")
    renumber_maps(maps, paths, numbering, label_set, out)
    click.echo(f"{out}: {len(paths)} maps in the numbers of {label_set.name}")


@sdc.command()
@click.argument("photos", nargs=-1, type=click.Path(path_type=Path))
@click.option("-p", "--plugin", default="sdc", show_default=True, metavar="NAME", help="sdc, or another method of it.")
@set_option
@click.option("--weights", type=_FILE, metavar="FILE", help="Weights instead of the plugin's own.")
@device_option
@click.option(
    "-o", "--out", type=_FOLDER, metavar="DIR", help="Where edits are saved, and go on from if some are there."
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0 takes a free one.")
@click.option("--no-browser", is_flag=True, help="Only print the address, and open no browser.")
def edit(
    photos: tuple[Path, ...],
    plugin: str,
    device: str,
    weights: Path | None,
    set_: tuple[str, ...],
    out: Path | None,
    port: int,
    no_browser: bool,
) -> None:
    """Correct the maps of PHOTOS (files, or folders of them) by hand, and see the colors follow.

    A page in the browser, served to this machine alone: what each photo is said to show, to be painted over, beside
    the result. Edits are replayed by map_source=edited; `--set infer=…` and `--set size=…` must then be the same.

    \b
    bench sdc edit photo.jpg --out edits
    bench run -p sdc --set map_source=edited --set edit=edits/edits.json --dataset folder:photos
    """  # noqa: D301
    from bench_semantic.editor.serve import Networks, serve

    serve(photos, Networks(plugin, set_, weights, device), out, port, browser=not no_browser)
