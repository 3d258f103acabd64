"""JRIG, JPEG robust invertible grayscale (IEEE TVCG 2021), as a bench plugin. This module only registers it."""

from bench_core import hookimpl
from bench_core.hookspecs import Register


@hookimpl
def register_models(register: Register) -> None:
    """`jrig`: survives JPEG; `iig`: the invertible grayscale that it builds on, which does not."""
    register(
        "jrig",
        "bench_jrig.method:Jrig",
        summary="JPEG robust invertible grayscale: a gray picture that holds its own colors (TVCG 2021)",
        train="bench_jrig.train:main",
    )
    register(
        "iig",
        "bench_jrig.method:Iig",
        summary="invertible grayscale without a JPEG layer, JRIG's baseline (Xia et al., SIGGRAPH Asia 2018)",
        train="bench_jrig.train:main_iig",
    )


@hookimpl
def register_weights(register: Register) -> None:
    """What the contrast loss of the paper's preset needs."""
    register("vgg19", "bench_jrig.published:VGG19", summary="torchvision's VGG-19, IMAGENET1K_V1, for a loss of JRIG")
