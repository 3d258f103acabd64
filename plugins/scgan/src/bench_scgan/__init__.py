"""SCGAN, colorization guided by saliency maps (IEEE TCSVT 2020), as a bench plugin. This module only registers it."""

from bench_core import hookimpl
from bench_core.hookspecs import Register


@hookimpl
def register_models(register: Register) -> None:
    """`scgan` colors a gray picture and says what is salient in it."""
    register(
        "scgan",
        "bench_scgan.method:Scgan",
        summary="saliency-map-guided colorization with a GAN (TCSVT 2020)",
        train="bench_scgan.train:main",
        train_encoder="bench_scgan.encoder_train:main",
    )
