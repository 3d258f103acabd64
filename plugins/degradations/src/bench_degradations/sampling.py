"""Fewer pixels: resizing, blocks, and cropping. Pillow's filters widen when they shrink, so nothing aliases."""

import numpy as np
from PIL import Image

from bench_core.degradation import Array, Degradation, Received
from bench_core.params import Param
from bench_degradations.arrays import to_array, to_picture
from bench_degradations.boxes import Box, alike, placed
from bench_degradations.geometry import SIDE

_FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
    "lanczos": Image.Resampling.LANCZOS,
}


def resized(image: Array, width: int, height: int, kind: str) -> Array:
    """The picture at another size, by Pillow."""
    return to_array(to_picture(image).resize((width, height), _FILTERS[kind]))


class Resize(Degradation):
    """Scales by `factor`, and back to the old size; with `back=0` the receiver gets the new size."""

    name = "resize"
    params = (
        Param("factor", float, 0.01, 4, example="resize:0.5", help="new side over old side"),
        Param("back", bool, default=True, help="0: not scaled back; the receiver gets a picture of another size"),
        Param("filter", str, choices=tuple(_FILTERS), default="bicubic", help="Pillow's filter, both ways"),
    )

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Scale; the details tell the `size` (width, height) in between."""
        height, width = image.shape[:2]
        factor, kind = float(self.values["factor"]), str(self.values["filter"])
        size = max(1, round(width * factor)), max(1, round(height * factor))
        scaled = resized(image, *size, kind)
        details = {"size": list(size)}
        return Received(resized(scaled, width, height, kind) if self.values["back"] else scaled, details)

    def move(self, picture: Array, rng: np.random.Generator) -> Array:
        """To another size, or there and back, which leaves pixels where they were."""
        return picture if self.values["back"] else self.apply(picture, rng).image


class Pixelate(Degradation):
    """Blocks of one color: `factor` of the side's pixels, by means, and back (ImageNet-C's pixelate)."""

    name = "pixelate"
    params = (Param("factor", float, 0.01, 1, example="pixelate:0.25", help="blocks a pixel, along a side"),)

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Take means, and repeat them."""
        height, width = image.shape[:2]
        factor = float(self.values["factor"])
        few = resized(image, max(1, int(width * factor)), max(1, int(height * factor)), "box")
        return Received(resized(few, width, height, "box"))


class Crop(Degradation):
    """Keeps a share `area` of the picture, in its proportions, and sends a picture of the old size.

    `fill=0` leaves what is kept in its place and blackens the rest, so the receiver knows the position. `fill=resize`
    scales it up to the whole frame, and the position is lost; with `side=known` it is scaled back into its place.
    """

    name = "crop"
    stochastic = True
    params = (
        Param("area", float, 0.001, 1, example="crop:0.8", help="share of the area that is kept"),
        Param("anchor", str, choices=("random", "centre"), default="random", help="where the kept part lies"),
        Param("fill", str, choices=("0", "resize"), default="0", help="0: black around it; resize: scaled up, bicubic"),
        SIDE,
    )

    def setup(self) -> None:
        """Know whether anything is drawn."""
        # The class's answer is for the general case; a crop in the middle draws nothing, and need not be repeated.
        self.stochastic = self.values["anchor"] == "random"

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Crop; the details tell the `box` (left, top, width, height) that was kept."""
        height, width = image.shape[:2]
        shape = alike(width, height, float(self.values["area"]))
        box = placed(width, height, shape, rng if self.stochastic else None)
        details = {"box": list(box)}
        kept = image[box.pixels]
        if self.values["fill"] == "resize":
            kept = resized(kept, width, height, "bicubic")
            if self.values["side"] != "known":
                return Received(kept, details)
            kept = resized(kept, box.width, box.height, "bicubic")
        return Received(_framed(kept, box, image), details)

    def move(self, picture: Array, rng: np.random.Generator) -> Array:
        """Nothing else happens to it."""
        return self.apply(picture, rng).image


def _framed(part: Array, box: Box, image: Array) -> Array:
    """`part` at its place in a black picture of `image`'s size."""
    frame = np.zeros_like(image)
    frame[box.pixels] = part
    return frame
