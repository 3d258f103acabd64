"""Training photos with their maps, and the sets of integers that hyper-parameters write."""

import numpy as np
import pytest

from bench_core import photos
from bench_core.errors import RequestError
from bench_core.integer_sets import parse_integers
from bench_core.photos import Crops, load_photos


class Mapped:
    """Two photos with a saliency map that is their red channel, and one without."""

    def ids(self) -> list[str]:
        return ["a", "b", "bare"]

    def load(self, image_id: str) -> dict[str, np.ndarray]:
        color = np.random.default_rng(ord(image_id[0])).integers(0, 256, (20, 24, 3), dtype=np.uint8)
        return {"color": color} if image_id == "bare" else {"color": color, "saliency": color[:, :, :1]}


@pytest.fixture(autouse=True)
def mapped(monkeypatch: pytest.MonkeyPatch) -> None:
    class Registry:
        datasets = type("Datasets", (), {"create": staticmethod(lambda spec: Mapped())})

    monkeypatch.setattr(photos, "registry", Registry)


def test_maps_are_further_channels_and_a_photo_without_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    loaded = load_photos(["any"], also=["saliency"])
    assert [photo.shape for photo in loaded] == [(20, 24, 4)] * 2
    assert "bare: no saliency map" in caplog.text
    assert [photo.shape for photo in load_photos(["any"])] == [(20, 24, 3)] * 3


def test_none_with_such_a_map_is_refused_with_an_example() -> None:
    with pytest.raises(RequestError, match=r"no photo with its semantic map; .*--data folder:photos,semantic=DIR"):
        load_photos(["any"], also=["semantic"])


def test_crops_turn_a_photo_and_its_map_alike() -> None:
    drawn = Crops(load_photos(["any"], also=["saliency"]), 16).draw(8, np.random.default_rng(0))
    assert drawn.shape == (8, 16, 16, 4)
    assert (drawn[..., 3] == drawn[..., 0]).all()


def test_sets_of_integers_are_read_in_the_order_written() -> None:
    assert parse_integers("60/75..80:5/90", 100, "q", "q=60") == (60, 75, 80, 90)
    for wrong in ("", "0", "101", "5..", "9..3", "1..100000000", "a", "5:0"):
        with pytest.raises(RequestError, match=f"q, not '{wrong}'; e.g. q=60"):
            parse_integers(wrong, 100, "q", "q=60")
