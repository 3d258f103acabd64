"""`Jrig` and `Iig`: the network as a method that the harness can test."""

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from bench_core.errors import RequestError
from bench_core.model import Condition, Sample
from bench_core.params import Param
from bench_core.task import INVERTIBLE_GRAYSCALE
from bench_core.torch_model import TorchModel
from bench_jrig.config import GRID
from bench_jrig.targets import to_signed, to_unit
from bench_jrig.weights import SHIPPED, SHIPPED_IIG, load_weights


class Jrig(TorchModel):
    """JPEG robust invertible grayscale (TVCG 2021): H makes the gray picture, R restores its colors.

    Sides that are no multiples of 8 are padded by repetition and cropped again, so that the carrier has the picture's
    size. Carriers and outputs are not rounded; the harness clips and rounds. RequestError for a file that holds no
    such network.
    """

    name = "jrig"
    task = INVERTIBLE_GRAYSCALE
    params: ClassVar[tuple[Param, ...]] = ()
    default_weights = SHIPPED

    def setup(self) -> None:
        """Load the network that the weights file describes."""
        if self.weights is None or (self.weights == self.default_weights and not self.weights.is_file()):
            raise RequestError(
                f"{self.name} needs weights; train some with `bench train {self.name}`, "
                f"e.g. --weights runs/{self.name}/best.safetensors"
            )
        self.network = load_weights(self.weights, self.device).network

    def encode(self, sample: Sample) -> Tensor:
        """The gray picture N×1×H×W of `color` N×3×H×W, both in [0, 1]."""
        color = sample["color"]
        return _crop(to_unit(self.network.hide(to_signed(_padded(color)))), color)

    def decode(self, received: Tensor, condition: Condition) -> dict[str, Tensor]:
        """`color` N×3×H×W of a received gray picture N×1×H×W, both in [0, 1]."""
        return {"color": _crop(to_unit(self.network.restore(to_signed(_padded(received)))), received)}


class Iig(Jrig):
    """The invertible grayscale of Xia et al. (SIGGRAPH Asia 2018): the same networks, trained without JPEG."""

    name = "iig"
    default_weights = SHIPPED_IIG


def _padded(images: Tensor) -> Tensor:
    """The last row and column repeated until both sides are multiples of 8."""
    down, right = (-side % GRID for side in images.shape[-2:])
    return F.pad(images, (0, right, 0, down), mode="replicate") if down or right else images


def _crop(images: Tensor, like: Tensor) -> Tensor:
    return images[..., : like.shape[-2], : like.shape[-1]]
