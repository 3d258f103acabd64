"""What the shipped weights do, on photos that they were not trained on."""

from typing import Any

import numpy as np
import pytest
from skimage import data
from sklearn.datasets import load_sample_image

from bench_core.images import luminance
from bench_core.nn.lab import rgb_to_lab
from bench_core.torch_model import to_tensor
from bench_semantic.colorize import Colorizer
from bench_semantic.method import Sdc, SdcCamvid
from bench_semantic.weights import SHIPPED, SHIPPED_CAMVID, load_weights

Pixels = np.ndarray[Any, Any]

PAGODA = load_sample_image("china.jpg")
"""Under a bright sky, between trees."""


@pytest.fixture(scope="module")
def photos() -> Colorizer:
    return Sdc({}, None, "cpu").colorizer


@pytest.fixture(scope="module")
def streets() -> Colorizer:
    return SdcCamvid({}, None, "cpu").colorizer


def mean_ab(color: Pixels) -> Pixels:
    found: Pixels = rgb_to_lab(to_tensor([color]))[0, 1:].mean((1, 2)).numpy()
    return found


def painted(colorizer: Colorizer, photo: Pixels, name: str) -> Pixels:
    """The mean a and b where all of a photo is said to be of one class."""
    classes = np.full(photo.shape[:2], colorizer.labels.index(name), np.uint8)
    return mean_ab(colorizer.paint(luminance(photo), classes))


@pytest.mark.parametrize("method", ["photos", "streets"])
def test_the_sky_is_found_where_it_is(method: str, request: pytest.FixtureRequest) -> None:
    colorizer: Colorizer = request.getfixturevalue(method)
    found = colorizer.segment(luminance(PAGODA)) == colorizer.labels.index("sky")
    quarter = len(found) // 4
    assert found[:quarter].mean() > 0.8
    assert found[-quarter:].mean() < 0.1


@pytest.mark.parametrize("photo", [data.astronaut(), PAGODA], ids=["astronaut", "pagoda"])
def test_what_a_photo_is_said_to_show_decides_its_colors(photos: Colorizer, photo: Pixels) -> None:
    plant, food, person, sky = (painted(photos, photo, name) for name in ("plant", "food", "person", "sky"))
    assert plant[0] < min(food[0], person[0]) - 3  # a*: greener
    assert person[0] > sky[0] + 2  # skin
    assert food[1] > sky[1] + 3  # b*: warmer


def test_their_colors_are_nearer_than_none(photos: Colorizer) -> None:
    gray = own = 0.0
    for photo in (data.astronaut(), data.coffee(), data.chelsea(), PAGODA):
        level = luminance(photo)
        truth = rgb_to_lab(to_tensor([photo]))[0, 1:]
        found = rgb_to_lab(to_tensor([photos.paint(level, photos.segment(level))]))[0, 1:]
        own += float((found - truth).square().mean())
        gray += float(truth.square().mean())
    assert own < 0.95 * gray


@pytest.mark.parametrize("method", ["photos", "streets"])
def test_an_edit_of_one_region_changes_colors_there_more_than_far_away(
    method: str, request: pytest.FixtureRequest
) -> None:
    colorizer: Colorizer = request.getfixturevalue(method)
    gray = luminance(data.astronaut())
    classes = colorizer.segment(gray)
    edited = classes.copy()
    height, width = (side // 4 for side in classes.shape)
    edited[:height, :width] = 3
    assert (edited != classes).any()
    difference = np.abs(colorizer.paint(gray, edited).astype(int) - colorizer.paint(gray, classes)).mean(axis=2)
    assert difference[:height, :width].mean() > 4 * difference[2 * height :, 2 * width :].mean()


def test_they_say_how_they_were_made() -> None:
    for path, labels, counts, photos in (
        (SHIPPED, "coco-27", (2_356_804, 524_138), (1400, 1305)),
        (SHIPPED_CAMVID, "camvid", (2_356_776, 517_162), (305, 305)),
    ):
        loaded = load_weights(path)
        networks = (loaded.network.color, loaded.network.segmentation)
        assert loaded.network.labels.name == labels
        assert tuple(sum(p.numel() for p in each.parameters()) for each in networks if each is not None) == counts
        assert tuple(loaded.training[kind]["photos"] for kind in ("color", "segmentation")) == photos
        assert path.stat().st_size < 10_000_000
