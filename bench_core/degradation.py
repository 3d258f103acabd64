"""The base class of degradations, and the channel: a chain of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from bench_core.errors import CellFailure, RequestError
from bench_core.params import Param, Value, complete, format_value
from bench_core.randomness import keyed_generator

Array = np.ndarray[Any, np.dtype[np.uint8]]
Floats = np.ndarray[Any, np.dtype[np.floating[Any]]]

FLOAT = "float"
"""The name of the stage that hands on an unrounded container (bench_core.unrounded)."""


@dataclass(frozen=True)
class Received:
    """What comes out of a degradation: a picture, and what is worth recording (`encoded_bytes`, drawn parameters).

    `mask`, uint8 H×W×1 of `image`'s size, is 255 where the degradation put something else into the picture; metrics
    that localize tampering are measured against it. `extras` are further pictures worth looking at, by name, such as
    the photo that a simulated camera took. `exact` is the unrounded picture, H×W×C in [0, 1], behind `float`
    (bench_core.unrounded).
    """

    image: Array
    details: dict[str, Any] = field(default_factory=dict)
    mask: Array | None = None
    extras: Mapping[str, Array] = field(default_factory=dict)
    exact: Floats | None = None


@dataclass(frozen=True)
class Shipment:
    """What the harness knows of a trip besides the picture itself, for the few degradations that need it.

    `cover` is what the carrier was made to look like (the host, or the target gray), of the carrier's shape; where
    the task has no such picture, the carrier. `exact` is the carrier as the method made it, before it was rounded.
    """

    image_id: str = ""
    repeat: int = 0
    cover: Array | None = None
    exact: Floats | None = None


class Degradation:
    """A pure function of a uint8 H×W×C picture (C = 1 or 3), its parameters and a generator.

    The first of `params` is the main one, which may be written without its name. Instances are immutable in
    use and shared between threads.

    Raises:
        RequestError: for parameters that are unknown, missing or out of bounds, and where this machine lacks
            what the degradation needs.
    """

    name: ClassVar[str] = ""
    params: ClassVar[tuple[Param, ...]] = ()
    stochastic: bool = False
    passes_floats: ClassVar[bool] = False
    """Whether it can also degrade unrounded pictures, by `apply_exact`."""

    def __init__(self, **values: Value) -> None:
        self.values: Mapping[str, Value] = complete(self.params, values, self.name)
        self.setup()

    def setup(self) -> None:
        """Work to do once per instance, after the parameters are known."""

    @cached_property
    def id(self) -> str:
        """The canonical id: the name and every parameter, defaults written out, keys sorted."""
        if not self.values:
            return self.name
        return self.name + ":" + ",".join(f"{key}={format_value(self.values[key])}" for key in sorted(self.values))

    def __repr__(self) -> str:
        return f"<{self.id}>"

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Degrade one picture; a new uint8 array with as many channels. `rng` is keyed; a deterministic one ignores it.

        Raises:
            CellFailure: where this picture cannot be degraded so (a side beyond a codec's limit).
        """
        raise TypeError(f"{type(self).__name__} does not say how to degrade")

    def handle(self, image: Array, rng: np.random.Generator, shipment: Shipment) -> Received:
        """Degrade one picture, knowing its trip; overridden by degradations that need more than the pixels."""
        return self.apply(image, rng)

    def move(self, picture: Array, rng: np.random.Generator) -> Array:
        """Where another picture's pixels end up, of the carrier's size; overridden by degradations that move pixels.

        The harness sends masks and the cover this way, so that they stay in register with the carrier. `rng` repeats
        the draws that `apply` had; they may depend on the picture's size alone.
        """
        return picture

    def apply_exact(self, levels: Array | Floats, rng: np.random.Generator) -> Floats:
        """Degrade an unrounded H×W×C picture on the scale 0..255, neither clipping nor rounding it."""
        raise TypeError(f"{type(self).__name__} works on 8-bit pictures")

    def repeats(self, image_id: str) -> int | None:
        """How many different trips there are of one picture; None: as many as are asked for, if it is stochastic."""
        return None

    def provenance(self) -> dict[str, Any]:
        """What a run should record of the machinery: versions of codecs, whether a self test passed."""
        return {}


