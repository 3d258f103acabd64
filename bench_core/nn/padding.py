"""Sides that something divides: repeat the last row and column, and cut them off again."""

import torch.nn.functional as F
from torch import Tensor


def pad_to(images: Tensor, vertical: int, horizontal: int | None = None) -> Tensor:
    """N×C×H×W with the last row and column repeated until H and W are multiples of the two numbers (default: the same).

    The very tensor where they are already.
    """
    down, right = -images.shape[-2] % vertical, -images.shape[-1] % (horizontal or vertical)
    return F.pad(images, (0, right, 0, down), mode="replicate") if down or right else images


def crop_to(images: Tensor, like: Tensor) -> Tensor:
    """The top left corner of `like`'s height and width."""
    return images[..., : like.shape[-2], : like.shape[-1]]
