"""Figures that validations share."""

import torch
import torch.nn.functional as F
from torch import Tensor

from bench_core.surrogates.rounding import round8


def psnr8(estimate: Tensor, reference: Tensor) -> float:
    """PSNR in dB of `estimate` rounded to 8 bits, 10·log10(1/mse), mean over the pictures; at most 100 each.

    Both are N×C×H×W in [0, 1], the reference on the 1/255 grid or not: it is not rounded.
    """
    mse = F.mse_loss(round8(estimate), reference, reduction="none").mean(dim=(1, 2, 3))
    return float((-10 * torch.log10(mse.clamp_min(1e-10))).mean())
