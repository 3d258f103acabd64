"""Which detectors there are: a dozen lines make another one.

A detector is made by a function of `model` (a `Path` of a file that the user gave with --model, or None) and is itself
a function of a color photo, uint8 H×W×3, that returns its saliency, uint8 H×W. It registers by an entry point:

    [project.entry-points."bench_scgan.detectors"]
    mine = "my_package.saliency:make"
"""

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

from bench_core.errors import RequestError, one_line
from bench_core.images import Array

GROUP = "bench_scgan.detectors"

Detector = Callable[[Array], Array]
Maker = Callable[[Path | None], Detector]


def names() -> list[str]:
    """Every registered detector, sorted."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def make(name: str, model: Path | None = None) -> Detector:
    """The detector of a name.

    Raises:
        RequestError: for an unknown name, or where the detector lacks something that the message names.
    """
    points = {point.name: point for point in entry_points(group=GROUP)}
    if name not in points:
        raise RequestError(f"unknown saliency detector '{name}'; known: {', '.join(names()) or 'none'}")
    try:
        maker: Maker = points[name].load()
    except (ImportError, AttributeError) as error:
        raise RequestError(f"saliency detector '{name}' cannot be loaded: {one_line(error)}") from error
    return maker(model)
