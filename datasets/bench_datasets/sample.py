"""`sample`: photos that pip packages carry, so that a first run needs no download."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench_core.dataset import Array, Dataset
from bench_core.errors import CellFailure
from bench_core.images import read_image

SIDE = 256
"""Every crop is SIDE×SIDE pixels."""

CARD = """\
16 crops of 256×256 pixels, cut without scaling from six photos that scikit-image and scikit-learn install:
- astronaut: Eileen Collins, by NASA (https://flic.kr/p/r9qvLn); public domain, no known copyright restrictions.
- coffee: a cup of coffee, by Rachel Michetti, courtesy of Pikolo Espresso Bar; CC0.
- chelsea: Chelsea the cat, by Stefan van der Walt; CC0.
- rocket: DSCOVR on Falcon 9, by SpaceX (https://www.flickr.com/photos/spacexphotos/16511594820/); public domain.
- china: a pagoda above a lake, by danielbuechele (https://www.flickr.com/photos/danielbuechele/6061409035/); CC BY 2.0.
- flower: a dahlia, by vultilion (https://www.flickr.com/photos/vultilion/6056698931/); CC BY 2.0.
They show that everything works and how methods differ; a figure for a paper needs a real test set.
"""


@dataclass(frozen=True)
class Crop:
    """One picture of the set: a square of a photo, from its top left corner (x to the right, y down)."""

    name: str
    photo: str
    x: int
    y: int


PHOTOS = {
    "astronaut": ("skimage", "data/astronaut.png"),
    "coffee": ("skimage", "data/coffee.png"),
    "chelsea": ("skimage", "data/chelsea.png"),
    "rocket": ("skimage", "data/rocket.jpg"),
    "china": ("sklearn", "datasets/images/china.jpg"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
}
"""Photo -> the package that carries it, and where in the package."""

# In this order the first few, which `--limit` takes, are already unlike each other: skin and flat wall, fine
# structure, saturated color, fur, smooth dark sky, hard edges.
CROPS = (
    Crop("astronaut-face", "astronaut", 96, 0),
    Crop("china-pagoda", "china", 60, 10),
    Crop("flower-bloom", "flower", 180, 80),
    Crop("chelsea-eye", "chelsea", 60, 0),
    Crop("rocket-tower", "rocket", 0, 171),
    Crop("coffee-cup", "coffee", 160, 0),
    Crop("astronaut-suit", "astronaut", 0, 256),
    Crop("china-lake", "china", 384, 100),
    Crop("flower-leaves", "flower", 0, 100),
    Crop("coffee-spoon", "coffee", 344, 144),
    Crop("astronaut-shuttle", "astronaut", 256, 0),
    Crop("china-roofs", "china", 40, 171),
    Crop("rocket-pad", "rocket", 192, 171),
    Crop("chelsea-nose", "chelsea", 195, 44),
    Crop("astronaut-helmet", "astronaut", 256, 256),
    Crop("rocket-mast", "rocket", 384, 0),
)


class Sample(Dataset):
    """16 fixed crops that differ in content, texture, color and smoothness. Reads files only, no network."""

    name = "sample"
    card = CARD

    def __init__(self) -> None:
        self._crops = {crop.name: crop for crop in CROPS}
        self._photos: dict[str, Array] = {}

    def ids(self) -> list[str]:
        """The crops' names."""
        return list(self._crops)

    def load(self, image_id: str) -> dict[str, Any]:
        """`color`, uint8 256×256×3; raises CellFailure (`decode_failed`) where its photo is not installed."""
        crop = self._crops.get(image_id)
        if crop is None:
            raise CellFailure("decode_failed", f"{image_id}: no such picture in {self.spec}")
        if crop.photo not in self._photos:
            self._photos[crop.photo] = read_image(photo_path(crop.photo))
        return {"color": self._photos[crop.photo][crop.y : crop.y + SIDE, crop.x : crop.x + SIDE].copy()}


def photo_path(photo: str) -> Path:
    """Where the installed package keeps a photo; the package itself is not imported."""
    package, place = PHOTOS[photo]
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise CellFailure("decode_failed", f"{photo}: the package {package} is not installed")
    return Path(spec.submodule_search_locations[0]) / place
