"""JRIG's two networks: H, which hides colors in a gray picture, and R, which restores them.

Colors N×3×H×W and gray pictures N×1×H×W are in [−1, 1] (v/127.5 − 1 of a level v). Layout: JRIG (TVCG 2021, Section
3.2); widths, activations and skips: MenghanXia/InvertibleGrayscale, model.py. No normalization anywhere.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench_jrig.config import NetworkConfig

MULTIPLE = 4
"""H halves the sides twice, so they must be multiples of this."""


def conv(inputs: int, outputs: int, bias: bool, size: int = 3, stride: int = 1) -> nn.Conv2d:
    """A convolution that keeps the sides (or halves them, with stride 2), padded with zeros."""
    return nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2, bias=bias)


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), nothing after the sum."""

    def __init__(self, channels: int, bias: bool) -> None:
        super().__init__()
        self.first, self.second = conv(channels, channels, bias), conv(channels, channels, bias)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return x + self.second(F.relu(self.first(x)))  # type: ignore[no-any-return]


def blocks(count: int, channels: int, bias: bool) -> nn.Sequential:
    """`count` residual blocks in a row."""
    return nn.Sequential(*(ResidualBlock(channels, bias) for _ in range(count)))


class Change(nn.Module):
    """A change of scale: conv without activation (stride 2 on the way down), then conv and ReLU."""

    def __init__(self, inputs: int, outputs: int, bias: bool, up: bool) -> None:
        super().__init__()
        self.up = up
        self.first = conv(inputs, outputs, bias, stride=1 if up else 2)
        self.second = conv(outputs, outputs, bias)

    def forward(self, x: Tensor) -> Tensor:
        """N×inputs×H×W to N×outputs×H/2×W/2, or ×2 (nearest) on the way up."""
        if self.up:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        return F.relu(self.second(self.first(x)))


def exact(layer: nn.Module, x: Tensor) -> Tensor:
    """layer(x) in float32, for the layers that see or make pictures.

    A level is 1/127.5, and half precision has only 8 to 11 bits for it: its rounding would be noise on the way from H
    to R, and teach both a robustness that nobody asked for.
    """
    with torch.autocast(x.device.type, enabled=False):
        return cast(Tensor, layer(x.float()))


class Hiding(nn.Module):
    """H: a U-net on two halvings whose skips are added.

    The skips are in the code of Xia et al., not in JRIG's text; without them colors must pass the narrow middle.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        c, bias = config.h_channels, config.bias
        self.skips = config.skips
        self.head = nn.Sequential(conv(3, c, bias), blocks(config.h_blocks, c, bias))
        self.down1, self.down2 = Change(c, 2 * c, bias, up=False), Change(2 * c, 4 * c, bias, up=False)
        self.middle = blocks(config.h_middle_blocks, 4 * c, bias)
        self.up1, self.up2 = Change(4 * c, 2 * c, bias, up=True), Change(2 * c, c, bias, up=True)
        self.tail = blocks(config.h_blocks, c, bias)
        self.last = conv(c, 1, bias)

    def forward(self, color: Tensor) -> Tensor:
        """The invertible gray picture N×1×H×W in (−1, 1), float32, of colors N×3×H×W; H and W multiples of 4."""
        fine = self.head[1](exact(self.head[0], _fast(color)))
        coarse = self.down1(fine)
        x = self.up1(self.middle(self.down2(coarse)))
        x = self.up2(x + coarse if self.skips else x)
        return torch.tanh(exact(self.last, self.tail(x + fine if self.skips else x)))


class Restoring(nn.Module):
    """R: residual blocks at full size."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        c, bias = config.r_channels, config.bias
        self.head = nn.Sequential(conv(1, c, bias), blocks(config.r_blocks, c, bias), conv(c, config.r_wide, bias))
        self.last = conv(config.r_wide, 3, bias, size=config.r_last)

    def forward(self, gray: Tensor) -> Tensor:
        """Colors N×3×H×W in (−1, 1), float32, of a received gray picture N×1×H×W of any size.

        What a simulated codec gives may leave [−1, 1], and is taken as it is.
        """
        features = exact(self.head[0], _fast(gray))
        return torch.tanh(exact(self.last, self.head[1:](features)))


class JrigNetwork(nn.Module):
    """H and R. `init` is `normal`, N(0, 0.02²) and zero biases as Xia et al., or `default`, torch's own."""

    def __init__(self, config: NetworkConfig, init: str = "default") -> None:
        super().__init__()
        self.config = config
        self.hiding, self.restoring = Hiding(config), Restoring(config)
        if init == "normal":
            self.apply(_normal)

    def hide(self, color: Tensor) -> Tensor:
        """N×3×H×W to N×1×H×W; see `Hiding`."""
        return cast(Tensor, self.hiding(color))

    def restore(self, gray: Tensor) -> Tensor:
        """N×1×H×W to N×3×H×W; see `Restoring`."""
        return cast(Tensor, self.restoring(gray))


def _fast(x: Tensor) -> Tensor:
    # A CPU runs convolutions channels last a good deal faster.
    return x.contiguous(memory_format=torch.channels_last)


def _normal(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
