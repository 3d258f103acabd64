"""The generator of pix2pix, for Table III: what the saliency branch does for another network than SCGAN's.

Layout: Isola et al., CVPR 2017, as `UnetGenerator` in `models/networks.py` of junyanz/pytorch-CycleGAN-and-pix2pix has
it: strided 4×4 convolutions down, transposed ones up, batch norm and dropout, borders padded with zeros.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from bench_scgan.config import NetworkConfig
from bench_scgan.skips import risen

_DROPPED = 3
"""How many of the innermost steps up have dropout, not counting the first; fewer in a shallow network."""


class Pix2PixUNet(nn.Module):
    """The way down and up again; same calls as `networks.UNet`, without a place for global features."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        widths = [min(config.ch * 2**level, config.cap) for level in range(config.depth)]
        down: list[nn.Module] = [_halving(1, widths[0])]
        for before, after in pairwise(widths):
            # The innermost gives 1×1 pixels at the training size, which have no deviation to divide by.
            norm = [nn.BatchNorm2d(after)] if len(down) < config.depth - 1 else []
            down.append(nn.Sequential(nn.LeakyReLU(0.2), _halving(before, after), *norm))
        self.down = nn.ModuleList(down)
        rising = widths[::-1]
        up: list[nn.Module] = []
        for before, after in pairwise(rising):
            dropout = [nn.Dropout(0.5)] if up and len(up) <= _DROPPED and after == config.cap else []
            inputs = before * (2 if up else 1)
            up.append(nn.Sequential(nn.ReLU(), _doubling(inputs, after), nn.BatchNorm2d(after), *dropout))
        self.up = nn.ModuleList(up)
        self.widths_up = [*rising[1:], 3]
        self.last = nn.Sequential(nn.ReLU(), _doubling(2 * rising[-1] if up else rising[-1], 3, bias=True))

    def forward(self, gray: Tensor, features: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """Colors in (−1, 1), and what each step up gave before its skip was joined to it; `features` must be None."""
        if features is not None:
            raise ValueError("pix2pix's generator has no place for global features")
        skips: list[Tensor] = []
        x = gray
        for block in self.down:
            x = block(x)
            skips.append(x)
        x, steps = risen(self.up, skips)
        color = torch.tanh(self.last(x))
        return color, [*steps, color]


def _halving(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False)


def _doubling(inputs: int, outputs: int, bias: bool = False) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=bias)
