"""What happens to a picture that people pass on: saved twice, captured from a screen, sent through a network."""

import cv2
import numpy as np

from bench_core.degradation import Array
from bench_core.params import Param
from bench_degradations import pillow_codecs
from bench_degradations.arrays import Floats, check_side, to_uint8
from bench_degradations.codecs import SUBSAMPLING, Codec, explain_quality
from bench_degradations.geometry import SIDE, shift
from bench_degradations.sampling import resized


class DoubleJpeg(Codec):
    """Short for `jpeg:Q1+translate:DX,dy=DY+jpeg:Q2`: a shift that 8 does not divide breaks the block grid."""

    name = "double-jpeg"
    codec = "jpeg"
    longest_side = pillow_codecs.JPEG_SIDE
    params = (
        Param(
            "q1",
            int,
            1,
            100,
            label="first quality",
            example="double-jpeg:q1=80,q2=60",
            explain=explain_quality,
            help="quality of the first JPEG",
        ),
        Param(
            "q2",
            int,
            1,
            100,
            label="second quality (q2)",
            example="double-jpeg:q1=80,q2=60",
            explain=explain_quality,
            help="quality of the second JPEG",
        ),
        Param("dx", int, -64, 64, default=0, help="pixels to the right between the two"),
        Param("dy", int, -64, 64, default=0, help="pixels down between the two"),
        SUBSAMPLING,
        SIDE,
    )

    def trip(self, image: Array) -> pillow_codecs.Trip:
        """Encode and decode twice, and shift back where the shift is known; the file is the second."""
        sampling, dx, dy = str(self.values["ss"]), int(self.values["dx"]), int(self.values["dy"])
        first = pillow_codecs.jpeg(image, int(self.values["q1"]), sampling)
        second = pillow_codecs.jpeg(shift(first.image, dx, dy, "reflect"), int(self.values["q2"]), sampling)
        if self.values["side"] != "known":
            return second
        return pillow_codecs.Trip(shift(second.image, -dx, -dy, "reflect"), second.encoded_bytes)

    def move(self, picture: Array, rng: np.random.Generator) -> Array:
        """Shifted, and back where the shift is known."""
        dx, dy = int(self.values["dx"]), int(self.values["dy"])
        moved = shift(picture, dx, dy, "reflect")
        return shift(moved, -dx, -dy, "reflect") if self.values["side"] == "known" else moved


class Screenshot(Codec):
    """Shown at a display's scaling (bilinear), captured as PNG or JPEG 90, and scaled back.

    With `p3=1` the display is a Display P3 one: sRGB to P3 and back, 8 bits in between.
    """

    name = "screenshot"
    codec = ""
    longest_side = pillow_codecs.JPEG_SIDE
    params = (
        Param("factor", float, 0.25, 4, default=1.25, help="the display's scaling"),
        Param(
            "codec", str, choices=("png", "jpeg"), default="png", help="how the capture is saved; jpeg is quality 90"
        ),
        Param("p3", bool, default=False, help="1: by way of Display P3"),
        Param("back", bool, default=True, help="0: not scaled back; the receiver gets a picture of another size"),
    )

    def setup(self) -> None:
        """Check the machine's JPEG, where one is written."""
        self.codec = "jpeg" if self.values["codec"] == "jpeg" else ""
        super().setup()

    def trip(self, image: Array) -> pillow_codecs.Trip:
        """Show, capture, scale back; the details tell the `size` (width, height) of the capture."""
        height, width = image.shape[:2]
        shown = self._scaled(image)
        size = shown.shape[1], shown.shape[0]
        check_side(self.name, shown, self.longest_side)
        if self.values["p3"] and shown.shape[2] == 3:
            shown = through_p3(shown)
        saved = pillow_codecs.jpeg(shown, 90, "420") if self.codec else pillow_codecs.png(shown, 1)
        received = resized(saved.image, width, height, "bilinear") if self.values["back"] else saved.image
        return pillow_codecs.Trip(received, saved.encoded_bytes, {"size": list(size)})

    def move(self, picture: Array, rng: np.random.Generator) -> Array:
        """To another size, or there and back, which leaves pixels where they were."""
        return picture if self.values["back"] else self._scaled(picture)

    def _scaled(self, image: Array) -> Array:
        height, width = image.shape[:2]
        factor = float(self.values["factor"])
        return resized(image, max(1, round(width * factor)), max(1, round(height * factor)), "bilinear")


_SIZES = {"large": (2048, 85), "medium": (1280, 75), "small": (1080, 70)}


class Social(Codec):
    """A network's treatment: the longer side limited (Lanczos), JPEG 4:2:0, and scaled back (Lanczos).

    2048 pixels and quality 85, 1280 and 75, 1080 and 70. No platform's name: they change without notice.
    """

    name = "social"
    codec = "jpeg"
    longest_side = pillow_codecs.JPEG_SIDE
    params = (Param("size", str, choices=tuple(_SIZES), example="social:large", help="the network's limit"),)

    def trip(self, image: Array) -> pillow_codecs.Trip:
        """Shrink what is too large, encode and decode, scale back; the details tell the `size` (width, height)."""
        height, width = image.shape[:2]
        limit, quality = _SIZES[str(self.values["size"])]
        scale = min(1.0, limit / max(width, height))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = resized(image, *size, "lanczos") if scale < 1 else image
        sent = pillow_codecs.jpeg(small, quality, "420")
        received = resized(sent.image, width, height, "lanczos") if scale < 1 else sent.image
        return pillow_codecs.Trip(received, sent.encoded_bytes, {"size": list(size)})


# Both spaces have white D65 and sRGB's curve, so one matrix leads from linear sRGB to linear Display P3.
_SRGB_XYZ = np.array(
    [[0.4123908, 0.3575843, 0.1804808], [0.2126390, 0.7151687, 0.0721923], [0.0193308, 0.1191948, 0.9505322]]
)
_P3_XYZ = np.array([[0.4865709, 0.2656677, 0.1982173], [0.2289746, 0.6917385, 0.0792869], [0.0, 0.0451134, 1.0439444]])
_TO_P3 = np.linalg.solve(_P3_XYZ, _SRGB_XYZ)
_LEVELS = np.arange(256) / 255
_LINEAR = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _converted(image: Array, matrix: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Array:
    """8-bit RGB to 8-bit RGB of other primaries (IEC 61966-2-1's curve on both sides)."""
    linear: Floats = np.asarray(cv2.transform(cv2.LUT(image, _LINEAR), matrix.astype(np.float32)), dtype=np.float32)
    np.clip(linear, 0, 1, out=linear)
    curved = cv2.pow(linear, 1 / 2.4) * np.float32(1.055 * 255) - np.float32(0.055 * 255)
    return to_uint8(np.where(linear <= 0.0031308, linear * np.float32(12.92 * 255), curved))


def through_p3(image: Array) -> Array:
    """To Display P3 and back, with 8 bits in between: P3 holds all of sRGB, so only rounding is lost."""
    return _converted(_converted(image, _TO_P3), np.linalg.inv(_TO_P3))
