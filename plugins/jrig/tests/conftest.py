"""What the tests of JRIG share: tiny networks, and photos."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch import Tensor

from bench_jrig.config import NetworkConfig, TrainingConfig, load_preset
from bench_jrig.networks import JrigNetwork

TINY = (
    "h_channels=4", "h_middle_blocks=1", "r_channels=4", "r_blocks=1", "r_wide=4", "d_channels=4", "d_layers=2",
    "crop=32", "batch=4", "late_crop=40", "late_batch=4", "warmup=2",
)  # fmt: skip


@pytest.fixture
def tiny_settings() -> tuple[str, ...]:
    """`key=value` texts that make networks and crops tiny."""
    return TINY


@pytest.fixture
def tiny() -> NetworkConfig:
    return load_preset("small", TINY)[0]


@pytest.fixture
def network(tiny: NetworkConfig) -> JrigNetwork:
    return JrigNetwork(tiny)


@pytest.fixture
def config() -> Callable[..., TrainingConfig]:
    """The preset `small` for tiny networks, with `key=value` texts applied."""

    def make(*overrides: str, preset: str = "small") -> TrainingConfig:
        return load_preset(preset, (*TINY, *overrides))[1]

    return make


@pytest.fixture
def pictures() -> Tensor:
    """Eight photo crops N×3×32×32 in [−1, 1]."""
    photo = data.astronaut()
    crops = np.stack([photo[32 * i : 32 * i + 32, 100 + 40 * i : 132 + 40 * i] for i in range(8)])
    return torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 3, 1, 2))).float() / 127.5 - 1


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with twelve photos of 96×96."""
    folder = tmp_path / "photos"
    folder.mkdir()
    sources = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    for index in range(12):
        top, left = 40 + 30 * (index // 4), 100 + 60 * (index // 4)
        Image.fromarray(sources[index % 4][top : top + 96, left : left + 96]).save(folder / f"{index}.png")
    return folder
