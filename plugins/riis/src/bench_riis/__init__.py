"""RIIS, robust invertible image steganography (CVPR 2022), as a bench plugin. This module only registers it."""

from bench_core import hookimpl
from bench_core.hookspecs import Register


@hookimpl
def register_models(register: Register) -> None:
    """`riis` (also `riis-blind`); `riis-star`, which is told the degradation; `riis-color` and `riis-print`."""
    register(
        "riis",
        "bench_riis.method:Riis",
        summary="invertible steganography with conditional prior and container enhancement (CVPR 2022)",
        train="bench_riis.train:main",
        aliases=("riis-blind",),
    )
    register(
        "riis-star",
        "bench_riis.method:RiisStar",
        summary="riis with distortion-guided modulation: the receiver is told the degradation",
        train="bench_riis.train:star",
    )
    register(
        "riis-color",
        "bench_riis.color_method:RiisColor",
        summary="riis for invertible colorization: chroma hidden in a gray picture",
        train="bench_riis.color_train:main",
    )
    register(
        "riis-print",
        "bench_riis.method:RiisPrint",
        summary="riis with weights fine-tuned on simulated prints",
    )
