"""The losses of SCGAN (TCSVT 2020, eq. 1 to 5) but the perceptual one, all of them means over all elements."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

KINDS = ("wgan-gp", "wgan", "lsgan")


def difference(estimate: Tensor, reference: Tensor, l2: bool) -> Tensor:
    """Mean |a − b| (eq. 1), or with `l2` mean (a − b)² (Table II, "with L2 loss")."""
    return F.mse_loss(estimate, reference) if l2 else F.l1_loss(estimate, reference)


def attention_loss(made: Tensor, made_saliency: Tensor, color: Tensor, saliency: Tensor, l2: bool = False) -> Tensor:
    """L_A (eq. 2): mean |G_c ⊙ G_s − c ⊙ s|, the saliency N×1×H×W alike for the 3 channels."""
    return difference(made * made_saliency, color * saliency, l2)


def saliency_loss(made: Tensor, saliency: Tensor) -> Tensor:
    """Mean cross-entropy of two saliencies in [0, 1]; NaN where `made` has one, which torch's answers with an error."""
    unknown = made.isnan()
    found = F.binary_cross_entropy(made.masked_fill(unknown, 0.5), saliency)
    return found.masked_fill(unknown.any(), torch.nan)


def judged_generator(scores: Tensor, kind: str) -> Tensor:
    """A discriminator's part of L_G (eq. 3): −mean D(fake); LSGAN: mean (D(fake) − 1)²."""
    return (scores - 1).square().mean() if kind == "lsgan" else -scores.mean()


def judged_discriminator(real: Tensor, fake: Tensor, kind: str) -> Tensor:
    """Its part of L_D without penalty (eq. 4): mean D(fake) − mean D(real).

    LSGAN: ½ (mean D(fake)² + mean (D(real) − 1)²).
    """
    if kind == "lsgan":
        return 0.5 * (fake.square().mean() + (real - 1).square().mean())
    return fake.mean() - real.mean()


def gradient_penalty(judge: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, alpha: Tensor) -> Tensor:
    """GP (eq. 4): mean over the pictures of (‖∇ D(ũ)‖₂ − 1)², ũ = α·real + (1 − α)·fake.

    Args:
        judge: scores of pictures; the gradient is that of the sum of a picture's scores by its pixels alone.
        real: N×C×H×W.
        fake: the same shape; no gradient reaches it.
        alpha: N numbers in [0, 1], one a picture.
    """
    share = alpha.to(real).view(-1, 1, 1, 1)
    mixed = (share * real + (1 - share) * fake).detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(judge(mixed).sum(), mixed, create_graph=True)
    # A root's gradient at 0 is infinite.
    norm = (slope.flatten(1).square().sum(dim=1) + 1e-12).sqrt()
    return (norm - 1).square().mean()
