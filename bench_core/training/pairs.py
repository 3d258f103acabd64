"""Hosts and secrets to train on, for methods that hide pictures in a picture."""

import numpy as np
from torch import Tensor

from bench_core.photos import Crops
from bench_core.torch_model import to_tensor


def hosts_and_secrets(crops: Crops, count: int, n_secrets: int, rng: np.random.Generator) -> dict[str, Tensor]:
    """`host` N×3×H×W and `secret` N×3K×H×W in [0, 1], random crops of as many photos, drawn from `rng`."""
    drawn = to_tensor(list(crops.draw(count * (1 + n_secrets), rng)))
    return {"host": drawn[:count], "secret": drawn[count:].reshape(count, 3 * n_secrets, *drawn.shape[-2:])}
