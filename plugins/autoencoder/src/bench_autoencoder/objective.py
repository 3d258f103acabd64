"""What a step of training minimizes, and the running means of an epoch."""

import torch
from torch import Tensor, nn

from bench_autoencoder.config import TrainingConfig
from bench_autoencoder.losses import argmax_hits, color_loss, penalty
from bench_autoencoder.network import Autoencoder


class Objective(nn.Module):
    """The loss of a batch. `sums` counts pictures, losses and hits since `epoch_means` was last asked.

    They are a buffer, so that a checkpoint inside an epoch has them too.
    """

    sums: Tensor

    def __init__(self, network: Autoencoder, config: TrainingConfig) -> None:
        super().__init__()
        self.network, self.config = network, config
        self.register_buffer("sums", torch.zeros(3, dtype=torch.float64))

    def forward(self, color: Tensor, gray: Tensor) -> dict[str, Tensor]:
        """`loss`, penalties included, and `accuracy` of color N×3×32×32 and gray N×1×32×32, both in [0, 1]."""
        logits = self.network.logits(gray).float()  # losses are taken in full precision, also under autocast
        loss = color_loss(self.config.loss, logits, color)
        if self.config.ridge or self.config.lasso:
            loss = loss + penalty(self.network, self.config.ridge, self.config.lasso)
        with torch.no_grad():
            accuracy = argmax_hits(torch.sigmoid(logits), color)
            if self.training:
                count = len(color)
                means = torch.stack([loss.new_ones(()), loss.detach(), accuracy])
                self.sums += means.double() * count
        return {"loss": loss, "accuracy": accuracy}

    def epoch_means(self) -> dict[str, float]:
        """Mean `loss` and `accuracy` over the pictures since the last call, as Keras prints them for an epoch."""
        count, loss, hits = self.sums.tolist()
        self.sums.zero_()
        return {"loss": loss / count, "accuracy": hits / count} if count else {}
