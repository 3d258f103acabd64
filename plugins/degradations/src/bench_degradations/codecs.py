"""JPEG, WebP and PNG as degradations, and what all codecs share."""

from typing import Any, ClassVar

import numpy as np

from bench_core.degradation import Array, Degradation, Received
from bench_core.errors import RequestError
from bench_core.params import Param
from bench_degradations import golden, pillow_codecs
from bench_degradations.arrays import check_side


class Codec(Degradation):
    """What the codecs share: the largest side, the self test, the size of the file."""

    codec: str
    """Its name in `golden`; empty for one without anything to test."""
    longest_side: int
    lack: ClassVar[str] = "{name} needs Pillow built with {codec} support; this Pillow has none"
    """What to say on a machine without the codec."""

    def setup(self) -> None:
        """Check the machine's codec, once a process."""
        if self.codec and not golden.available(self.codec):
            raise RequestError(self.lack.format(name=self.name, codec=self.codec))
        self.golden = not self.codec or golden.passes(self.codec)

    def provenance(self) -> dict[str, Any]:
        """The codec's versions, and whether it passed the self test."""
        if not self.codec:
            return {}
        return {**golden.versions(self.codec), f"{self.codec}_golden": self.golden}

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Encode and decode; the details tell `encoded_bytes`.

        Raises:
            CellFailure: `skipped_unsupported` for a picture too long for the format.
        """
        check_side(self.name, image, self.longest_side)
        trip = self.trip(image)
        details: dict[str, Any] = {"encoded_bytes": trip.encoded_bytes, **trip.details}
        if not self.golden:
            details["codec_golden"] = False
        return Received(trip.image, details)

    def trip(self, image: Array) -> pillow_codecs.Trip:
        """Encode and decode one picture."""
        raise TypeError(f"{type(self).__name__} does not say how to encode")


def explain_quality(text: str) -> str | None:
    """JPEG's answer to a fraction: most often a quality on the scale 0..1."""
    try:
        number = float(text)
    except ValueError:
        return None
    if not number % 1 > 0:  # whole, or not finite
        return None
    hint = f"; did you mean jpeg:{round(number * 100)}?" if 0.005 < number < 1 else ""
    return f"quality must be an integer (JPEG has no fractional quality){hint}"


SUBSAMPLING = Param(
    "ss",
    str,
    choices=tuple(sorted(pillow_codecs.SUBSAMPLING)),
    default="420",
    label="ss (chroma subsampling)",
    help="chroma subsampling; of no effect on a gray carrier",
)


class Jpeg(Codec):
    """Baseline JPEG by Pillow: libjpeg's standard tables, chroma subsampling stated, never the library's default."""

    name = "jpeg"
    codec = "jpeg"
    longest_side = pillow_codecs.JPEG_SIDE
    params = (
        Param(
            "q",
            int,
            1,
            100,
            label="quality",
            example="jpeg:40",
            explain=explain_quality,
            help="quality of libjpeg's standard tables",
        ),
        SUBSAMPLING,
    )

    def trip(self, image: Array) -> pillow_codecs.Trip:
        """Encode and decode one picture."""
        return pillow_codecs.jpeg(image, int(self.values["q"]), str(self.values["ss"]))


def _advise_quality(quality: float) -> str | None:
    if 0 < quality < 1:
        return f"quality {quality:g} is on the 0..100 scale; for {quality * 100:g}% write webp:{quality * 100:g}"
    return None


class Webp(Codec):
    """Lossy WebP by Pillow. `method` changes the pixels, not only the speed, so it is fixed at 4 unless given."""

    name = "webp"
    codec = "webp"
    longest_side = pillow_codecs.WEBP_SIDE
    params = (
        Param(
            "q",
            float,
            0,
            100,
            decimals=1,
            label="quality",
            rule="quality must be a number from 0 to 100 with at most one decimal",
            example="webp:80",
            advise=_advise_quality,
            help="quality",
        ),
        Param("method", int, 0, 6, default=4, help="effort of the encoder, 0 fast to 6 slow"),
    )

    def trip(self, image: Array) -> pillow_codecs.Trip:
        """Encode and decode one picture."""
        return pillow_codecs.webp(image, float(self.values["q"]), int(self.values["method"]))


class WebpLossless(Codec):
    """Lossless WebP: a control that must return the carrier bit for bit."""

    name = "webp-lossless"
    codec = "webp"
    longest_side = pillow_codecs.WEBP_SIDE

    def trip(self, image: Array) -> pillow_codecs.Trip:
        """Encode and decode one picture."""
        return pillow_codecs.webp_lossless(image)


class Png(Codec):
    """PNG: a control that must return the carrier bit for bit, and tells how small it gets without loss."""

    name = "png"
    codec = ""
    longest_side = pillow_codecs.PNG_SIDE
    params = (Param("level", int, 0, 9, default=6, help="zlib's effort; of no effect on the pixels"),)

    def trip(self, image: Array) -> pillow_codecs.Trip:
        """Encode and decode one picture."""
        return pillow_codecs.png(image, int(self.values["level"]))
