"""The built-in degradations and presets; this module only says where they are."""

from bench_core import hookimpl
from bench_core.hookspecs import Register
from bench_degradations.presets import PRESETS

_MODULES: dict[str, dict[str, tuple[str, str]]] = {
    "exact": {
        "quantise": ("Quantise", "fewer levels: quantise:4 keeps 4 bits"),
        "posterise": ("Posterise", "only the high bits: posterise:3 keeps 3"),
        "lsb-zero": ("LsbZero", "the low bits cleared: lsb-zero:1"),
    },
    "codecs": {
        "jpeg": ("Jpeg", "JPEG at a quality: jpeg:40, jpeg:90,ss=444"),
        "webp": ("Webp", "lossy WebP at a quality: webp:80, webp:80,method=6"),
        "webp-lossless": ("WebpLossless", "lossless WebP: a control, bit-exact"),
        "png": ("Png", "PNG: a control, bit-exact"),
    },
    "modern_codecs": {
        "avif": ("Avif", "AVIF at a quality: avif:60, avif:60,speed=10"),
        "jxl": ("Jxl", "JPEG XL at a distance, 1 visually lossless: jxl:1 (extra: bench-degradations[jxl])"),
        "jp2": ("Jpeg2000", "JPEG 2000 to a rate or a PSNR: jp2:20, jp2:psnr=35"),
        "jp2-lossless": ("Jpeg2000Lossless", "reversible JPEG 2000: a control, bit-exact"),
    },
    "noise": {
        "gaussian": ("Gaussian", "Gaussian noise, sigma on 0..255: gaussian:10"),
        "poisson": ("Poisson", "shot noise, photons at white: poisson, poisson:60"),
        "speckle": ("Speckle", "noise in proportion to the light: speckle:0.15"),
        "uniform": ("Uniform", "uniform noise, largest change in levels: uniform:10"),
    },
    "pixels": {
        "salt-pepper": ("SaltPepper", "a share of the pixels black or white: salt-pepper:0.05"),
        "impulse": ("Impulse", "ImageNet-C's impulse noise, a share of the samples: impulse:0.06"),
    },
    "filters": {
        "blur": ("Blur", "Gaussian blur, sigma in pixels: blur:2"),
        "median": ("Median", "median filter, odd window: median:5"),
        "box": ("Box", "mean filter, odd window: box:5"),
        "sharpen": ("Sharpen", "unsharp masking: sharpen:1"),
    },
    "kernels": {
        "motion": ("Motion", "motion blur along a line: motion:9, motion:9,angle=45"),
        "defocus": ("Defocus", "out of focus, radius in pixels: defocus:4"),
    },
    "tone": {
        "brightness": ("Brightness", "brighter by a factor or an HSV shift: brightness:1.5, brightness:add=0.1"),
        "contrast": ("Contrast", "contrast about the mean: contrast:0.5"),
        "saturation": ("Saturation", "more or less color: saturation:0.5"),
        "hue": ("Hue", "the color circle turned, degrees: hue:20"),
        "gamma": ("Gamma", "another tone curve, above 1 darker: gamma:2.2"),
        "gray": ("Gray", "the luma in all channels"),
        "palette": ("Palette", "few colors, as a GIF: palette:64, palette:64,dither=1"),
    },
    "geometry": {
        "rotate": ("Rotate", "turned about the middle, degrees: rotate:5, rotate:5,back=1"),
        "shear": ("Shear", "slanted, degrees: shear:10"),
        "perspective": ("Perspective", "corners moved at random, share of a side: perspective:0.05"),
        "translate": ("Translate", "shifted by whole pixels: translate:8, translate:8,dy=3"),
        "flip": ("Flip", "mirrored: flip:h, flip:v, flip:hv"),
    },
    "sampling": {
        "resize": ("Resize", "scaled and scaled back: resize:0.5, resize:0.5,back=0"),
        "pixelate": ("Pixelate", "blocks of one color: pixelate:0.25"),
        "crop": ("Crop", "a share of the area kept: crop:0.8, crop:0.8,fill=resize"),
    },
    "tampering": {
        "cropout": ("Cropout", "a rectangle of the carrier kept, the cover around it: cropout:0.3"),
        "dropout": ("Dropout", "a share of the carrier's pixels kept, the cover's for the others: dropout:0.3"),
        "erase": ("Erase", "a random rectangle blackened: erase:0.1"),
        "paste": ("Paste", "a random rectangle replaced by foreign content: paste:0.1"),
    },
    "social": {
        "double-jpeg": ("DoubleJpeg", "JPEG twice, shifted between: double-jpeg:q1=80,q2=60,dx=3"),
        "screenshot": ("Screenshot", "display scaling and capture: screenshot, screenshot:1.5,codec=jpeg"),
        "social": ("Social", "a network's resizing and JPEG: social:large, social:medium, social:small"),
    },
}
"""By module: the class of each name, and its summary."""


@hookimpl
def register_degradations(register: Register) -> None:
    """Register the degradations and presets."""
    register(
        "identity",
        "bench_degradations.exact:Identity",
        summary="the 8-bit carrier as it is",
        aliases=("clean", "none"),
    )
    register(
        "float",
        "bench_core.unrounded:FloatContainer",
        summary="the unrounded container, for figures that were made so: float, float+gaussian:10",
    )
    for module, names in _MODULES.items():
        for name, (target, summary) in names.items():
            register(name, f"bench_degradations.{module}:{target}", summary=summary)
    for name, (summary, specs) in PRESETS.items():
        register(name, specs, summary=summary)
