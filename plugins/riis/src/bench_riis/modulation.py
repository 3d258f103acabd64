"""Distortion-guided modulation (DGM), which makes RIIS* of RIIS: factor networks that are told the degradation.

After CResMD (ECCV 2020). The condition vector d = [σ/50, (102 − QF)/92, √(255/photons)] is 0 where a degradation is
absent; a shared trunk embeds it, and one head a factor network turns the embedding into gains α = 1 + head.
"""

import math
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench_core.model import Stage
from bench_core.nn.invertible import DenseNet

ENTRIES = 3


def condition_vector(stages: Iterable[Stage]) -> list[float]:
    """The vector d of a channel: the entry of each stage that has one, the last of a kind; others leave 0."""
    d = [0.0] * ENTRIES
    for stage in stages:
        if stage.kind == "gaussian":
            d[0] = float(stage.values["sigma"]) / 50
        elif stage.kind == "jpeg":
            d[1] = (102 - float(stage.values["q"])) / 92
        elif stage.kind == "poisson":
            d[2] = math.sqrt(255 / float(stage.values["peak"]))
    return d


class Trunk(nn.Sequential):
    """d, N×3, to the embedding N×width that all heads read."""

    def __init__(self, width: int) -> None:
        super().__init__(nn.Linear(ENTRIES, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())


class Head(nn.Module):
    """Embedding N×width to gains 1 + W e + b, N×channels×1×1. It starts at zero: gains of exactly 1.

    CResMD multiplies by W e + b and starts that near zero too; with a last convolution of zeros, neither would learn.
    """

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, width))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, embedding: Tensor) -> Tensor:
        """The gains, in the precision of the weights: in 16 bits, 1 + a little would be 1."""
        with torch.autocast(embedding.device.type, enabled=False):
            return 1 + F.linear(embedding.to(self.weight), self.weight, self.bias)[:, :, None, None]


class ModulatedDenseNet(DenseNet):
    """A factor network whose outputs (`factors`), or hidden features (`features`), are scaled channel by channel."""

    def __init__(self, inputs: int, outputs: int, growth: int, convs: int, slope: float, width: int, site: str) -> None:
        super().__init__(inputs, outputs, growth, convs, slope)
        self.site = site
        self.head = Head(width, outputs if site == "factors" else growth * (convs - 1))

    def forward(self, x: Tensor, embedding: Tensor | None = None) -> Tensor:
        """N×inputs×H×W and the trunk's embedding N×width to N×outputs×H×W."""
        if embedding is None:
            raise ValueError("a modulated network needs the embedding of a condition vector")
        gains: Tensor = self.head(embedding)
        if self.site == "factors":
            return gains * super().forward(x)
        features = [x]
        for layer, gain in zip(self.layers[:-1], gains.chunk(len(self.layers) - 1, dim=1), strict=True):
            features.append(gain * F.leaky_relu(layer(torch.cat(features, dim=1)), self.slope))
        last: Tensor = self.layers[-1](torch.cat(features, dim=1))
        return last
