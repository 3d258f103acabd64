"""What training minimizes: one trip through hide, the clean channel and reveal."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench_core.surrogates.rounding import round8
from bench_hiders.losses import concealing_loss, low_frequency_loss, revealing_loss
from bench_hiders.network import HiderNetwork, Revealed


@dataclass(frozen=True)
class LossConfig:
    """Weights of the losses, the receiver's temperature, and whether the container is rounded to 8 bits (`round`)."""

    weight_concealing: float
    weight_revealing: float
    weight_low_frequency: float
    weight_host: float
    temperature: float
    round: bool

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> "LossConfig":
        """The losses' part of a mapping; KeyError where one is missing."""
        return cls(**{field.name: values[field.name] for field in fields(cls)})


class Objective(nn.Module):
    """λ_c·L_con + λ_r·L_rev + λ_f·L_freq (HiNet Eq. 6), and with `weight_host` the revealed host's mse (ISN)."""

    def __init__(self, network: HiderNetwork, config: LossConfig) -> None:
        super().__init__()
        self.network, self.config = network, config

    def forward(self, secret: Tensor, host: Tensor, seed: int) -> dict[str, Tensor]:
        """Named scalar losses. Secrets N×3K×H×W, host N×3×H×W; the receiver's noise is keyed by `seed`."""
        container, lost = self.network.hide(secret, host)
        revealed = reveal(self.network, container, self.config.temperature, self.config.round, seed)
        config = self.config
        losses = {
            "concealing": concealing_loss(container, host),
            "revealing": revealing_loss(revealed.secret, secret),
            "low_frequency": low_frequency_loss(container, host),
            "host": F.mse_loss(revealed.host, host),
        }
        loss = (
            config.weight_concealing * losses["concealing"]
            + config.weight_revealing * losses["revealing"]
            + config.weight_low_frequency * losses["low_frequency"]
            + config.weight_host * losses["host"]
        )
        return {"loss": loss, **losses, "lost_std": lost.detach().std()}


def reveal(network: HiderNetwork, container: Tensor, temperature: float, rounded: bool, seed: int) -> Revealed:
    """Send over the clean channel, where rounding has gradient 1, and reveal with z ~ N(0, T²I) drawn from `seed`."""
    received = round8(container) if rounded else container
    shape = (len(container), *network.noise_shape(*container.shape[-2:]))
    # Drawn on the CPU, so that a seed means the same noise on every device.
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(container)
    return network.reveal(received, temperature * noise)
