"""Gray as color: what a method that restores no color at all is worth."""

import numpy as np

from bench_core.model import Array, ArrayModel, Condition, Sample
from bench_core.task import COLORIZATION, INVERTIBLE_GRAYSCALE


class CopyGray(ArrayModel):
    """The carrier is the luminance, the restored picture has it in R, G and B."""

    name = "copy-gray"
    task = INVERTIBLE_GRAYSCALE
    outputs = ("color",)

    def encode(self, sample: Sample) -> Array:
        """The luminance, uint8 H×W×1."""
        gray: Array = sample["gray"]
        return gray

    def decode(self, received: Array, condition: Condition) -> dict[str, Array]:
        """`color`, uint8 H×W×3, of a received uint8 H×W×1."""
        return {"color": np.repeat(received, 3, axis=2)}


class CopyGrayColorization(CopyGray):
    """The same for colorization."""

    name = "copy-gray-colorization"
    task = COLORIZATION
