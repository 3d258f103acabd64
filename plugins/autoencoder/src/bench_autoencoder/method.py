"""`Autoencoder`: the network as a method that the harness can test."""

from typing import ClassVar

from torch import Tensor

from bench_autoencoder.colorize import SIZES, colorize
from bench_autoencoder.weights import SHIPPED, load_weights
from bench_core.errors import RequestError
from bench_core.model import Condition
from bench_core.params import Param
from bench_core.task import COLORIZATION
from bench_core.torch_model import TorchModel


class Autoencoder(TorchModel):
    """The convolutional auto-encoder of CIFAR-10 (student report, 2020).

    At 32×32 the result is the network's own, luma and all, unless `luma_transfer` gives it the input's luma. Other
    sizes are colored by a thumbnail or by tiles, on the input's lightness. Outputs are not rounded. RequestError for a
    file that holds no such network, and for `sizes=whole` where it has a bottleneck.
    """

    name = "autoencoder"
    task = COLORIZATION
    outputs = ("color",)
    params: ClassVar[tuple[Param, ...]] = (
        Param(
            "sizes", str, choices=SIZES, default="thumb",
            help="other sizes than 32×32: by a thumbnail, by tiles, or (bottleneck=none) the whole picture at once",
        ),
        Param("luma_transfer", bool, default=False, help="give the network's own output the luma of the gray picture"),
    )  # fmt: skip
    default_weights = SHIPPED

    def setup(self) -> None:
        """Load the network that the weights file describes."""
        path = self.needed_weights()
        self.network = load_weights(path, self.device).network
        if self.settings["sizes"] == "whole" and self.network.config.bottleneck == "dense":
            raise RequestError(
                f"sizes=whole needs a network without bottleneck, and {path} has one: it takes 32×32 only; "
                "e.g. --set sizes=tile"
            )

    def decode(self, received: Tensor, condition: Condition) -> dict[str, Tensor]:
        """`color` N×3×H×W of gray pictures N×1×H×W, both in [0, 1]."""
        sizes, transfer = str(self.settings["sizes"]), bool(self.settings["luma_transfer"])
        return {"color": colorize(self.network, received, sizes, transfer)}
