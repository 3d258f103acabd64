"""`Riis`: the network as a method that the harness can test."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from bench_core.errors import RequestError
from bench_core.model import Condition, Sample
from bench_core.params import Param
from bench_core.task import STEGANOGRAPHY
from bench_core.torch_model import TorchModel
from bench_riis.weights import SHIPPED, SHIPPED_PRINT, load_weights


class Riis(TorchModel):
    """Robust invertible image steganography (CVPR 2022): flow, CANP and CEM, one or more secrets of the host's size.

    `temperature` T scales the receiver's noise z̃ ~ N(0, T²I); 0 makes decoding deterministic. Containers and
    outputs are not clipped; the harness clips and rounds. RequestError for a file that holds no RIIS weights.
    """

    name = "riis"
    task = STEGANOGRAPHY
    params: ClassVar[tuple[Param, ...]] = (
        Param("temperature", float, 0, 2, default=1.0, help="scale of the receiver's noise; 0 = deterministic"),
    )
    default_weights = SHIPPED

    def setup(self) -> None:
        """Load the network that the weights file describes."""
        if self.weights is None:
            raise RequestError("riis needs weights; e.g. --weights runs/riis/best.safetensors")
        self.network = load_weights(self.weights, self.device).network
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
                f"these riis weights hide {self.secrets} secret(s), not {secret.shape[1] // 3}; "
                "train others with `bench train riis --secrets K`"
            )
        return _crop(self.network.hide(_even(secret), _even(host))[0], host)

    def decode(self, received: Tensor, condition: Condition) -> dict[str, Tensor]:
        """`secret` N×3K×H×W and `host` N×3×H×W; the noise is drawn from the condition's generators."""
        padded = _even(received)
        shape = self.network.noise_shape(*padded.shape[-2:])
        if self.temperature > 0:
            noise = self.temperature * torch.from_numpy(condition.normal(shape)).to(received)
        else:
            noise = received.new_zeros((len(received), *shape))
        revealed = self.network.reveal(padded, noise)
        return {"secret": _crop(revealed.secret, received), "host": _crop(revealed.host, received)}


class RiisPrint(Riis):
    """`Riis` with the shipped weights that were fine-tuned on simulated prints."""

    name = "riis-print"
    default_weights = SHIPPED_PRINT


def _even(images: Tensor) -> Tensor:
    """Repeat the last row and column where a side is odd: the squeeze halves both."""
    height, width = images.shape[-2:]
    if height % 2 == 0 and width % 2 == 0:
        return images
    return F.pad(images, (0, width % 2, 0, height % 2), mode="replicate")


def _crop(images: Tensor, like: Tensor) -> Tensor:
    return images[..., : like.shape[-2], : like.shape[-1]]
