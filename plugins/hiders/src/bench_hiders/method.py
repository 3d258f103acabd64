"""`HiNet` and `Isn`: the network as methods that the harness can test."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from bench_core.errors import RequestError
from bench_core.model import Condition, Sample
from bench_core.params import Param
from bench_core.task import STEGANOGRAPHY
from bench_core.torch_model import TorchModel
from bench_hiders.weights import load_weights, shipped


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
        if self.weights is None:
            raise RequestError(
                f"{self.name} needs weights, and none ship with it; train some, e.g. bench train {self.name} "
                f"--data folder:photos --out runs/{self.name}, then --weights runs/{self.name}/best.safetensors"
            )
        self.network = load_weights(self.weights, self.name, self.device).network
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
        return _crop(self.network.hide(self._padded(secret), self._padded(host))[0], host)

    def decode(self, received: Tensor, condition: Condition) -> dict[str, Tensor]:
        """`secret` N×3K×H×W and `host` N×3×H×W; z ~ N(0, T²I) is drawn from the condition's generators."""
        padded = self._padded(received)
        shape = self.network.noise_shape(*padded.shape[-2:])
        if self.temperature > 0:
            noise = self.temperature * torch.from_numpy(condition.normal(shape)).to(received)
        else:
            noise = received.new_zeros((len(received), *shape))
        revealed = self.network.reveal(padded, noise)
        return {"secret": _crop(revealed.secret, received), "host": _crop(revealed.host, received)}

    def _padded(self, images: Tensor) -> Tensor:
        """Repeat the last row and column until the squeeze can halve both sides."""
        below, right = (-side % self.network.multiple for side in images.shape[-2:])
        return F.pad(images, (0, right, 0, below), mode="replicate") if below or right else images


class HiNet(_Hider):
    """HiNet: Deep Image Hiding by Invertible Network (Jing et al., ICCV 2021), one to five secrets of the host's size.

    The receiver replaces what was lost by Gaussian noise z ~ N(0, T²I), T being `temperature`. Made for a channel
    without loss: nothing in it resists more than rounding.
    """

    name = "hinet"
    params: ClassVar[tuple[Param, ...]] = (_temperature(1.0),)
    default_weights = shipped("hinet")


class Isn(_Hider):
    """ISN: Large-capacity Image Steganography Based on Invertible Neural Networks (Lu et al., CVPR 2021).

    One to five secrets of the host's size. The receiver replaces what was lost by a constant, so `temperature` is 0
    and decoding deterministic; at T > 0 it is z ~ N(0, T²I). Made for a channel without loss.
    """

    name = "isn"
    params: ClassVar[tuple[Param, ...]] = (_temperature(0.0),)
    default_weights = shipped("isn")


def _crop(images: Tensor, like: Tensor) -> Tensor:
    return images[..., : like.shape[-2], : like.shape[-1]]
