"""The harness's own degradations in training: real forward, straight-through backward.

Nothing is nearer to what a method will be tested on. It costs the degradation's CPU time, on threads, and the way
from the device and back.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import torch
from torch import Tensor

from bench_core.degradation import Array, Channel, Degradation
from bench_core.surrogates.precision import full_precision
from bench_core.surrogates.rounding import straight_through

GRADIENTS = ("identity", "inside", "none")


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(8, os.cpu_count() or 1), thread_name_prefix="bench-channel")


@full_precision
def through_channel(
    images: Tensor,
    channels: Channel | Degradation | Sequence[Channel | Degradation],
    seed: int,
    *,
    names: Sequence[str] | None = None,
    gradient: str = "identity",
) -> Tensor:
    """Pictures N×C×H×W rounded to 8 bits as the harness rounds, each sent through its channel; on the 1/255 grid.

    Args:
        images: in [0, 1]; what is outside is clipped.
        channels: one for all pictures, or one for each.
        seed: with `names`, what keys the draws; give another one each step.
        names: one for each picture; by default its place in the batch.
        gradient: `identity`; `inside`, which is 0 where a sample was clipped; or `none` (JRIG's real JPEG: the
            receiver learns, the sender does not).

    Raises:
        CellFailure: where a degradation cannot take a picture.
        ValueError: for a channel that changes a picture's size, through which no gradient goes straight.
    """
    if gradient not in GRADIENTS:
        raise ValueError(f"unknown gradient {gradient!r}; known: {', '.join(GRADIENTS)}")
    several = channels if isinstance(channels, Sequence) else [channels] * len(images)
    given = [Channel((item,)) if isinstance(item, Degradation) else item for item in several]
    labels = [str(index) for index in range(len(images))] if names is None else list(names)
    pixels = images.detach().clamp(0, 1).mul(255).round().to("cpu", torch.uint8).permute(0, 2, 3, 1).contiguous()

    def send(picture: Array, channel: Channel, name: str) -> Array:
        received = channel.send(picture, seed, name).image
        if received.shape != picture.shape:
            sizes = " to ".join("x".join(map(str, array.shape[:2])) for array in (picture, received))
            raise ValueError(f"{channel.id} changes a picture from {sizes}; a straight-through gradient needs one size")
        return received

    if not len(images) == len(given) == len(labels):
        raise ValueError(f"{len(images)} pictures, {len(given)} channels and {len(labels)} names do not match")
    arrived = np.stack(list(_threads().map(send, pixels.numpy(), given, labels)))
    received = torch.from_numpy(arrived).to(images.device).permute(0, 3, 1, 2).to(images.dtype) / 255
    if gradient == "none":
        return received
    return straight_through(received, images.clamp(0, 1) if gradient == "inside" else images)
