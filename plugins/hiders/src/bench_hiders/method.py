"""`HiNet` and `Isn`: the network as methods that the harness can test."""

from typing import ClassVar

import torch
from torch import Tensor

from bench_core.errors import RequestError
from bench_core.model import Condition, Sample
from bench_core.nn.padding import crop_to, pad_to
from bench_core.params import Param
from bench_core.task import STEGANOGRAPHY
from bench_core.torch_model import TorchModel
from bench_hiders.weights import SHIPPED, load_weights


def _temperature(default: float) -> Param:
    return Param(
        "temperature", float, 0, 2, default=default, help="scale of the receiver's noise z; 0 = z is 0, deterministic"
    )


class _Hider(TorchModel):
    """What both share. Containers and outputs are not clipped; the harness clips and rounds."""

    task = STEGANOGRAPHY

    def setup(self) -> None:
        """Load the network that the weights file describes.

        Raises:
            RequestError: without weights, or for a file that holds others.
        """
        self.network = load_weights(self.needed_weights(), self.name, self.device).network
        self.temperature = float(self.settings["temperature"])
        self.stochastic = self.temperature > 0

    @property
    def secrets(self) -> int:
        """How many secrets the weights were trained for."""
        return self.network.n_secrets

    def encode(self, sample: Sample) -> Tensor:
        """The container N×3×H×W of `host` N×3×H×W and `secret` N×3K×H×W."""
        host, secret = sample["host"], sample["secret"]
        if secret.shape[1] != 3 * self.secrets:
            raise RequestError(
                f"these {self.name} weights hide {self.secrets} secret(s), not {secret.shape[1] // 3}; "
                f"train others with `bench train {self.name} --secrets K`"
            )
        side = self.network.multiple
        return crop_to(self.network.hide(pad_to(secret, side), pad_to(host, side))[0], host)

    def decode(self, received: Tensor, condition: Condition) -> dict[str, Tensor]:
        """`secret` N×3K×H×W and `host` N×3×H×W; z ~ N(0, T²I) is drawn from the condition's generators."""
        padded = pad_to(received, self.network.multiple)
        shape = self.network.noise_shape(*padded.shape[-2:])
        if self.temperature > 0:
            noise = self.temperature * torch.from_numpy(condition.normal(shape)).to(received)
        else:
            noise = received.new_zeros((len(received), *shape))
        revealed = self.network.reveal(padded, noise)
        return {"secret": crop_to(revealed.secret, received), "host": crop_to(revealed.host, received)}


class HiNet(_Hider):
    """HiNet: Deep Image Hiding by Invertible Network (Jing et al., ICCV 2021), one to five secrets of the host's size.

    The receiver replaces what was lost by Gaussian noise z ~ N(0, T²I), T being `temperature`. Made for a channel
    without loss: nothing in it resists more than rounding.
    """

    name = "hinet"
    params: ClassVar[tuple[Param, ...]] = (_temperature(1.0),)
    default_weights = SHIPPED["hinet"]


class Isn(_Hider):
    """ISN: Large-capacity Image Steganography Based on Invertible Neural Networks (Lu et al., CVPR 2021).

    One to five secrets of the host's size. The receiver replaces what was lost by a constant, so `temperature` is 0
    and decoding deterministic; at T > 0 it is z ~ N(0, T²I). Made for a channel without loss.
    """

    name = "isn"
    params: ClassVar[tuple[Param, ...]] = (_temperature(0.0),)
    default_weights = SHIPPED["isn"]
