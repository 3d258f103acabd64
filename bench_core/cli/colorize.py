"""`bench colorize`: give old photos colors, at their own size and with the lightness of their gray versions."""

from pathlib import Path

import click
import numpy as np

from bench_core.by_hand import decode_carrier, make_model, read_carrier, spare_inputs
from bench_core.cli.options import method_options, seed_option
from bench_core.degradation import Array
from bench_core.errors import RequestError
from bench_core.images import write_image, written_path
from bench_core.model import Model
from bench_core.plugins import registry
from bench_core.task import COLORIZATION

_ROWS = 256
"""How many rows are joined at a time, so that joining needs little more memory than the pictures themselves."""


@click.command()
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@click.option("-p", "--plugin", required=True, metavar="NAME", help="A colorization method, e.g. scgan.")
@click.option(
    "-o", "--output", required=True, metavar="FILE|FOLDER", help="The picture; of several photos, the folder for them."
)
@seed_option
@method_options
def colorize(
    photos: tuple[str, ...],
    plugin: str,
    output: str,
    seed: int,
    device: str,
    weights: str | None,
    set_: tuple[str, ...],
) -> None:
    """Give each PHOTO colors.

    The method sees the photo's luminance. The result has the photo's size, the lightness (CIE L*) of its gray version,
    and the method's colors as far as sRGB has them at that lightness. Files are written without loss.
    """
    model = make_model(plugin, set_, weights, device)
    if model.task is not COLORIZATION:
        known = ", ".join(_colorizers())
        raise RequestError(f"{plugin} is no colorization method ({model.task.name}); try -p with one of {known}")
    places = _destinations(photos, output)
    for photo in photos[1:]:  # so that a bad one leaves nothing written; the first is read before anything is
        read_carrier(model, photo)
    for photo, path in zip(photos, places, strict=True):
        write_image(path, colorized(model, read_carrier(model, photo), Path(photo).name, seed))
        click.echo(str(path))


def colorized(model: Model, gray: Array, name: str, seed: int) -> Array:
    """The method's colors at the lightness of `gray` uint8 H×W×1, uint8 H×W×3; RequestError where it has none."""
    outputs = decode_carrier(model, gray, name, seed)
    if "color" not in outputs:
        raise RequestError(f"{model.name} gives no color, only {', '.join(outputs)}")
    color = outputs["color"]
    return np.concatenate([_joined(gray[at : at + _ROWS], color[at : at + _ROWS]) for at in range(0, len(gray), _ROWS)])


def _joined(gray: Array, color: Array) -> Array:
    import torch

    from bench_core.images import to_uint8
    from bench_core.nn.lab import lab_to_rgb, lightness, rgb_to_lab, within_gamut
    from bench_core.torch_model import to_arrays, to_tensor

    light = lightness(to_tensor([gray]))
    found = within_gamut(torch.cat((light, rgb_to_lab(to_tensor([color]))[:, 1:]), dim=1))
    return to_uint8(to_arrays(lab_to_rgb(found))[0])


def _destinations(photos: tuple[str, ...], output: str) -> list[Path]:
    """Where each result goes; RequestError where two would share a file, or one would replace its photo."""
    path = Path(output)
    if len(photos) == 1 and not path.is_dir() and not output.endswith("/"):
        found = [written_path(path, channels=3)]
    else:
        if path.exists() and not path.is_dir():
            raise RequestError(f"-o {output}: is a file; {len(photos)} photos need a folder, e.g. -o out/")
        found = [path / f"{Path(photo).stem}.png" for photo in photos]
    if twice := sorted({place.name for place in found if found.count(place) > 1}):
        raise RequestError(f"-o {output}: two photos would become {twice[0]}; give them other names or folders")
    spare_inputs(output, found, photos, "PHOTO")
    return found


def _colorizers() -> list[str]:
    """The names of installed colorization methods that can be loaded."""
    found = []
    for name in registry().models.names():
        try:
            if registry().models.load(name).task is COLORIZATION:
                found.append(name)
        except RequestError:
            continue
    return sorted(found)
