"""HiNet and ISN, invertible hiders made for a channel without loss, as a bench plugin. This module only registers."""

from bench_core import hookimpl
from bench_core.hookspecs import Register


@hookimpl
def register_models(register: Register) -> None:
    """`hinet` and `isn`: one to five secrets, trained on the clean channel alone."""
    register(
        "hinet",
        "bench_hiders.method:HiNet",
        summary="invertible image hiding in the wavelet domain, for a clean channel (ICCV 2021)",
        train="bench_hiders.train:hinet",
    )
    register(
        "isn",
        "bench_hiders.method:Isn",
        summary="large-capacity invertible steganography, for a clean channel (CVPR 2021)",
        train="bench_hiders.train:isn",
    )
