"""`bench scgan`: what SCGAN needs besides training. Imports nothing heavy."""

from pathlib import Path

import click

from bench_core.errors import CellFailure, RequestError


@click.group()
def scgan() -> None:
    """Work for SCGAN's training: saliency maps."""


@scgan.command()
@click.argument("photos", type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder for the maps."
)
@click.option("--detector", default="u2netp", show_default=True, help="u2netp, spectral, or another plugin's.")
@click.option("--model", type=click.Path(path_type=Path, dir_okay=False), help="The detector's file, if it has one.")
def saliency(photos: Path, out: Path, detector: str, model: Path | None) -> None:
    """Write a saliency map of each photo in the folder PHOTOS.

    Maps are 8-bit gray PNG files of the photos' size, under their names; one that is there already is left alone. Then:
    `bench train scgan --data folder:PHOTOS,saliency=OUT`. `u2netp` finds objects (and needs onnxruntime and its
    weights), `spectral` finds what draws the eye (the spectral residual of Hou and Zhang, 2007).
    """
    from bench_core.images import write_image
    from bench_core.plugins import registry
    from bench_scgan.saliency.detectors import make

    if model is not None and not model.is_file():
        raise RequestError(f"--model {model}: no such file; e.g. --model u2netp.onnx")
    dataset = registry().datasets.create(f"folder:{photos}")
    image_ids = _outside(dataset.ids(), photos, out)
    detect = make(detector, model)
    targets: dict[Path, str] = {}
    for image_id in image_ids:
        target = out / Path(image_id).with_suffix(".png")
        if target in targets:
            raise RequestError(f"{image_id} and {targets[target]} differ by their suffix only: they would share a map")
        targets[target] = image_id
    written = failed = 0
    for target, image_id in targets.items():
        if target.exists():
            continue
        try:
            photo = dataset.load(image_id)["color"]
        except CellFailure as failure:
            click.echo(f"left out: {failure.reason}", err=True)
            failed += 1
            continue
        write_image(target, detect(photo)[:, :, None])
        written += 1
    there = len(targets) - written - failed
    click.echo(f"{written} maps written to {out}, {there} were there" + (f", {failed} left out" if failed else ""))


def _outside(image_ids: list[str], photos: Path, out: Path) -> list[str]:
    """The photos that are no maps of an earlier run; RequestError where maps and photos would share a folder."""
    root, maps = photos.expanduser().resolve(), out.resolve()
    if maps == root:
        raise RequestError(f"--out {out} is the folder of the photos; give the maps one of their own, e.g. --out maps")
    if not maps.is_relative_to(root):
        return image_ids
    inner = maps.relative_to(root)
    found = [image_id for image_id in image_ids if not Path(image_id).is_relative_to(inner)]
    if not found:
        raise RequestError(f"every photo of {photos} lies under --out {out}; give the maps another, e.g. --out maps")
    return found
