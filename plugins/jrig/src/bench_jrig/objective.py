"""What training minimizes: the eight losses of one batch for H and R, and the discriminators' own."""

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench_core.nn.adversarial import discriminator_loss, generator_loss
from bench_core.nn.patchgan import PatchDiscriminator, frozen_statistics
from bench_jrig.channel import Trip, transmit
from bench_jrig.config import TrainingConfig
from bench_jrig.losses import (
    basic_loss,
    quantization_loss,
    structure_loss,
    variation_loss,
)
from bench_jrig.networks import JrigNetwork
from bench_jrig.schedule import Weights


class Contrast(Protocol):
    """ℓ_c of gray pictures N×1×H×W and colors N×3×H×W in [−1, 1] (`bench_jrig.vgg.ContrastLoss`)."""

    def __call__(self, gray: Tensor, color: Tensor) -> Tensor:
        """A scalar."""


class DiscriminatorObjective(nn.Module):
    """D_g of gray pictures and D_c of restored ones, neither told the original (JRIG, Eq. 12 and 13).

    Eq. 13 prints D_g where it must be D_c. D_g is None where the gray picture may look like anything.
    """

    def __init__(self, config: TrainingConfig) -> None:
        super().__init__()
        width, layers = config.d_channels, config.d_layers
        self.gray = PatchDiscriminator(1, width, layers) if config.target != "none" else None
        self.color = PatchDiscriminator(3, width, layers)

    def forward(
        self, color: Tensor, target: Tensor, made_gray: Tensor, made_color: Tensor, **_: object
    ) -> dict[str, Tensor]:
        """Scalars; `made_gray` and `made_color` are the generator's. Real and fake go through the norms apart."""
        losses = {"color": self._discern(self.color, color, made_color)}
        if self.gray is not None:
            losses["gray"] = self._discern(self.gray, target, made_gray)
        return {"loss": torch.stack(list(losses.values())).sum(), **losses}

    @staticmethod
    def _discern(judge: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        return discriminator_loss(judge(real).float(), judge(fake.detach()).float())


class GeneratorObjective(nn.Module):
    """L = λ1·ℓ_r + λ2·ℓ_s + λ3·ℓ_b + λ4·ℓ_c + λ5·ℓ_v + λ6·ℓ_q + λ7·ℓ_d^g + λ8·ℓ_d^c of one batch (JRIG, Eq. 3).

    The discriminators are used here and trained by their own update; VGG is not a submodule, and so in no checkpoint.
    """

    def __init__(
        self,
        network: JrigNetwork,
        config: TrainingConfig,
        judges: DiscriminatorObjective | None = None,
        contrast: Contrast | None = None,
    ) -> None:
        super().__init__()
        if config.weight_contrast and contrast is None:
            raise ValueError("weight_contrast is above 0, and there is no contrast loss")
        self.network, self.config = network, config
        self.judges, self._contrast = judges, (contrast,)

    def forward(self, color: Tensor, target: Tensor, weights: Weights, trip: Trip) -> dict[str, Tensor]:
        """Named scalars, and for the discriminators the pictures `made_gray` N×1×H×W and `made_color` N×3×H×W.

        `color` N×3×H×W and `target` N×1×H×W are in [−1, 1]. A loss that weighs 0 and costs time is left out.
        """
        gray = self.network.hide(color)
        restored = self.network.restore(transmit(gray, trip, self.config))
        # Half precision is for convolutions only.
        with torch.autocast(color.device.type, enabled=False):
            losses = self._losses(color, target, weights, gray, restored)
        losses |= self._deceiving(weights, gray, restored)
        total = torch.stack([getattr(weights, name) * loss for name, loss in losses.items()]).sum()
        return {"loss": total, **losses, "made_gray": gray, "made_color": restored}

    def _losses(
        self, color: Tensor, target: Tensor, weights: Weights, gray: Tensor, restored: Tensor
    ) -> dict[str, Tensor]:
        config, (contrast,) = self.config, self._contrast
        losses = {
            "restored": F.mse_loss(restored, color),
            "basic": basic_loss(gray, target, weights.threshold),
            "variation": variation_loss(gray, color),
            "quantization": quantization_loss(gray),
        }
        if weights.structure:
            losses["structure"] = structure_loss(restored, color, config.ssim, config.ssim_size)
        if weights.gray:
            losses["gray"] = F.mse_loss(gray, target)
        if weights.contrast and contrast is not None:
            losses["contrast"] = contrast(gray, color)
        return losses

    def _deceiving(self, weights: Weights, gray: Tensor, restored: Tensor) -> dict[str, Tensor]:
        judges = self.judges
        if judges is None:
            return {}
        losses = {}
        for name, judge, weight, pictures in (
            ("adv_gray", judges.gray, weights.adv_gray, gray),
            ("adv_color", judges.color, weights.adv_color, restored),
        ):
            if judge is not None and weight:
                with frozen_statistics(judge):
                    losses[name] = generator_loss(judge(pictures).float(), self.config.gan)
        return losses
