"""What a photo editor's sliders do: brightness, contrast, saturation, hue, gamma, gray, fewer colors."""

import cv2
import numpy as np
from PIL import Image

from bench_core.degradation import Array, Degradation, Received
from bench_core.errors import RequestError
from bench_core.params import Param
from bench_degradations.arrays import look_up, to_array, to_picture, to_uint8, with_channels

_LEVELS = np.arange(256, dtype=np.float64)


def _luma(image: Array) -> Array:
    """Pillow's BT.601 luma, H×W×1: the one that ImageEnhance mixes with."""
    return to_array(to_picture(image).convert("L"))


def _raised(add: float) -> Array:
    """For a pixel of HSV value v and a sample x of it, at place 256 v + x: the sample once the value is v + 255 add.

    A pixel keeps hue and saturation where its samples grow by one ratio. Black has neither, and becomes gray.
    """
    value = np.clip(_LEVELS + 255 * add, 0, 255)
    # Products before quotients: they are exact, so each half is a true half.
    table = value[:, None] * _LEVELS / np.maximum(_LEVELS, 1)[:, None]
    table[0] = value[0]
    return to_uint8(table).ravel()


class Brightness(Degradation):
    """`factor`: `y = factor x`. `add`: HSV value plus `add` of full scale, hue and saturation kept (ImageNet-C).

    Clipped and rounded; Pillow's ImageEnhance truncates instead, which is one level less in places.
    """

    name = "brightness"
    params = (
        Param(
            "factor", float, 0, 100, default=0.0, help="what every sample is multiplied by; 0 means that add is given"
        ),
        Param("add", float, -1, 1, default=0.0, help="what is added to the HSV value, on 0..1"),
    )

    def setup(self) -> None:
        """Make the table of the 256 levels."""
        factor, add = float(self.values["factor"]), float(self.values["add"])
        if not factor and not add:
            raise RequestError("a factor above 0 or add is required, e.g. brightness:1.5 or brightness:add=0.1")
        if factor and add:
            raise RequestError(
                "factor and add are two definitions; give one, e.g. brightness:1.5 or brightness:add=0.1"
            )
        self.table = to_uint8(_LEVELS * factor)
        if add:
            self.table = _raised(add)

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Scale or shift."""
        if self.values["factor"]:
            return Received(look_up(self.table, image))
        value = image[..., 0] if image.shape[2] == 1 else cv2.max(cv2.max(image[..., 0], image[..., 1]), image[..., 2])
        places = np.asarray(value, dtype=np.intp)[..., None] * 256 + image
        return Received(np.take(self.table, places))


class Contrast(Degradation):
    """`y = m + factor (x - m)`, clipped and rounded.

    `m` is the mean luma, rounded, as in Pillow's ImageEnhance (`about=gray`), or each channel's own mean, as in
    ImageNet-C (`about=channel`).
    """

    name = "contrast"
    params = (
        Param("factor", float, 0, 100, example="contrast:1.5", help="0 is flat gray, 1 changes nothing"),
        Param("about", str, choices=("gray", "channel"), default="gray", help="the mean that stays as it is"),
    )

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Stretch about the mean."""
        factor = float(self.values["factor"])
        if self.values["about"] == "gray":
            means = np.array([int(float(_luma(image).mean()) + 0.5)])
        else:
            means = np.array(cv2.mean(image)[: image.shape[2]])
        tables = to_uint8(means[:, None] + factor * (_LEVELS - means[:, None]))
        if len(tables) == 1:
            return Received(look_up(tables[0], image))
        # OpenCV reads a table of C channels as one row of 256 pixels.
        return Received(look_up(np.ascontiguousarray(tables.T)[None], image))


class Gamma(Degradation):
    """`y = 255 (x / 255)^exponent`, rounded: above 1 darkens."""

    name = "gamma"
    params = (Param("exponent", float, 0.01, 100, example="gamma:2.2", help="above 1 darkens, below 1 lightens"),)

    def setup(self) -> None:
        """Make the table of the 256 levels."""
        self.table = to_uint8(255 * (_LEVELS / 255) ** float(self.values["exponent"]))

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Look every sample up."""
        return Received(look_up(self.table, image))


class _Color(Degradation):
    """A change of color, which a gray carrier does not have: that one passes unchanged."""

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Change an RGB picture, copy a gray one."""
        return Received(image.copy() if image.shape[2] == 1 else self.recolored(image))

    def recolored(self, image: Array) -> Array:
        """The RGB picture, changed."""
        raise TypeError(f"{type(self).__name__} does not say how to change a color")


class Saturation(_Color):
    """`y = Y + factor (x - Y)` with Y Pillow's luma, as ImageEnhance.Color, but rounded; 0 is gray."""

    name = "saturation"
    params = (Param("factor", float, 0, 100, example="saturation:0.5", help="0 is gray, 1 changes nothing"),)

    def recolored(self, image: Array) -> Array:
        """Mix with the gray picture."""
        factor = float(self.values["factor"])
        gray = cv2.cvtColor(_luma(image), cv2.COLOR_GRAY2RGB)
        return with_channels(np.asarray(cv2.addWeighted(image, factor, gray, 1 - factor, 0), dtype=np.uint8))


class Hue(_Color):
    """Turns the HSV hue by `degrees`, in floating point; saturation and value stay."""

    name = "hue"
    params = (Param("degrees", float, -180, 180, example="hue:20", help="turn of the color circle"),)

    def recolored(self, image: Array) -> Array:
        """Turn the hue."""
        degrees = float(self.values["degrees"])
        if degrees == 0:
            return image.copy()
        hsv = np.asarray(cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2HSV), dtype=np.float32)
        hsv[..., 0] += np.float32(degrees % 360)  # OpenCV takes a hue of 360 degrees and more
        return to_uint8(np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), dtype=np.float32))


class Gray(_Color):
    """R = G = B = Pillow's luma (BT.601): what a color carrier's gray copy shows."""

    name = "gray"

    def recolored(self, image: Array) -> Array:
        """Drop the color."""
        return np.asarray(cv2.cvtColor(_luma(image), cv2.COLOR_GRAY2RGB), dtype=np.uint8)


class Palette(Degradation):
    """The best few colors by Pillow's median cut, as in a GIF; `dither` by Floyd and Steinberg."""

    name = "palette"
    params = (
        Param("colors", int, 2, 256, example="palette:64", help="colors in the palette"),
        Param("dither", bool, default=False, help="1: spread each pixel's error over its neighbors"),
    )

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Choose colors, and replace each pixel's by the nearest."""
        # By way of RGB for gray too: Pillow's palettes are of colors, and gray pixels choose gray ones.
        picture = to_picture(image).convert("RGB")
        few = picture.quantize(int(self.values["colors"]), Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        if self.values["dither"]:
            few = picture.quantize(palette=few, dither=Image.Dither.FLOYDSTEINBERG)
        found = to_array(few.convert("RGB"))
        return Received(found if image.shape[2] == 3 else np.ascontiguousarray(found[..., :1]))
