"""Losses of generative adversarial networks (Goodfellow et al., NeurIPS 2014), from a discriminator's logits."""

import torch.nn.functional as F
from torch import Tensor

GENERATOR_LOSSES = ("non-saturating", "minimax")


def discriminator_loss(real: Tensor, generated: Tensor) -> Tensor:
    """−mean log D(real) − mean log(1 − D(generated)), logits of any shape; ln 4 where D cannot tell them apart."""
    return F.softplus(-real).mean() + F.softplus(generated).mean()


def generator_loss(generated: Tensor, kind: str = "non-saturating") -> Tensor:
    """What the generator minimizes of the logits of its pictures.

    `non-saturating` is −mean log D, whose gradient is strong where the discriminator wins; `minimax` is the literal
    mean log(1 − D), whose gradient vanishes there. ValueError for another kind.
    """
    if kind not in GENERATOR_LOSSES:
        raise ValueError(f"a generator's loss is one of {', '.join(GENERATOR_LOSSES)}, not '{kind}'")
    return F.softplus(-generated).mean() if kind == "non-saturating" else -F.softplus(generated).mean()
