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


@hookimpl
def register_commands(register: Register) -> None:
    """`bench scgan saliency` makes the maps that training needs."""
    register("scgan", "bench_scgan.command:scgan", summary="work for SCGAN's training: saliency maps")


@hookimpl
def register_weights(register: Register) -> None:
    """What finds salient objects in photos without maps."""
    register("u2netp", "bench_scgan.saliency.published:U2NETP", summary="U-2-Net's small network for salient objects")
