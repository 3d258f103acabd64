"""What the tests of SDC share: tiny networks, photos with maps of three classes, and the editor's page."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from bench_semantic.color_net import ColorNet
from bench_semantic.colorize import Colorizer
from bench_semantic.config import load_color, load_segmentation
from bench_semantic.editor.workplace import Workplace, find_photos
from bench_semantic.grid_net import GridNet
from bench_semantic.label_sets import LabelSet, read_label_set
from bench_semantic.weights import SdcNetworks, save_weights

sys.path.insert(0, str(Path(__file__).parent / "support"))

if TYPE_CHECKING:
    from editor_desk import Desk
    from playwright.sync_api import Browser

TINY_COLOR = ("width=2", "levels=3", "crop=16", "resize=20", "batch=2", "warmup=1")
TINY_SEGMENTATION = ("seg_width=2", "rows=3", "columns=4", "crop=16", "resize=20", "batch=2", "warmup=1")

LABELS = """
title = "dark, middling and bright, and what is not said"
void = { id = [9], letters = [0] }
void_class = "unknown"
classes = [
    { name = "dark", id = 10, letters = [65, 97] },
    { name = "middling", id = 20, letters = 66 },
    { name = "bright", id = 30 },
    { name = "unknown", color = [1, 2, 3], id = [] },
]
"""


def _options(settings: tuple[str, ...]) -> list[str]:
    return [part for setting in settings for part in ("--set", setting)]


@pytest.fixture
def tiny_color() -> list[str]:
    """Options that make the color network and its pictures tiny."""
    return _options(TINY_COLOR)


@pytest.fixture
def tiny_segmentation() -> list[str]:
    """The same for GridNet."""
    return _options(TINY_SEGMENTATION)


@pytest.fixture
def labels_file(tmp_path: Path) -> Path:
    path = tmp_path / "light.toml"
    path.write_text(LABELS)
    return path


@pytest.fixture
def labels(labels_file: Path) -> LabelSet:
    return read_label_set(str(labels_file))[0]


@pytest.fixture
def networks(labels: LabelSet) -> SdcNetworks:
    """Both networks, tiny and untrained, in evaluation mode."""
    color = ColorNet(load_color("small", len(labels), TINY_COLOR)[0], "kaiming")
    color.last.weight.data *= 20  # so that they paint something
    segmentation = GridNet(load_segmentation("small", len(labels), TINY_SEGMENTATION)[0])
    return SdcNetworks(labels, color, segmentation).eval().requires_grad_(False)


@pytest.fixture
def weights(networks: SdcNetworks, tmp_path: Path) -> Path:
    path = tmp_path / "sdc.safetensors"
    save_weights(path, networks, {"color": {"steps": 1}, "segmentation": {"steps": 2}})
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with six photos of 40×30 in `images`, and maps of how light they are in `maps`."""
    sources = [data.astronaut(), data.coffee(), data.chelsea()]
    for folder in ("images", "maps"):
        (tmp_path / "photos" / folder).mkdir(parents=True)
    for index in range(6):
        top = 60 + 40 * (index // 3)
        photo = sources[index % 3][top : top + 120 : 4, 100:260:4]
        gray = photo.mean(axis=2)
        numbers = np.select([gray < 60, gray < 120, gray < 240], [10, 20, 30], 9).astype(np.uint8)
        Image.fromarray(photo).save(tmp_path / "photos" / "images" / f"{index}.png")
        Image.fromarray(numbers).save(tmp_path / "photos" / "maps" / f"{index}.png")
    return tmp_path / "photos"


@pytest.fixture
def dataset(photos: Path) -> str:
    return f"folder:{photos / 'images'},semantic={photos / 'maps'}"


@pytest.fixture
def color_net() -> Callable[..., ColorNet]:
    """A color network of three levels, with `key=value` texts applied."""

    def make(*overrides: str, n_classes: int = 60, eps: float = 1e-5, init: str = "kaiming") -> ColorNet:
        network = ColorNet(load_color("small", n_classes, (*TINY_COLOR, *overrides))[0], init, eps)
        return network.requires_grad_(False)

    return make


@pytest.fixture
def work(networks: SdcNetworks, photos: Path) -> Iterator[Workplace]:
    """The editor's photos and maps, without its page."""
    place = Workplace(Colorizer(networks), find_photos([photos / "images"]))
    yield place
    place.close()


@pytest.fixture
def networks60() -> SdcNetworks:
    """Both networks for the 60 classes of the paper, tiny and untrained."""
    labels = read_label_set("pascal-context-59")[0]
    torch.manual_seed(0)  # what is painted must differ from what is predicted
    color = ColorNet(load_color("small", len(labels), TINY_COLOR)[0], "kaiming")
    color.last.weight.data *= 20  # so that they paint something
    segmentation = GridNet(load_segmentation("small", len(labels), TINY_SEGMENTATION)[0])
    return SdcNetworks(labels, color, segmentation).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Chromium without a window."""
    from editor_desk import launched

    with launched() as found:
        yield found


@pytest.fixture
def desk_photos(tmp_path: Path) -> list[Path]:
    """Two photos."""
    from editor_desk import HEIGHT, WIDTH

    for name, photo in (("one", data.astronaut()), ("two", data.coffee())):
        Image.fromarray(photo[40 : 40 + 2 * HEIGHT : 2, 120 : 120 + 2 * WIDTH : 2]).save(tmp_path / f"{name}.png")
    return [tmp_path / "one.png", tmp_path / "two.png"]


@pytest.fixture
def desk(browser: "Browser", networks60: SdcNetworks, desk_photos: list[Path], tmp_path: Path) -> Iterator["Desk"]:
    """The editor's page with two photos, the first of them open; the other one has not been read."""
    from editor_desk import opened

    place = Workplace(Colorizer(networks60), desk_photos, tmp_path / "edits")
    with opened(browser, place) as found:
        yield found
    place.close()
