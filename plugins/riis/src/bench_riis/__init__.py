"""RIIS, robust invertible image steganography (CVPR 2022), as a bench plugin. This module only registers it."""

from bench_core import hookimpl
from bench_core.hookspecs import Register


@hookimpl
def register_models(register: Register) -> None:
    """`riis` (also `riis-blind`): not told the degradation; `riis-star`: told; `riis-print`: fine-tuned on prints."""
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
        "riis-print",
        "bench_riis.method:RiisPrint",
        summary="riis with weights fine-tuned on simulated prints",
    )
