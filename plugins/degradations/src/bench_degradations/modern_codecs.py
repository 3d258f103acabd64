"""AVIF, JPEG XL and JPEG 2000. Only their decoders are standardized: encoders may change with any release."""

from bench_core.degradation import Array
from bench_core.errors import RequestError
from bench_core.params import Param
from bench_degradations import pillow_codecs
from bench_degradations.codecs import SUBSAMPLING, Codec


def _explain_quality(text: str) -> str | None:
    try:
        whole = float(text) % 1 == 0
    except ValueError:
        return None
    return None if whole else "quality must be an integer"


class Avif(Codec):
    """AVIF by Pillow's libavif, on one thread; `speed` changes the pixels too, so it is fixed at 6 unless given."""

    name = "avif"
    codec = "avif"
    longest_side = pillow_codecs.AVIF_SIDE
    lack = (
        "{name} needs Pillow >= 11.3 built with libavif; this Pillow reports no AVIF support"
        " (its wheels have it: pip install --upgrade pillow)"
    )
    params = (
        Param("q", int, 0, 100, label="quality", example="avif:60", explain=_explain_quality, help="quality"),
        Param("speed", int, 0, 10, default=6, help="of the encoder, 0 slow to 10 fast"),
        SUBSAMPLING,
    )

    def trip(self, image: Array) -> pillow_codecs.Trip:
        """Encode and decode one picture."""
        return pillow_codecs.avif(image, int(self.values["q"]), int(self.values["speed"]), str(self.values["ss"]))


class Jxl(Codec):
    """JPEG XL by libjxl, through pillow-jxl-plugin: the extra `bench-degradations[jxl]`."""

    name = "jxl"
    codec = "jxl"
    longest_side = pillow_codecs.JXL_SIDE
    lack = "{name} needs pillow-jxl-plugin; install it with: pip install 'bench-degradations[jxl]'"
    params = (
        Param(
            "distance",
            float,
            0,
            25,
            rule="distance must be 0 (lossless) or a number above 0.1 and up to 25 (1 is visually lossless)",
            example="jxl:1",
            help="Butteraugli distance: 0 lossless, 1 visually lossless",
        ),
        Param("effort", int, 1, 9, default=3, help="of the encoder, 1 fast to 9 slow"),
    )

    def setup(self) -> None:
        """Check the distance and the machine's codec."""
        if 0 < float(self.values["distance"]) <= 0.1:
            raise RequestError(self.params[0].rule)
        super().setup()

    def trip(self, image: Array) -> pillow_codecs.Trip:
        """Encode and decode one picture."""
        return pillow_codecs.jxl(image, float(self.values["distance"]), int(self.values["effort"]))


class Jpeg2000(Codec):
    """JPEG 2000 by Pillow's OpenJPEG, irreversible: to a rate, or to a PSNR."""

    name = "jp2"
    codec = "jp2"
    longest_side = pillow_codecs.JP2_SIDE
    lack = "{name} needs Pillow built with OpenJPEG; this Pillow has no JPEG 2000 support"
    params = (
        Param("rate", float, 0, 10_000, default=0.0, help="samples a byte, 20 is 20:1; 0 means that psnr is given"),
        Param("psnr", float, 0, 100, default=0.0, help="decibels to reach; 0 means that rate is given"),
        Param("mct", bool, default=True, help="0: RGB is coded as it is, without the transform to YCbCr"),
    )

    def setup(self) -> None:
        """Check that there is one target, and the machine's codec."""
        if bool(self.values["rate"]) == bool(self.values["psnr"]):
            raise RequestError("either a rate or a psnr above 0 is required, e.g. jp2:20 (20:1) or jp2:psnr=35")
        super().setup()

    def trip(self, image: Array) -> pillow_codecs.Trip:
        """Encode and decode one picture."""
        rate, psnr = float(self.values["rate"]), float(self.values["psnr"])
        return pillow_codecs.jpeg2000(image, rate, psnr, bool(self.values["mct"]))


class Jpeg2000Lossless(Codec):
    """Reversible JPEG 2000: a control that must return the carrier bit for bit."""

    name = "jp2-lossless"
    codec = "jp2"
    longest_side = pillow_codecs.JP2_SIDE
    lack = Jpeg2000.lack

    def trip(self, image: Array) -> pillow_codecs.Trip:
        """Encode and decode one picture."""
        return pillow_codecs.jpeg2000_lossless(image)
