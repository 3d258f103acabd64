"""What the shipped weights do, on photos that are not of CIFAR-10."""

from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from bench_autoencoder.method import Autoencoder
from bench_autoencoder.weights import SHIPPED, load_weights
from bench_core.images import luminance
from bench_core.model import Condition

Pixels = np.ndarray[Any, Any]


def thumbnails() -> list[Pixels]:
    """Parts of four photos, averaged to 32×32, so that they look like what the network knows."""
    parts = []
    for photo in (data.astronaut(), data.coffee(), data.chelsea(), data.rocket()):
        for left in (0, 150):
            part = Image.fromarray(photo[:280, left : left + 280])
            parts.append(np.asarray(part.resize((32, 32), Image.Resampling.BOX)))
    return parts


def colored(model: Autoencoder, gray: Pixels) -> Pixels:
    return model.decode_all([gray], Condition())[0]["color"]


def mse(a: Pixels, b: Pixels) -> float:
    return float(np.mean((np.asarray(a, float) - b / 255) ** 2))


def test_with_the_luma_of_the_input_it_is_nearer_than_the_gray_copy() -> None:
    own, kept = Autoencoder(), Autoencoder({"luma_transfer": True})
    errors = {"own": 0.0, "kept": 0.0, "copy": 0.0}
    for photo in thumbnails():
        gray = luminance(photo)
        errors["own"] += mse(colored(own, gray), photo)
        errors["kept"] += mse(colored(kept, gray), photo)
        errors["copy"] += mse(np.repeat(gray, 3, axis=2) / 255, photo)
    assert errors["kept"] < errors["copy"]
    assert errors["kept"] < errors["own"]  # what the bottleneck loses, the input has


@pytest.mark.parametrize("sizes", ["thumb", "tile"])
def test_other_sizes_get_colors_too(sizes: str) -> None:
    photo = data.astronaut()[:100, 150:270]
    found = colored(Autoencoder({"sizes": sizes}), luminance(photo))
    assert found.shape == photo.shape
    assert np.ptp(found, axis=2).mean() > 0.01


def test_they_say_how_they_were_made() -> None:
    loaded = load_weights(SHIPPED)
    assert sum(parameter.numel() for parameter in loaded.network.parameters()) == 3_431_811
    assert (loaded.training["preset"], loaded.training["gray"]) == ("paper", "luma")
    assert SHIPPED.stat().st_size < 10_000_000
