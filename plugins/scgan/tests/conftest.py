"""What the tests of SCGAN share: tiny networks, and photos with saliency maps."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch import Tensor

from bench_core.training import Cadence, Hyperparameters, TrainingOptions
from bench_scgan.config import NetworkConfig, TrainingConfig, load_preset

TINY = (
    "size=64", "depth=6", "ch=4", "cap=8", "lat=4", "global_ch=2", "d_ch=4", "batch=2",
)  # fmt: skip


@pytest.fixture
def tiny_settings() -> tuple[str, ...]:
    """`key=value` texts that make networks and pictures tiny."""
    return TINY


@pytest.fixture
def tiny() -> Callable[..., tuple[NetworkConfig, TrainingConfig]]:
    """The preset `small` for tiny networks, with `key=value` texts applied."""
    return lambda *overrides: load_preset("small", (*TINY, *overrides))


@pytest.fixture
def options(tmp_path: Path) -> Callable[..., TrainingOptions]:
    """What a command line would give, with `key=value` texts applied; `data` to train on, and weights to start from."""

    def made(known: Hyperparameters, data: str, *overrides: str, init: Path | None = None) -> TrainingOptions:
        return TrainingOptions(
            hyperparameters=known, preset="small", overrides=overrides, data=(data,), val=(), out=tmp_path / "run",
            seed=0, init=init, device="cpu", mixed_precision="no", accept_changes=False, cadence=Cadence(),
        )  # fmt: skip

    return made


@pytest.fixture
def batch() -> dict[str, Tensor]:
    """What the objectives take: 2 pictures of 64×64 in [−1, 1]."""
    torch.manual_seed(1)
    return {
        "color": torch.rand(2, 3, 64, 64) * 2 - 1,
        "gray": torch.rand(2, 1, 64, 64) * 2 - 1,
        "noise": torch.zeros(2, 1, 64, 64),
        "saliency": torch.rand(2, 1, 64, 64),
        "alpha": torch.rand(2, 2),
    }


def cuts() -> list[np.ndarray]:
    """Six photos of 80×96."""
    sources = [data.astronaut(), data.coffee(), data.chelsea()]
    return [sources[i % 3][40 + 90 * (i // 3) :][:80, 100 + 60 * (i // 3) :][:, :96] for i in range(6)]


@pytest.fixture
def photos(tmp_path: Path) -> str:
    """`folder:` of six photos and their saliency, an ellipse in the middle."""
    rows, columns = np.mgrid[-1:1:80j, -1:1:96j]
    inside = np.uint8(255) * (rows**2 + columns**2 < 0.5)
    for name in ("photos", "maps"):
        (tmp_path / name).mkdir()
    for index, photo in enumerate(cuts()):
        Image.fromarray(photo).save(tmp_path / "photos" / f"{index}.png")
        Image.fromarray(np.roll(inside, 4 * index, axis=1)).save(tmp_path / "maps" / f"{index}.png")
    return f"folder:{tmp_path / 'photos'},saliency={tmp_path / 'maps'}"
