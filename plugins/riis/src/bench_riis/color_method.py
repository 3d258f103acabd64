"""`RiisColor`: color in a gray picture, as a method that the harness can test."""

from typing import ClassVar, cast

from torch import Tensor

from bench_core.model import Condition, Sample
from bench_core.nn.padding import crop_to, pad_to
from bench_core.task import INVERTIBLE_GRAYSCALE
from bench_riis.color import ColorNetwork
from bench_riis.method import RiisModel
from bench_riis.weights import SHIPPED_COLOR


class RiisColor(RiisModel):
    """Invertible colorization with RIIS (CVPR 2022, section 4.5): chroma hidden in luma, the container is gray.

    `temperature` T scales the receiver's noise z̃ ~ N(0, T²I); 0 makes decoding deterministic.
    """

    name = "riis-color"
    kind: ClassVar[str] = "riis-color"
    task = INVERTIBLE_GRAYSCALE
    default_weights = SHIPPED_COLOR

    @property
    def _colors(self) -> ColorNetwork:
        return cast(ColorNetwork, self.network)

    def encode(self, sample: Sample) -> Tensor:
        """The gray container N×1×H×W of `color` N×3×H×W."""
        color = sample["color"]
        return crop_to(self._colors.to_gray(pad_to(color, self.network.config.multiple)), color)

    def decode(self, received: Tensor, condition: Condition) -> dict[str, Tensor]:
        """`color` N×3×H×W; the noise is drawn from the condition's generators."""
        whole = pad_to(received, self.network.config.multiple)
        return {"color": crop_to(self._colors.restore(whole, self.noise(whole, condition)).color, received)}
