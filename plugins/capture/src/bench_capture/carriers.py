"""What is printed: the carriers a run would send, or pictures from files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from bench_capture.make import Container
from bench_capture.markers import Array
from bench_core.errors import CellFailure, RequestError
from bench_core.images import read_gray, read_image
from bench_core.plan import Request, Workbench
from bench_core.runner import carriers

_TOGETHER = 4
"""How many pictures are encoded at a time, as `bench run` does."""


def from_run(request: Request) -> tuple[list[Container], dict[str, Any], list[str]]:
    """The carriers of a run, to the bit; what they were made from; and a line for each that could not be made.

    Raises:
        RequestError: where the request is wrong, or no carrier could be made.
    """
    bench = Workbench.build(request)
    names = [*bench.samples.ids, *bench.samples.failures]
    containers: list[Container] = []
    failures: list[str] = []
    for start in range(0, len(names), _TOGETHER):
        for image, made in carriers(bench, names[start : start + _TOGETHER]).items():
            if isinstance(made, CellFailure):
                failures.append(f"{image}: {made.status}: {made.reason}")
            else:
                containers.append(Container(image, made))
    if not containers:
        raise RequestError(f"no container could be made: {failures[0]}")
    model = bench.identity().model
    made_from = {
        "plugin": model.name,
        "plugin_version": model.plugin_version,
        "settings": dict(model.settings),
        "weights": model.weights,
        "weights_file": request.weights,
        "code": model.code,
        "dataset": request.dataset,
        "secrets": request.secrets,
        "size": request.size,
        "limit": request.limit,
        "seed": request.seed,
    }
    return containers, made_from, failures


def from_files(paths: Sequence[str]) -> list[Container]:
    """Pictures as they are in their files; a gray file is a gray container.

    Raises:
        RequestError: with a line for every file that cannot be read.
    """
    problems: list[str] = []
    containers: list[Container] = []
    for path in paths:
        try:
            containers.append(Container(Path(path).name, read_container(path)))
        except CellFailure as failure:
            problems.append(failure.reason)
    if problems:
        raise RequestError(problems)
    return containers


def read_container(path: str | Path) -> Array:
    """A picture file as uint8 H×W×3, or H×W×1 where the file is gray; raises CellFailure as `read_image`."""
    image = read_image(path, str(path))
    with Image.open(path) as opened:
        gray = opened.mode in ("1", "L", "LA", "La") or opened.mode.startswith("I")
    return read_gray(path, str(path)) if gray else image
