"""What training minimises: one trip through hide, channel and reveal, and the four losses of it."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench_riis.channel import Level, transmit
from bench_riis.config import TrainingConfig
from bench_riis.losses import (
    DEQUANTIZATION,
    container_loss,
    distribution_loss,
    enhancement_loss,
    reveal_loss,
)
from bench_riis.model import RiisNetwork


class Objective(nn.Module):
    """L = λ1·L_rev + λ2·L_con + λ3·L_CEM + λ4·L_distr (RIIS Eq. 9) of one batch."""

    def __init__(self, network: RiisNetwork, config: TrainingConfig) -> None:
        super().__init__()
        self.network, self.config = network, config

    def forward(self, secret: Tensor, host: Tensor, levels: list[Level], seed: int) -> dict[str, Tensor]:
        """Named scalar losses. Secrets N×3K×H×W, host N×3×H×W; all noise is keyed by `seed`."""
        network, config = self.network, self.config
        generator = torch.Generator().manual_seed(seed)
        container, latent = network.hide(secret, host)
        losses = {"container": container_loss(container, host, config.fft)}
        if config.distr != "off":
            jitter = DEQUANTIZATION * torch.randn(latent.shape, generator=generator).to(latent)
            z, log_det = network.whiten(latent + jitter, container)
            losses["distribution"] = distribution_loss(z, log_det, config.distr)
            losses["z_std"] = z.detach().std()
        received = transmit(container, levels, seed, config)
        noise = config.temperature * torch.randn(latent.shape, generator=generator).to(latent)
        revealed = network.reveal(received, noise)
        losses["reveal"] = reveal_loss(revealed.secret, revealed.host, secret, host)
        losses["secret"] = F.mse_loss(revealed.secret.detach(), secret)
        # A second pass, so that this loss reaches CEM alone and does not bend the sender.
        losses["enhancement"] = enhancement_loss(network.cem(received.detach()), container)
        loss = (
            config.weight_rev * losses["reveal"]
            + config.weight_con * losses["container"]
            + config.weight_cem * losses["enhancement"]
        )
        if "distribution" in losses:
            loss = loss + config.weight_distr * losses["distribution"]
        return {"loss": loss, **losses}
