"""The built-in degradations and presets; this module only says where they are."""

from bench_core import hookimpl
from bench_core.hookspecs import Register

_RIIS = ("identity", "gaussian:1", "gaussian:10", "poisson", "jpeg:40", "jpeg:80", "jpeg:90")


@hookimpl
def register_degradations(register: Register) -> None:
    """Register codecs, noise and presets."""
    register(
        "identity",
        "bench_degradations.exact:Identity",
        summary="the 8-bit carrier as it is",
        aliases=("clean", "none"),
    )
    register("quantise", "bench_degradations.exact:Quantise", summary="fewer levels: quantise:4 keeps 4 bits")
    register("jpeg", "bench_degradations.codecs:Jpeg", summary="JPEG at a quality: jpeg:40, jpeg:90,ss=444")
    register("webp", "bench_degradations.codecs:Webp", summary="lossy WebP at a quality: webp:80, webp:80,method=6")
    register("webp-lossless", "bench_degradations.codecs:WebpLossless", summary="lossless WebP: a control, bit-exact")
    register("gaussian", "bench_degradations.noise:Gaussian", summary="Gaussian noise, sigma on 0..255: gaussian:10")
    register("poisson", "bench_degradations.noise:Poisson", summary="shot noise, photons at white: poisson, poisson:60")
    register("@riis", _RIIS, summary="the columns of the RIIS paper's Tables 1 and 3")
    register(
        "@riis-alt",
        tuple("poisson:6000" if spec == "poisson" else spec for spec in _RIIS),
        summary="@riis with the weaker Poisson noise that its untrained rows suggest",
    )
    register("@riis-curves", ("gaussian:1..10:1", "jpeg:40..90:10"), summary="the curves of the RIIS paper's Fig. 9")
    register("@jrig", ("jpeg:75..100:5", "webp:75..100:5"), summary="the JRIG paper's Table VI and Fig. 12")
