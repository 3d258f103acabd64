"""What the shipped weights do, on photos that they were not trained on."""

from typing import Any

import numpy as np
import pytest
from skimage import data

from bench_core.images import luminance, to_uint8
from bench_core.metric import Metric
from bench_core.model import Condition
from bench_core.plugins import registry
from bench_scgan.method import Scgan
from bench_scgan.weights import SHIPPED, load_weights

Pixels = np.ndarray[Any, Any]

PHOTOS = (data.astronaut(), data.coffee(), data.chelsea(), data.rocket())


@pytest.fixture(scope="module")
def shipped() -> Scgan:
    return Scgan({}, None, "cpu")


def outputs(model: Scgan, photo: Pixels) -> dict[str, Pixels]:
    return {name: to_uint8(value) for name, value in model.decode_all([luminance(photo)], Condition())[0].items()}


def score(name: str, estimate: Pixels, photo: Pixels) -> float:
    metric: Metric = registry().metrics.create(name)
    return float(metric.measure(estimate, metric.prepare(photo)).value)


def test_their_colors_are_nearer_than_none(shipped: Scgan) -> None:
    errors = {"scgan": 0.0, "gray": 0.0}
    for photo in PHOTOS:
        errors["scgan"] += score("rmse_ab", outputs(shipped, photo)["color"], photo) ** 2
        errors["gray"] += score("rmse_ab", np.repeat(luminance(photo), 3, axis=2), photo) ** 2
    assert errors["scgan"] < 0.9 * errors["gray"]


def test_what_is_salient_is_where_the_photographer_put_it(shipped: Scgan) -> None:
    for photo in (data.coffee(), data.chelsea()):
        saliency = outputs(shipped, photo)["saliency"] / 255
        height, width = saliency.shape[:2]
        middle = saliency[height // 4 : -height // 4, width // 4 : -width // 4].mean()
        assert middle > 1.4 * saliency.mean()
        assert middle > 0.6


def test_they_say_how_they_were_made() -> None:
    loaded = load_weights(SHIPPED)
    assert sum(parameter.numel() for parameter in loaded.network.parameters()) == 2_732_016
    training = loaded.training
    assert (training["preset"], training["l2"], training["photos"]) == ("small", True, 1100)
    assert training["started_from"]["photos"] == 50_000
    assert SHIPPED.stat().st_size < 10_000_000
