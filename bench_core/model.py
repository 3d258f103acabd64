"""The base classes of methods, and what a receiver may know.

`ArrayModel` speaks uint8 H×W×C arrays, one picture at a time, and needs no torch. `TorchModel`
(bench_core.torch_model) speaks float32 N×C×H×W tensors in [0, 1]. The harness talks to both through
`encode_all` and `decode_all`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from bench_core.errors import CellFailure, MissingWeights
from bench_core.params import Param, Value
from bench_core.task import Task

Array = np.ndarray[Any, Any]


class Sample(dict[str, Any]):
    """What a sender knows: the task's fields, and `rngs`, one keyed generator per picture for methods that draw."""

    def __init__(self, fields: Mapping[str, Any], rngs: Sequence[np.random.Generator] = ()) -> None:
        super().__init__(fields)
        self.rngs = tuple(rngs)


@dataclass(frozen=True)
class Stage:
    """One degradation of the channel as a receiver is told of it: its kind and its parameters."""

    kind: str
    values: Mapping[str, Value]


@dataclass(frozen=True)
class Condition:
    """What a receiver may know besides the received picture.

    `stages` is None unless the model declares `told`; `rngs` holds one keyed generator per picture. `oracle` holds, for
    each picture, those fields of its sample that the model's `oracle` names: the truth, as it was before any
    degradation. It is () for every other model.
    """

    stages: tuple[Stage, ...] | None = None
    rngs: tuple[np.random.Generator, ...] = ()
    oracle: tuple[Mapping[str, Any], ...] = ()

    def only(self, pictures: Sequence[int]) -> "Condition":
        """What is known of some of the pictures."""
        return Condition(
            self.stages,
            tuple(self.rngs[index] for index in pictures) if self.rngs else (),
            tuple(self.oracle[index] for index in pictures) if self.oracle else (),
        )

    def truth(self, field: str) -> list[Any]:
        """The true `field` of each picture, as its sample holds it: pictures uint8 H×W×C, which may be another size.

        Raises:
            CellFailure: `skipped_unsupported`, where a picture's data set has no such field.
        """
        if not self.oracle or any(field not in known for known in self.oracle):
            raise CellFailure(
                "skipped_unsupported",
                f"the method is to be told the true '{field}' of the picture, and there is none; "
                f"e.g. --dataset folder:photos,{field}=DIR",
            )
        return [known[field] for known in self.oracle]

    def normal(self, shape: Sequence[int]) -> Array:
        """Standard normal float32 draws N×*shape, each picture's from its own generator."""
        return np.stack([rng.standard_normal(tuple(shape), dtype=np.float32) for rng in self.rngs])


class Model:
    """A method under test.

    Class attributes say what the harness must know: the `task`; the `outputs` decode returns (default: all of
    the task's); `told`, whether decode is told the degradation; `oracle`, the optional fields of a sample that decode
    is told, though no receiver could know them (`setup` may set it, where it depends on the settings); `stochastic`,
    whether encode or decode draws from the generators; `takes_floats`, whether decode can be handed unrounded pictures,
    float H×W×C in [0, 1]; `params`, what `--set key=value` may change. `default_weights` is the file that ships with
    the plugin (it need not be there yet), or None for a method that has none.
    """

    name: str = ""
    task: ClassVar[Task]
    outputs: tuple[str, ...] = ()
    told: ClassVar[bool] = False
    oracle: tuple[str, ...] = ()
    takes_floats: ClassVar[bool] = False
    stochastic: bool = False
    params: ClassVar[tuple[Param, ...]] = ()
    default_weights: ClassVar[Path | None] = None

    def __init__(
        self, settings: Mapping[str, Value] | None = None, weights: Path | None = None, device: str = "cpu"
    ) -> None:
        defaults = {param.name: param.default for param in self.params if not param.required}
        self.settings: dict[str, Value] = {**defaults, **(settings or {})}
        self.weights = weights or self.default_weights
        self.device = "cpu" if device == "auto" else device
        self.setup()

    def setup(self) -> None:
        """Build the method, once its settings, weights and device are known."""

    def needed_weights(self) -> Path:
        """The weights file: what was given, or what ships. MissingWeights where there is neither."""
        if self.weights is None or (self.weights == self.default_weights and not self.weights.is_file()):
            raise MissingWeights(
                f"{self.name} needs weights, and none ship with it; train some, e.g. bench train {self.name} "
                f"--data folder:photos --out runs/{self.name}, then --weights runs/{self.name}/best.safetensors"
            )
        return self.weights

    @property
    def secrets(self) -> int:
        """How many secrets one host carries (steganography)."""
        return 1

    def output_shape(self, field: str, received: Array) -> tuple[int, int, int]:
        """The H×W×C that decode must return for an output field."""
        channels = {"secret": 3 * self.secrets, "saliency": 1, "semantic": 1}
        return (*received.shape[:2], channels.get(field, 3))

    def returned(self) -> tuple[str, ...]:
        """The output fields decode returns; `setup` may set `outputs`, where they depend on the weights."""
        return self.outputs or self.task.outputs

    def carriers(self, samples: Sequence[Sample]) -> list[Array]:
        """What is sent: the method's encoding, or what the task fixes. Called by the harness."""
        if self.task.carrier is not None:
            return [sample[self.task.carrier] for sample in samples]
        return self.encode_all(samples)

    def encode_all(self, samples: Sequence[Sample]) -> list[Array]:
        """Carriers of several samples of one shape: uint8, or float in [0, 1], H×W×C."""
        raise TypeError(f"{type(self).__name__} must derive from ArrayModel or TorchModel")

    def decode_all(self, received: Sequence[Array], condition: Condition) -> list[dict[str, Array]]:
        """Outputs of several received pictures of one shape. Called by the harness."""
        raise TypeError(f"{type(self).__name__} must derive from ArrayModel or TorchModel")


class ArrayModel(Model):
    """A method that works on uint8 H×W×C arrays, one picture at a time, without torch."""

    def encode(self, sample: Sample) -> Array:
        """The carrier, uint8 H×W×C (a gray one has C = 1). Not called where the task fixes it."""
        raise TypeError(f"{type(self).__name__} does not say how to encode")

    def decode(self, received: Array, condition: Condition) -> dict[str, Array]:
        """The outputs, uint8 H×W×C each, from the received picture alone."""
        raise TypeError(f"{type(self).__name__} does not say how to decode")

    def encode_all(self, samples: Sequence[Sample]) -> list[Array]:
        """One after another."""
        return [self.encode(sample) for sample in samples]

    def decode_all(self, received: Sequence[Array], condition: Condition) -> list[dict[str, Array]]:
        """One after another, each with its own generator."""
        return [self.decode(image, condition.only([index])) for index, image in enumerate(received)]
