"""The losses of RIIS, Eq. 5 to 9. All are means, so that one weight suits any crop; pictures are in [0, 1]."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

DEQUANTIZATION = 0.01
"""Standard deviation of the noise that bounds the likelihood from below: without it, a flow that makes the
latent a function of the container drives the density to infinity."""


def reveal_loss(secret: Tensor, host: Tensor, true_secret: Tensor, true_host: Tensor, n_secrets: int) -> Tensor:
    """L_rev (Eq. 5): Σ over the secrets of mse, plus the host's mse. `secret` holds all of them."""
    return n_secrets * F.mse_loss(secret, true_secret) + F.mse_loss(host, true_host)


def fft_loss(a: Tensor, b: Tensor, kind: str) -> Tensor:
    """The frequency term of L_con (Eq. 6) on an orthonormal 2-D FFT: `l2` (equal to mse by Parseval), `l1` or `off`."""
    if kind == "off":
        return a.new_zeros(())
    difference: Tensor = torch.fft.fft2(a - b, norm="ortho")
    if kind == "l1":
        return (difference.real.abs() + difference.imag.abs()).mean()
    return (difference.real.square() + difference.imag.square()).mean()


def container_loss(container: Tensor, host: Tensor, fft: str) -> Tensor:
    """L_con (Eq. 6): mse of the unrounded container against the host, plus the frequency term."""
    return F.mse_loss(container, host) + fft_loss(host, container, fft)


def enhancement_loss(enhanced: Tensor, container: Tensor) -> Tensor:
    """L_CEM (Eq. 7, whose ỹ must be ŷ): mse of the enhanced against the sent container, which it must not move."""
    return F.mse_loss(enhanced, container.detach())


def distribution_loss(z: Tensor, log_det: Tensor, kind: str, n_secrets: int) -> Tensor:
    """L_distr (Eq. 8), mean over the batch: `nll` = [½Σz² − log det]/numel, `ce` = ½Σz²/numel.

    numel counts one secret's share of z (3HW), so that this, like L_rev, is a sum over the secrets.
    """
    energy = 0.5 * z.square().sum(dim=(1, 2, 3))
    if kind == "nll":
        energy = energy - log_det
    return n_secrets * energy.mean() / z[0].numel()


def tie_loss(pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """‖θ − θ'‖², summed over the parameters that decoupled tuning has copied."""
    return torch.stack([(a - b).square().sum() for a, b in pairs]).sum()
