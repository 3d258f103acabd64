"""What training minimizes: the losses of one batch for the generator (eq. 6), and the discriminators' own (eq. 4)."""

from typing import Protocol

import torch
from torch import Tensor, nn

from bench_core.nn.patchgan import frozen_statistics
from bench_scgan.config import NetworkConfig, TrainingConfig
from bench_scgan.discriminators import Judge
from bench_scgan.losses import (
    attention_loss,
    difference,
    gradient_penalty,
    judged_discriminator,
    judged_generator,
    saliency_loss,
)
from bench_scgan.networks import Generator
from bench_scgan.views import to_unit


class Perceptual(Protocol):
    """L_p of two pictures N×3×H×W in [0, 1]."""

    def __call__(self, made: Tensor, color: Tensor) -> Tensor:
        """A scalar."""


class DiscriminatorObjective(nn.Module):
    """D_c of colors and, where there are two discriminators and a saliency branch, D_A of colors times saliency.

    Eq. 4 writes D_s in its last term and never defines it; D_A takes pictures times saliency, and so does its penalty.
    """

    def __init__(self, config: TrainingConfig, attention: bool) -> None:
        super().__init__()
        self.config = config
        self.color = Judge(config)
        self.attention = Judge(config) if attention and config.n_discriminators == 2 else None

    def forward(
        self,
        color: Tensor,
        gray: Tensor,
        made_color: Tensor,
        alpha: Tensor,
        saliency: Tensor | None = None,
        made_saliency: Tensor | None = None,
        **_: object,
    ) -> dict[str, Tensor]:
        """Scalars; `made_color` and `made_saliency` are the generator's, `alpha` N×2 is the penalties' α."""
        losses, penalties = [], []
        for place, (judge, real, fake) in enumerate(self._cases(color, made_color, saliency, made_saliency)):
            # Apart, because batch norm would let each see the other's statistics.
            losses.append(judged_discriminator(judge(gray, real).float(), judge(gray, fake).float(), self.config.gan))
            if self.config.gan == "wgan-gp":
                penalties.append(self._penalty(judge, gray, real, fake, alpha[:, place]))
        figures = dict(zip(("color", "attention"), losses, strict=False))
        total = torch.stack(losses).sum()
        if penalties:
            figures["penalty"] = torch.stack(penalties).sum()
            total = total + self.config.weight_gp * figures["penalty"]
        return {"loss": total, **figures}

    def _cases(
        self, color: Tensor, made_color: Tensor, saliency: Tensor | None, made_saliency: Tensor | None
    ) -> list[tuple[Judge, Tensor, Tensor]]:
        cases = [(self.color, color, made_color.detach())]
        if self.attention is not None and saliency is not None and made_saliency is not None:
            cases.append((self.attention, color * saliency, (made_color * made_saliency).detach()))
        return cases

    @staticmethod
    def _penalty(judge: Judge, gray: Tensor, real: Tensor, fake: Tensor, alpha: Tensor) -> Tensor:
        # Half precision has too few digits for a gradient of a gradient.
        with torch.autocast(real.device.type, enabled=False), frozen_statistics(judge):
            return gradient_penalty(lambda mixed: judge(gray, mixed), real.float(), fake.float(), alpha)


class GeneratorObjective(nn.Module):
    """L1 + 0.5·L_A in stage 1, and L1 + 0.05·L_G + 0.5·L_A + 5·L_p in stage 2 (eq. 6).

    The discriminators are used here and trained by their own update; VGG is not a submodule, and so in no checkpoint.
    """

    def __init__(
        self,
        network: Generator,
        config: TrainingConfig,
        judges: DiscriminatorObjective | None = None,
        perceptual: Perceptual | None = None,
    ) -> None:
        super().__init__()
        if config.perceptual and perceptual is None:
            raise ValueError("weight_percep is above 0, and there is no perceptual loss")
        self.network, self.config = network, config
        self.judges, self._perceptual = judges, (perceptual,)

    @property
    def shape(self) -> NetworkConfig:
        """The generator's."""
        return self.network.config

    def forward(
        self,
        color: Tensor,
        gray: Tensor,
        noise: Tensor,
        second: bool,
        saliency: Tensor | None = None,
        **_: object,
    ) -> dict[str, Tensor]:
        """Named scalars, and for the discriminators `made_color` N×3×H×W and `made_saliency` N×1×H×W.

        `color` N×3×H×W and `gray` N×1×H×W are in the network's range, `noise` is added to its input, `saliency` is
        N×1×H×W in [0, 1], and `second` says that this is stage 2.
        """
        config = self.config
        made, made_saliency = self.network(gray + noise)
        weighted: list[tuple[float, str, Tensor]] = []
        with torch.autocast(color.device.type, enabled=False):
            weighted.append((1.0, "color", difference(made, color, config.l2)))
            if saliency is not None and made_saliency is not None:
                loss = attention_loss(made, made_saliency, color, saliency, config.l2)
                weighted.append((config.weight_attention, "attention", loss))
                if config.lambda_sal:
                    loss = saliency_loss(made_saliency, saliency)
                    weighted.append((config.lambda_sal, "saliency", loss))
            (perceptual,) = self._perceptual
            if second and config.weight_percep and perceptual is not None:
                loss = perceptual(to_unit(made, self.shape), to_unit(color, self.shape))
                weighted.append((config.weight_percep, "percep", loss))
        if second and self.judges is not None:
            weighted.append((config.weight_gan, "gan", self._deceiving(gray, made, made_saliency)))
        total = torch.stack([weight * loss for weight, _, loss in weighted]).sum()
        handed = {"made_color": made} | ({"made_saliency": made_saliency} if made_saliency is not None else {})
        return {"loss": total, **{name: loss for _, name, loss in weighted}, **handed}

    def _deceiving(self, gray: Tensor, made: Tensor, made_saliency: Tensor | None) -> Tensor:
        judges = self.judges
        assert judges is not None
        with frozen_statistics(judges):
            loss = judged_generator(judges.color(gray, made).float(), self.config.gan)
            if judges.attention is not None and made_saliency is not None:
                scores = judges.attention(gray, made * made_saliency).float()
                loss = loss + judged_generator(scores, self.config.gan)
        return loss
