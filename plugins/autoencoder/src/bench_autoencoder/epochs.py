"""Epochs: every picture once, in an order that only the seed and the epoch's number decide."""

import math
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench_autoencoder.pictures import to_gray
from bench_core.photos import Pixels
from bench_core.randomness import keyed_generator


def as_batch(color: Pixels, gray: str) -> dict[str, Tensor]:
    """`color` N×3×32×32 and `gray` N×1×32×32, float32 in [0, 1], of uint8 pictures N×32×32×3."""
    pair = {"color": color, "gray": to_gray(color, gray)}
    return {
        name: torch.from_numpy(np.ascontiguousarray(value.transpose(0, 3, 1, 2))).float().div_(255)
        for name, value in pair.items()
    }


class Epochs:
    """The batch of each step and process: `size` pictures each, less at the end of an epoch.

    Nothing is drawn twice in an epoch. A step is `size` pictures for every process; the epoch's last step deals out
    what is left, at least one picture each.
    """

    def __init__(self, pictures: Pixels, size: int, gray: str, seed: int, processes: int = 1) -> None:
        self.pictures, self.size, self.gray, self.seed, self.processes = pictures, size, gray, seed, processes
        self._order = lru_cache(maxsize=1)(self._shuffled)

    @cached_property
    def steps(self) -> int:
        """Steps an epoch."""
        return math.ceil(len(self.pictures) / (self.size * self.processes))

    def chosen(self, step: int, process: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Which pictures a process learns from in a step of the whole run."""
        epoch, index = divmod(step, self.steps)
        together = self.size * self.processes
        dealt = self._order(epoch)[index * together : (index + 1) * together]
        return dealt[process :: self.processes] if process < len(dealt) else dealt[:1]

    def __call__(self, step: int, process: int) -> dict[str, Tensor]:
        """The objective's arguments."""
        return as_batch(self.pictures[self.chosen(step, process)], self.gray)

    def _shuffled(self, epoch: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        return keyed_generator(self.seed, "train", epoch, "autoencoder", 0).permutation(len(self.pictures))
