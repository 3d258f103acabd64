"""`TorchModel`: the base class of methods that are networks."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench_core.errors import RequestError, one_line
from bench_core.model import Array, Condition, Model, Sample
from bench_core.params import Value


def to_tensor(images: Sequence[Array], device: str = "cpu") -> Tensor:
    """H×W×C arrays of one shape as one float32 N×C×H×W tensor in [0, 1]: uint8, or unrounded ones as they are."""
    stacked = torch.from_numpy(np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))).to(device)
    return stacked.float() if stacked.is_floating_point() else stacked.float().div_(255)


def to_arrays(batch: Tensor) -> list[Array]:
    """An N×C×H×W tensor as float32 H×W×C arrays, unrounded: only the harness rounds."""
    return list(batch.detach().float().cpu().numpy().transpose(0, 2, 3, 1))


class TorchModel(Model):
    """A method on float32 N×C×H×W tensors in [0, 1], on `self.device`.

    On a CPU the harness gives batches of one picture: convolutions gain nothing from larger ones there, and
    the last bit of a result then cannot depend on the batch size.
    """

    takes_floats = True

    def __init__(
        self, settings: Mapping[str, Value] | None = None, weights: Path | None = None, device: str = "auto"
    ) -> None:
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            torch.empty(0, device=device)
        except (RuntimeError, AssertionError) as error:
            raise RequestError(f"--device {device}: {one_line(error)}; allowed: auto, cpu, cuda, cuda:1, …") from None
        super().__init__(settings, weights, device)

    def encode(self, sample: Sample) -> Tensor:
        """The carriers N×C×H×W, not yet rounded. Not called where the task fixes them."""
        raise TypeError(f"{type(self).__name__} does not say how to encode")

    def decode(self, received: Tensor, condition: Condition) -> dict[str, Tensor]:
        """The outputs N×C×H×W each, from the received pictures alone."""
        raise TypeError(f"{type(self).__name__} does not say how to decode")

    def encode_all(self, samples: Sequence[Sample]) -> list[Array]:
        """Stack, encode without gradients, unstack."""
        return [
            carrier for group in self._groups(len(samples)) for carrier in self._encode([samples[i] for i in group])
        ]

    def decode_all(self, received: Sequence[Array], condition: Condition) -> list[dict[str, Array]]:
        """Stack, decode without gradients, unstack."""
        return [
            output
            for group in self._groups(len(received))
            for output in self._decode([received[i] for i in group], condition.only(group))
        ]

    def _groups(self, count: int) -> list[list[int]]:
        if self.device == "cpu":
            return [[index] for index in range(count)]
        return [list(range(count))]

    def _encode(self, samples: list[Sample]) -> list[Array]:
        pictures = [key for key, value in samples[0].items() if isinstance(value, np.ndarray)]
        batch = {key: to_tensor([sample[key] for sample in samples], self.device) for key in pictures}
        with torch.inference_mode():
            return to_arrays(self.encode(Sample(batch, [rng for sample in samples for rng in sample.rngs])))

    def _decode(self, received: list[Array], condition: Condition) -> list[dict[str, Array]]:
        with torch.inference_mode():
            outputs = self.decode(to_tensor(received, self.device), condition)
        arrays = {key: to_arrays(value) for key, value in outputs.items()}
        return [{key: value[i] for key, value in arrays.items()} for i in range(len(received))]
