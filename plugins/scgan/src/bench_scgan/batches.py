"""Batches of photos with their saliency: in an order that is drawn anew each epoch, and exact after a resume."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench_core.photos import Pixels
from bench_core.randomness import keyed_generator
from bench_core.torch_model import to_tensor
from bench_scgan.config import NetworkConfig, TrainingConfig
from bench_scgan.views import gray_of, resized, to_range

Thing = TypeVar("Thing")


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    return keyed_generator(seed, "epoch", epoch, "", 0).permutation(count)


def drawn(photos: Sequence[Thing], seed: int, first: int, count: int) -> list[Thing]:
    """`count` photos from place `first` on of an endless row, in which each epoch has each photo once."""
    places = range(first, first + count)
    return [photos[_order(seed, place // len(photos), len(photos))[place % len(photos)]] for place in places]


def viewed(photo: Pixels, config: TrainingConfig, rng: np.random.Generator) -> Pixels:
    """The part of a photo to look at: all of it, or at random at least `crop_low` of either side, mirrored or not."""
    if config.view == "resize":
        return photo
    part = photo
    for axis, side in enumerate(photo.shape[:2]):
        length = max(1, round(side * rng.uniform(config.crop_low, 1)))
        start = int(rng.integers(0, side - length + 1))
        part = part[start : start + length] if axis == 0 else part[:, start : start + length]
    return part[:, ::-1] if rng.integers(2) else part


def prepared(photos: Sequence[Pixels], config: NetworkConfig) -> dict[str, Tensor]:
    """`color` N×3, `gray` N×1 and, of photos with 4 channels, `saliency` N×1, at the network's size, in [0, 1].

    The gray picture is that of the resized colors, rounded to 8 bits.
    """
    pictures = torch.cat([resized(to_tensor([photo]), config) for photo in photos])
    color = pictures[:, :3]
    found = {"color": color, "gray": gray_of(color)}
    return found | ({"saliency": pictures[:, 3:]} if pictures.shape[1] > 3 else {})


@dataclass(frozen=True)
class Batches:
    """What a step of a stage trains on. `processes` draw as many batches a step, each its own."""

    photos: Sequence[Pixels]
    network: NetworkConfig
    config: TrainingConfig
    seed: int
    second: bool
    processes: int = 1

    def __call__(self, step: int, process: int) -> dict[str, Any]:
        """The objectives' arguments."""
        config, count = self.config, self.config.batch
        rng = keyed_generator(self.seed, "train", step, "", process)
        photos = drawn(self.photos, self.seed, (step * self.processes + process) * count, count)
        batch = prepared([viewed(photo, config, rng) for photo in photos], self.network)
        for name in ("color", "gray"):
            batch[name] = to_range(batch[name], self.network)
        noise = config.noise_std * rng.standard_normal(batch["gray"].shape, dtype=np.float32)
        alpha = rng.random((count, 2), dtype=np.float32)
        return {**batch, "noise": torch.from_numpy(noise), "alpha": torch.from_numpy(alpha), "second": self.second}
