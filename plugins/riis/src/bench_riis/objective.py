"""What training minimizes: one trip through hide, channel and reveal, and the four losses of it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench_riis.channel import Level, condition_vectors, transmit
from bench_riis.config import TrainingConfig
from bench_riis.losses import (
    DEQUANTIZATION,
    container_loss,
    distribution_loss,
    enhancement_loss,
    reveal_loss,
    tie_loss,
)
from bench_riis.model import Revealed, RiisNetwork


class Objective(nn.Module):
    """L = λ1·L_rev + λ2·L_con + λ3·L_CEM + λ4·L_distr (RIIS Eq. 9) of one batch."""

    def __init__(self, network: RiisNetwork, config: TrainingConfig) -> None:
        super().__init__()
        self.network, self.config = network, config

    def forward(self, secret: Tensor, host: Tensor, levels: list[Level], seed: int) -> dict[str, Tensor]:
        """Named scalar losses. Secrets N×3K×H×W, host N×3×H×W; all noise is keyed by `seed`."""
        losses, revealed = self.trip(secret, host, host, levels, seed)
        losses["reveal"] = reveal_loss(revealed.secret, revealed.host, secret, host, self.network.n_secrets)
        losses["secret"] = F.mse_loss(revealed.secret.detach(), secret)
        return self.total(losses)

    def trip(
        self, secret: Tensor, host: Tensor, target: Tensor, levels: list[Level], seed: int
    ) -> tuple[dict[str, Tensor], Revealed]:
        """Every loss but L_rev, and what is revealed; `target` is what the container should look like."""
        network, config = self.network, self.config
        generator = torch.Generator().manual_seed(seed)
        told = condition_vectors(levels).to(host)
        intended = told if config.dgm_sender == "told" else torch.zeros_like(told)
        container, latent = network.hide(secret, host, intended)
        losses = {"container": container_loss(container, target, config.fft)}
        if config.distr != "off" and network.config.draws:
            z, log_det = network.whiten(self._jittered(latent, generator), container, intended)
            losses["distribution"] = distribution_loss(z, log_det, config.distr, network.n_secrets)
            losses["z_std"] = z.detach().std()
        received = transmit(container, levels, seed, config)
        noise = config.temperature * torch.randn(latent.shape, generator=generator).to(latent)
        revealed = network.reveal(received, noise, told)
        if network.cem is not None:
            # A second pass, so that this loss reaches CEM alone and does not bend the sender.
            losses["enhancement"] = enhancement_loss(network.enhance(received.detach()), container)
        if config.weight_tie and network.is_decoupled:
            losses["tie"] = tie_loss(network.pairs())
        return losses, revealed

    def total(self, losses: dict[str, Tensor]) -> dict[str, Tensor]:
        """The losses, and their weighted sum as `loss`."""
        weights = {
            "reveal": self.config.weight_rev,
            "container": self.config.weight_con,
            "enhancement": self.config.weight_cem,
            "distribution": self.config.weight_distr,
            "tie": self.config.weight_tie,
        }
        terms = [weight * losses[name] for name, weight in weights.items() if name in losses]
        return {"loss": torch.stack(terms).sum(), **losses}

    @torch.no_grad()
    def prepare(self, batch: Mapping[str, Any]) -> None:
        """Let the actnorms of CANP look at their first batch, whether or not a loss will send anything through it."""
        type(self)(self.network, replace(self.config, distr="nll")).train()(**batch)

    def _jittered(self, latent: Tensor, generator: torch.Generator) -> Tensor:
        if self.network.config.source == "gauss":
            return latent  # what is drawn instead of it has no log-determinant that would run away
        return latent + DEQUANTIZATION * torch.randn(latent.shape, generator=generator).to(latent)
