"""What the tests of the auto-encoder share: tiny networks, and pictures of 32×32."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from bench_autoencoder.config import TrainingConfig, load_preset
from bench_autoencoder.network import Autoencoder
from bench_autoencoder.weights import save_weights
from bench_core.photos import Pixels

TINY = ("filters=4", "latent=6")


@pytest.fixture
def make() -> Callable[..., Autoencoder]:
    """A tiny network of the seed's weights, with `key=value` texts applied."""

    def build(*overrides: str) -> Autoencoder:
        return Autoencoder(load_preset("paper", (*TINY, *overrides))[0])

    return build


@pytest.fixture
def network(make: Callable[..., Autoencoder]) -> Autoencoder:
    return make().eval()


@pytest.fixture
def config() -> Callable[..., TrainingConfig]:
    """The preset `paper` with `key=value` texts applied."""
    return lambda *overrides: load_preset("paper", overrides)[1]


@pytest.fixture(scope="session")
def pictures() -> Pixels:
    """Forty crops of photos, uint8 40×32×32×3."""
    photo = data.astronaut()
    return np.stack([photo[12 * i : 12 * i + 32, 10 * i : 10 * i + 32] for i in range(40)])


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, pictures: Pixels) -> str:
    """A data set of those crops and of a larger photo that is no square."""
    place = tmp_path_factory.mktemp("pictures")
    for index, picture in enumerate(pictures[:20]):
        Image.fromarray(picture).save(place / f"{index:02}.png")
    Image.fromarray(data.coffee()[:150, :200]).save(place / "wide.png")
    return f"folder:{place}"


@pytest.fixture
def weights(tmp_path: Path, make: Callable[..., Autoencoder]) -> Path:
    """A weights file of a tiny network."""
    torch.manual_seed(3)
    path = tmp_path / "tiny.safetensors"
    save_weights(path, make(), {"preset": "tiny"})
    return path
