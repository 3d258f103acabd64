"""`Jrig` and `Iig`: the network as a method that the harness can test."""

from typing import ClassVar

from torch import Tensor

from bench_core.model import Condition, Sample
from bench_core.nn.padding import crop_to, pad_to
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
        self.network = load_weights(self.needed_weights(), self.device).network

    def encode(self, sample: Sample) -> Tensor:
        """The gray picture N×1×H×W of `color` N×3×H×W, both in [0, 1]."""
        color = sample["color"]
        return crop_to(to_unit(self.network.hide(to_signed(pad_to(color, GRID)))), color)

    def decode(self, received: Tensor, condition: Condition) -> dict[str, Tensor]:
        """`color` N×3×H×W of a received gray picture N×1×H×W, both in [0, 1]."""
        return {"color": crop_to(to_unit(self.network.restore(to_signed(pad_to(received, GRID)))), received)}


class Iig(Jrig):
    """The invertible grayscale of Xia et al. (SIGGRAPH Asia 2018): the same networks, trained without JPEG."""

    name = "iig"
    default_weights = SHIPPED_IIG
