"""`Riis` and `RiisStar`: the network as methods that the harness can test."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from bench_core.errors import RequestError
from bench_core.grammar import parse_channels
from bench_core.model import Condition, Sample, Stage
from bench_core.nn.padding import crop_to, pad_to
from bench_core.params import Param
from bench_core.plugins import registry
from bench_core.task import STEGANOGRAPHY
from bench_core.torch_model import TorchModel
from bench_riis.modulation import condition_vector
from bench_riis.weights import SHIPPED, SHIPPED_PRINT, SHIPPED_STAR, kind_of, load_weights


class RiisModel(TorchModel):
    """What all methods with a RIIS network share: its weights, and the receiver's noise."""

    params: ClassVar[tuple[Param, ...]] = (
        Param("temperature", float, 0, 2, default=1.0, help="scale of the receiver's noise; 0 = deterministic"),
    )
    kind: ClassVar[str]
    """Which weights fit: `riis`, `riis-star` or `riis-color`."""

    def setup(self) -> None:
        """Load the network that the weights file describes."""
        self.network = load_weights(self.needed_weights(), self.device).network
        if (other := kind_of(self.network)) != self.kind:
            raise RequestError(f"{self.weights} holds weights of {other}, not of {self.name}; try -p {other}")
        self.temperature = float(self.settings["temperature"])
        self.stochastic = self.temperature > 0 and self.network.config.draws

    def noise(self, received: Tensor, condition: Condition) -> Tensor:
        """The receiver's z̃ for received pictures, from the condition's generators; zeros where nothing is drawn."""
        shape = self.network.noise_shape(*received.shape[-2:])
        if not self.stochastic:
            return received.new_zeros((len(received), *shape))
        return self.temperature * torch.from_numpy(condition.normal(shape)).to(received)


class Riis(RiisModel):
    """Robust invertible image steganography (CVPR 2022): flow, CANP and CEM, one or more secrets of the host's size.

    `temperature` T scales the receiver's noise z̃ ~ N(0, T²I); 0 makes decoding deterministic. Containers and
    outputs are not clipped; the harness clips and rounds. RequestError for a file that holds no RIIS weights.
    """

    name = "riis"
    kind = "riis"
    task = STEGANOGRAPHY
    default_weights: ClassVar[Path | None] = SHIPPED

    @property
    def secrets(self) -> int:
        """How many secrets the weights were trained for."""
        return self.network.n_secrets

    def sender_told(self) -> Tensor | None:
        """The condition vector of the sender, 1×3; None for a blind method."""
        return None

    def receiver_told(self, condition: Condition) -> Tensor | None:
        """The condition vector of the receiver, 1×3; None for a blind method."""
        return None

    def encode(self, sample: Sample) -> Tensor:
        """The container N×3×H×W of `host` N×3×H×W and `secret` N×3K×H×W."""
        host, secret = sample["host"], sample["secret"]
        if secret.shape[1] != 3 * self.secrets:
            raise RequestError(
                f"these {self.name} weights hide {self.secrets} secret(s), not {secret.shape[1] // 3}; "
                f"train others with `bench train {self.name} --secrets K`"
            )
        side = self.network.config.multiple
        container, _ = self.network.hide(pad_to(secret, side), pad_to(host, side), self.sender_told())
        return crop_to(container, host)

    def decode(self, received: Tensor, condition: Condition) -> dict[str, Tensor]:
        """`secret` N×3K×H×W and `host` N×3×H×W; the noise is drawn from the condition's generators."""
        whole = pad_to(received, self.network.config.multiple)
        revealed = self.network.reveal(whole, self.noise(whole, condition), self.receiver_told(condition))
        return {"secret": crop_to(revealed.secret, received), "host": crop_to(revealed.host, received)}


class RiisPrint(Riis):
    """`Riis` with the shipped weights that were fine-tuned on simulated prints."""

    name = "riis-print"
    default_weights = SHIPPED_PRINT


UNTOLD = "untold"


class RiisStar(Riis):
    """RIIS with distortion-guided modulation (RIIS*): the receiver is told the degradation, CVPR 2022, section 3.5.

    The harness sends one container through many degradations, so the sender cannot be told which one comes: it is told
    what `intend` says (a channel as in --degrade, e.g. `jpeg:40`), by default nothing. In a chain each stage sets its
    own entry of the condition vector, the last of a kind counts, and degradations other than Gaussian noise, Poisson
    noise and JPEG set none. RequestError for weights without modulation.
    """

    name = "riis-star"
    kind = "riis-star"
    told = True
    params: ClassVar[tuple[Param, ...]] = (
        *Riis.params,
        Param("intend", str, default=UNTOLD, help="the degradation that the sender expects, e.g. jpeg:40; or untold"),
    )
    default_weights = SHIPPED_STAR

    def setup(self) -> None:
        """Load the network, and read what the sender expects."""
        super().setup()
        self.intended = self._vector(_intended(str(self.settings["intend"])))

    def sender_told(self) -> Tensor | None:
        """What `intend` says."""
        return self.intended

    def receiver_told(self, condition: Condition) -> Tensor | None:
        """What the harness says; nothing where it says nothing."""
        return self._vector(condition.stages or ())

    def _vector(self, stages: Sequence[Stage]) -> Tensor:
        return torch.tensor([condition_vector(stages)], dtype=torch.float32, device=self.device)


def _intended(text: str) -> tuple[Stage, ...]:
    """The stages of the one channel that `intend` names.

    Raises:
        RequestError: for a text that is no channel, or several.
    """
    if text == UNTOLD:
        return ()
    channels = parse_channels([text], registry().degradations, option="intend")
    if len(channels) != 1:
        raise RequestError(f"intend must be one degradation, not the {len(channels)} of '{text}'; e.g. intend=jpeg:40")
    return tuple(Stage(stage.name, stage.values) for stage in channels[0].stages)
