"""What degradations are called on the pages, and which of their values are not worth a word."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Known:
    """How a degradation is called.

    `main` is the parameter that a curve is drawn over, `axis` what it says below; `usual` are values that a label
    leaves out.
    """

    label: str
    main: str = ""
    axis: str = ""
    usual: Mapping[str, str] = field(default_factory=dict)


def _known(label: str, main: str = "", about: str = "", /, **usual: str) -> Known:
    return Known(label, main, about, usual)


_CAPTURE = {"colour": "none", "jitter": "0", "reg": "known", "save": "0"}

KNOWN = {
    "identity": _known("clean"),
    "float": _known("float container"),
    "quantise": _known("quantise", "bits", "bits kept"),
    "posterise": _known("posterise", "bits", "bits kept"),
    "lsb-zero": _known("LSB zero", "bits", "low bits cleared"),
    "jpeg": _known("JPEG", "q", "JPEG quality", ss="420"),
    "double-jpeg": _known("double JPEG", dx="0", dy="0", side="none", ss="420"),
    "webp": _known("WebP", "q", "WebP quality", method="4"),
    "webp-lossless": _known("WebP lossless"),
    "png": _known("PNG", level="6"),
    "avif": _known("AVIF", "q", "AVIF quality", speed="6", ss="420"),
    "jxl": _known("JPEG XL", "distance", "JPEG XL distance", effort="3"),
    "jp2": _known("JPEG 2000", "rate", "compression rate of JPEG 2000", mct="1", psnr="0"),
    "jp2-lossless": _known("JPEG 2000 lossless"),
    "gaussian": _known("Gaussian", "sigma", "σ of Gaussian noise, in levels", gray="0"),
    "poisson": _known("Poisson", "peak", "photons at white", gray="0"),
    "speckle": _known("speckle", "std", "σ of speckle, as a share of the sample", gray="0"),
    "uniform": _known("uniform", "amplitude", "largest uniform noise, in levels", gray="0"),
    "salt-pepper": _known("salt and pepper", "fraction", "share of pixels replaced", per="pixel"),
    "impulse": _known("impulse", "fraction", "share of samples replaced"),
    "blur": _known("blur", "sigma", "σ of the blur, in pixels"),
    "median": _known("median", "size", "window of the median, in pixels"),
    "box": _known("box", "size", "window of the mean, in pixels"),
    "sharpen": _known("sharpen", "amount", "amount of sharpening", sigma="1"),
    "motion": _known("motion", "length", "length of the motion, in pixels", angle="0", sigma="0", spread="0"),
    "defocus": _known("defocus", "radius", "radius of the defocus, in pixels", alias="0.5"),
    "brightness": _known("brightness", "factor", "brightness, as a factor", add="0"),
    "contrast": _known("contrast", "factor", "contrast, as a factor", about="gray"),
    "saturation": _known("saturation", "factor", "saturation, as a factor"),
    "hue": _known("hue", "degrees", "turn of the hue, in degrees"),
    "gamma": _known("gamma", "exponent", "exponent of the tone curve"),
    "gray": _known("gray"),
    "palette": _known("palette", "colors", "colors left", dither="0"),
    "rotate": _known("rotate", "angle", "rotation, in degrees", back="0", fill="reflect", filter="bilinear"),
    "shear": _known("shear", "angle", "shear, in degrees", axis="x", fill="reflect", filter="bilinear", side="none"),
    "perspective": _known(
        "perspective", "jitter", "jitter of the corners, of a side", fill="reflect", filter="bilinear", side="none"
    ),
    "translate": _known("translate", "dx", "shift, in pixels", dy="0", fill="reflect", side="none"),
    "flip": _known("flip", side="none"),
    "resize": _known("resize", "factor", "size on the way, as a factor", back="1", filter="bicubic"),
    "pixelate": _known("pixelate", "factor", "size on the way, as a factor"),
    "crop": _known("crop", "area", "share of the area kept", anchor="random", fill="0", side="none"),
    "cropout": _known("cropout", "keep", "share of the area kept"),
    "dropout": _known("dropout", "keep", "share of the pixels kept"),
    "erase": _known("erase", "area", "share of the area erased", fill="0"),
    "paste": _known("paste", "area", "share of the area replaced", source="own"),
    "screenshot": _known("screenshot", "factor", "scaling of the display", back="1", codec="png", p3="0"),
    "social": _known("social", "size"),
    "print-capture": _known("print", "severity", "severity of print and photograph", halftone="am", **_CAPTURE),
    "screen-capture": _known("screen", "severity", "severity of screen and photograph", moire="emergent", **_CAPTURE),
    "capture": _known("photographed"),
}
