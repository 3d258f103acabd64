"""How good a network is while it trains: the figures of Keras' log on the validation set."""

import torch
from torch import Tensor

from bench_autoencoder.colorize import transfer_luma
from bench_autoencoder.config import TrainingConfig
from bench_autoencoder.epochs import as_batch
from bench_autoencoder.losses import argmax_hits, color_loss
from bench_autoencoder.network import Autoencoder
from bench_core.photos import Pixels

_AT_ONCE = 250
_SHOWN = 16


class Validation:
    """All pictures N×32×32×3 (uint8) of the validation set, in the gray that training uses."""

    def __init__(self, pictures: Pixels, config: TrainingConfig) -> None:
        self.pictures, self.config = pictures, config

    def run(self, network: Autoencoder) -> dict[str, float]:
        """Means over all pixels, and `score`, which is val_loss.

        `val_loss` is of the training's loss without penalties, `val_accuracy` is argmax accuracy, and `val_mse_luma`
        the mse where the output's luma is replaced by the input's (`luma_transfer`).
        """
        sums = torch.zeros(3, dtype=torch.float64)
        for start in range(0, len(self.pictures), _AT_ONCE):
            sums += self._sums(network, self.pictures[start : start + _AT_ONCE])
        loss, accuracy, transferred = (sums / len(self.pictures)).tolist()
        return {"val_loss": loss, "val_accuracy": accuracy, "val_mse_luma": transferred, "score": loss}

    @torch.no_grad()
    def _sums(self, network: Autoencoder, pictures: Pixels) -> Tensor:
        color, gray, logits = self._logits(network, pictures)
        prediction = torch.sigmoid(logits)
        swapped = self.config.gray == "bgr_bug"
        means = (
            color_loss(self.config.loss, logits, color),
            argmax_hits(prediction, color),
            torch.mean((transfer_luma(prediction, gray, swapped) - color) ** 2),
        )
        return torch.stack(means).cpu().double() * len(pictures)

    @torch.no_grad()
    def pictures_of(self, network: Autoencoder) -> dict[str, Tensor]:
        """A few originals, gray pictures and what the network makes of them, N×C×32×32 in [0, 1]."""
        color, gray, logits = self._logits(network, self.pictures[:_SHOWN])
        prediction = torch.sigmoid(logits)
        transferred = transfer_luma(prediction, gray, self.config.gray == "bgr_bug")
        shown = {"color": color, "gray": gray, "colorized": prediction, "colorized-luma": transferred}
        return {name: value.cpu() for name, value in shown.items()}

    def _logits(self, network: Autoencoder, pictures: Pixels) -> tuple[Tensor, Tensor, Tensor]:
        device = next(network.parameters()).device
        batch = {name: value.to(device) for name, value in as_batch(pictures, self.config.gray).items()}
        return batch["color"], batch["gray"], network.logits(batch["gray"])
