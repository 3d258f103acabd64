"""`RiisColor`: color in a gray picture, as a method that the harness can test."""

from typing import ClassVar, cast

from torch import Tensor

from bench_core.model import Condition, Sample
from bench_core.task import INVERTIBLE_GRAYSCALE
from bench_riis.color import ColorNetwork
from bench_riis.method import RiisModel, cropped, padded
from bench_riis.weights import SHIPPED_COLOR, shipped


class RiisColor(RiisModel):
    """Invertible colorization with RIIS (CVPR 2022, section 4.5): chroma hidden in luma, the container is gray.

    `temperature` T scales the receiver's noise z̃ ~ N(0, T²I); 0 makes decoding deterministic.
    """

    name = "riis-color"
    kind: ClassVar[str] = "riis-color"
    task = INVERTIBLE_GRAYSCALE
    default_weights = shipped(SHIPPED_COLOR)

    @property
    def _colors(self) -> ColorNetwork:
        return cast(ColorNetwork, self.network)

    def encode(self, sample: Sample) -> Tensor:
        """The gray container N×1×H×W of `color` N×3×H×W."""
        color = sample["color"]
        return cropped(self._colors.to_gray(padded(color, self.network.config.multiple)), color)

    def decode(self, received: Tensor, condition: Condition) -> dict[str, Tensor]:
        """`color` N×3×H×W; the noise is drawn from the condition's generators."""
        whole = padded(received, self.network.config.multiple)
        return {"color": cropped(self._colors.restore(whole, self.noise(whole, condition)).color, received)}
