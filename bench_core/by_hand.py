"""A method used by hand, on ordinary files: what `bench encode` and `bench decode` share with other commands."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from bench_core.cli.options import parse_settings
from bench_core.degradation import Array
from bench_core.errors import CellFailure, RequestError
from bench_core.images import read_gray, read_image
from bench_core.model import Condition, Model, Stage
from bench_core.params import resolve
from bench_core.plan import create_model, find_weights
from bench_core.plugins import registry
from bench_core.randomness import keyed_generator
from bench_core.runner import DECODE_STAGE, checked


def make_model(name: str, settings: Sequence[str], weights: str | None, device: str) -> Model:
    """The method of a name with `key=value` settings.

    Raises:
        RequestError: for an unknown name, settings it has not, or weights that are not there.
    """
    model_class: type[Model] = registry().models.load(name)
    try:
        values = resolve(model_class.params, parse_settings(settings), name)
    except RequestError as error:
        raise RequestError([line if line.startswith("--") else f"--set: {line}" for line in error.problems]) from None
    return create_model(model_class, name, values, find_weights(weights) if weights else None, device)


def told_stages(model: Model, degrade: str | None) -> tuple[Stage, ...] | None:
    """What a receiver is told of the channel `degrade`: nothing, unless the method declares `told`.

    Raises:
        RequestError: where it names more than one channel.
    """
    if degrade is None or not model.told:
        return None
    from bench_core.grammar import parse_channels

    channels = parse_channels([degrade], registry().degradations)
    if len(channels) != 1:
        raise RequestError(f"--degrade {degrade}: names {len(channels)} channels; a picture arrives through one")
    return tuple(Stage(stage.name, stage.values) for stage in channels[0].stages)


def spare_inputs(output: str, places: Iterable[Path], inputs: Iterable[str], what: str) -> None:
    """RequestError where a result of `-o OUTPUT` would replace a file it is made from, `what` in the usage line."""
    there = [Path(path) for path in inputs if Path(path).exists()]
    for place in places:
        if place.exists() and any(place.samefile(path) for path in there):
            raise RequestError(f"-o {output}: {place} is {what} itself; give the result another name")


def read_carrier(model: Model, path: str | Path) -> Array:
    """A received carrier as the method takes it, uint8 H×W×C.

    Raises:
        RequestError: where the file is no picture.
    """
    try:
        return (read_gray if model.task.carrier_channels == 1 else read_image)(path)
    except CellFailure as failure:
        raise RequestError(failure.reason) from None


def decode_carrier(
    model: Model, received: Array, name: str, seed: int, stages: tuple[Stage, ...] | None = None
) -> dict[str, Array]:
    """Every output of a received carrier, uint8 H×W×C each; several secrets follow one another in the channels.

    Noise is keyed by the seed and `name`, the carrier's file name.

    Raises:
        RequestError: where the method cannot decode it.
    """
    condition = Condition(stages, (keyed_generator(seed, name, DECODE_STAGE, f"decode:{model.name}", 0),))
    try:
        outputs = model.decode_all([received], condition)[0]
        return {
            field: checked(value, (*received.shape[:2], np.shape(value)[2]), f"output '{field}'")[0]
            for field, value in outputs.items()
        }
    except CellFailure as failure:
        raise RequestError(f"{model.name} cannot decode this: {failure.reason}") from None
