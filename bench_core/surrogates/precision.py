"""Pixels need 8 bits and a transform's sums more: half precision, whose fractions have 8 to 11, is not enough."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

import torch
from torch import Tensor

P = ParamSpec("P")


def at_least_float32(images: Tensor) -> Tensor:
    """Half precision as float32; anything else as it is."""
    return images.float() if images.dtype in (torch.float16, torch.bfloat16) else images


def full_precision(
    layer: Callable[Concatenate[Tensor, P], Tensor],
) -> Callable[Concatenate[Tensor, P], Tensor]:
    """A layer that computes, and returns, float32 at least, whatever it is given and although autocast is on."""

    @wraps(layer)
    def call(images: Tensor, /, *args: P.args, **kwargs: P.kwargs) -> Tensor:
        with torch.autocast(images.device.type, enabled=False):
            return layer(at_least_float32(images), *args, **kwargs)

    return call
