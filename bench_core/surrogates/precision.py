"""What all layers share: their precision, and numbers for each picture of a batch.

Pixels need 8 bits and a transform's sums more: half precision, whose fractions have 8 to 11, is not enough.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from numbers import Real
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

import torch
from torch import Tensor

P = ParamSpec("P")
T = TypeVar("T")
Number = TypeVar("Number", int, float)


def at_least_float32(images: Tensor) -> Tensor:
    """Half precision as float32; anything else as it is."""
    return images.float() if images.dtype in (torch.float16, torch.bfloat16) else images


def full_precision(
    layer: Callable[Concatenate[Tensor, P], Tensor],
) -> Callable[Concatenate[Tensor, P], Tensor]:
    """A layer that computes, and returns, float32 at least, whatever it is given and although autocast is on.

    A batch without pictures comes back as it is, and the layer need not know of it.
    """

    @wraps(layer)
    def call(images: Tensor, /, *args: P.args, **kwargs: P.kwargs) -> Tensor:
        with torch.autocast(images.device.type, enabled=False):
            images = at_least_float32(images)
            return layer(images, *args, **kwargs) if len(images) else images

    return call


@overload
def for_each(values: Number, images: Tensor, what: str) -> list[Number]: ...
@overload
def for_each(values: Sequence[T], images: Tensor, what: str) -> list[T]: ...
def for_each(values: Any, images: Tensor, what: str) -> list[Any]:
    """One of `values` for each picture of a batch: a number stands for all of them.

    Raises:
        ValueError: for more or fewer than there are pictures; torch would spread a single one over the batch.
    """
    given = [values] * len(images) if isinstance(values, Real) else list(values)
    if len(given) != len(images):
        raise ValueError(f"{len(images)} pictures need as many {what}, not {len(given)}")
    return given