@dataclass(frozen=True)
class Channel:
    """Degradations applied from left to right; what happens to a carrier between sender and receiver."""

    stages: tuple[Degradation, ...]

    def __post_init__(self) -> None:
        first, later = self.stages[:1], self.stages[1:]
        if misplaced := [stage.name for stage in later if stage.name == FLOAT]:
            raise RequestError(f"{misplaced[0]} stands first: what was rounded stays so; e.g. float+gaussian:10")
        if first and first[0].name == FLOAT:
            rounded = [stage.name for stage in later if not stage.passes_floats]
            if rounded:
                raise RequestError(f"{rounded[0]} works on 8-bit pictures; behind float only noise can stand")

    @property
    def exact(self) -> bool:
        """Whether the receiver is handed an unrounded picture."""
        return bool(self.stages) and self.stages[0].name == FLOAT

    @property
    def id(self) -> str:
        """The canonical id, `jpeg:q=80,ss=420+gaussian:gray=0,sigma=10`."""
        return "+".join(stage.id for stage in self.stages)

    @property
    def stochastic(self) -> bool:
        """Whether repeating the trip can give another picture."""
        return any(stage.stochastic for stage in self.stages)

    def provenance(self) -> dict[str, Any]:
        """What a run should record of all stages' machinery."""
        facts: dict[str, Any] = {}
        for stage in self.stages:
            facts.update(stage.provenance())
        return facts

    def repeats(self, image_id: str, asked: int) -> int:
        """How many trips a run makes of one picture, where `asked` are wanted: what cannot differ is not repeated."""
        counts = [stage.repeats(image_id) for stage in self.stages]
        drawn = any(stage.stochastic and count is None for stage, count in zip(self.stages, counts, strict=True))
        return max([asked if drawn else 1, *(count for count in counts if count is not None)])

    def send(
        self,
        image: Array,
        seed: int,
        image_id: str,
        repeat: int = 0,
        cover: Array | None = None,
        exact: Floats | None = None,
    ) -> Received:
        """Degrade `image`, uint8 H×W×C, with noise keyed by (seed, image, stage, repeat).

        `cover` and `exact` are handed to the stages that ask for them (`Shipment`).

        `details` are those of the stages; of two stages' equal keys the last counts, since it is what arrives.
        In a chain, `details["stages"]` holds what each stage recorded, with its id; `mask` is where any stage tampered.
        Masks and the cover move with the picture (`Degradation.move`); a mask whose size no longer fits is dropped.

        Raises:
            CellFailure: where a stage cannot degrade this picture, or returned something that is not one.
        """
        details: dict[str, Any] = {}
        recorded: list[dict[str, Any]] = []
        masks: list[Array] = []
        extras: dict[str, Array] = {}
        shipment = Shipment(image_id, repeat, image if cover is None else cover, exact)
        floats: Floats | None = None
        for index, stage in enumerate(self.stages):
            keys = (seed, image_id, index, stage.id, repeat)
            rng = keyed_generator(*keys)
            if floats is None:
                received = stage.handle(image, rng, shipment)
                floats = received.exact
            else:
                floats = stage.apply_exact(floats * np.float32(255), rng) / np.float32(255)
                received = Received(np.clip(np.rint(floats * 255), 0, 255).astype(np.uint8))
            _check_picture(received.image, image, stage)
            image = received.image
            masks = [_all_or_nothing(stage.move(mask, keyed_generator(*keys))) for mask in masks]
            if shipment.cover is not None and any(_knows_its_trip(later) for later in self.stages[index + 1 :]):
                shipment = replace(shipment, cover=stage.move(shipment.cover, keyed_generator(*keys)))
            details.update(received.details)
            extras.update(received.extras)
            if received.mask is not None:
                masks.append(received.mask)
            if received.details:
                recorded.append({"id": stage.id, **received.details})
        if len(self.stages) > 1 and recorded:
            details["stages"] = recorded
        fitting = [mask for mask in masks if mask.shape[:2] == image.shape[:2]]
        return Received(image, details, np.maximum.reduce(fitting) if fitting else None, extras, floats)


def _knows_its_trip(stage: Degradation) -> bool:
    return type(stage).handle is not Degradation.handle


def _all_or_nothing(mask: Array) -> Array:
    """A mask again, after an interpolation: a pixel counts as replaced if half of it was."""
    return (mask >= 128).astype(np.uint8) * np.uint8(255)


def _check_picture(after: Array, before: Array, stage: Degradation) -> None:
    """Catch a degradation that breaks the contract where it does, not in the model that is handed the result."""
    if after.dtype != np.uint8 or after.ndim != 3 or after.shape[2] != before.shape[2] or after.size == 0:
        what = f"{after.dtype} {'x'.join(map(str, after.shape))}"
        raise CellFailure("bad_shape", f"{stage.id} returned {what}, not uint8 HxWx{before.shape[2]}")
