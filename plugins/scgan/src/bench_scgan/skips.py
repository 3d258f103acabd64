"""The way up of a U-Net, which the generators of SCGAN and of pix2pix share."""

import torch
from torch import Tensor, nn


def risen(up: nn.ModuleList, skips: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """From the last of `skips` upwards, joined after each step by the one before it; and what each step gave alone."""
    x, steps = skips[-1], []
    for block, skip in zip(up, skips[-2::-1], strict=True):
        step = block(x)
        steps.append(step)
        x = torch.cat((step, skip), dim=1)
    return x, steps
