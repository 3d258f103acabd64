"""Registers the baselines."""

from bench_core import hookimpl
from bench_core.hookspecs import Register


@hookimpl
def register_models(register: Register) -> None:
    """Two hiders; for either gray task, the method that does nothing; and for colorization, a table of colors."""
    register("lsb", "bench_baselines.lsb:Lsb", summary="the secret's high bits in the host's low bits; fragile")
    register(
        "dct-hide",
        "bench_baselines.dct_hide:DctHide",
        summary="a coarse secret in the host's DCT by quantization index modulation; survives JPEG and noise",
    )
    register(
        "copy-gray",
        "bench_baselines.copy_gray:CopyGray",
        summary="the luminance, copied to R, G and B (invertible grayscale)",
    )
    register(
        "copy-gray-colorization",
        "bench_baselines.copy_gray:CopyGrayColorization",
        summary="the luminance, copied to R, G and B (colorization)",
    )
    register(
        "gray-lut",
        "bench_baselines.gray_lut:GrayLut",
        summary="the mean color of each gray level, from a table of your photos (colorization)",
        train="bench_baselines.train_lut:main",
    )
