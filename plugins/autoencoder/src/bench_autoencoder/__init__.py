"""The CNN auto-encoder that colors CIFAR-10, as a bench plugin. This module only registers it."""

from bench_core import hookimpl
from bench_core.hookspecs import Register


@hookimpl
def register_models(register: Register) -> None:
    """`autoencoder`: predicts a color picture of 32×32 from a gray one, through 256 numbers."""
    register(
        "autoencoder",
        "bench_autoencoder.method:Autoencoder",
        summary="a CNN auto-encoder that colors 32×32 pictures (CIFAR-10), larger ones by thumbnail or tiles",
        train="bench_autoencoder.train:main",
    )
