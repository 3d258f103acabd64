"""The plain networks of RIIS: G (what CANP is told of the container), the predictor that can replace CANP, and CEM."""

import torch
from torch import Tensor, nn

from bench_riis.architecture import NetworkConfig


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x)))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return x + self.body(x)  # type: ignore[no-any-return]


class ResidualDenseBlock(nn.Module):
    """Five densely connected convolutions, scaled by 0.2 and added (ESRGAN, RRDBNet)."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv2d(channels + j * growth, growth if j < 4 else channels, 3, padding=1) for j in range(5)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        features = [x]
        for layer in self.layers[:-1]:
            features.append(nn.functional.leaky_relu(layer(torch.cat(features, dim=1)), 0.2))
        return x + 0.2 * self.layers[-1](torch.cat(features, dim=1))  # type: ignore[no-any-return]


class RRDB(nn.Module):
    """Three residual dense blocks with a residual around them, scaled by 0.2."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*(ResidualDenseBlock(channels, growth) for _ in range(3)))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return x + 0.2 * self.body(x)  # type: ignore[no-any-return]


class ConditionExtractor(nn.Module):
    """G: what CANP is told of the container, squeezed N×C×h×w to N×channels×h×w.

    `residual` is the small one; `rrdb` follows HCFlow's ConditionalFlow.py (RRDBs between two convolutions
    and a long skip).
    """

    def __init__(self, config: NetworkConfig, inputs: int) -> None:
        super().__init__()
        channels = config.condition_channels
        self.head = nn.Conv2d(inputs, channels, 3, padding=1)
        self.long_skip = config.condition == "rrdb"
        if self.long_skip:
            blocks: list[nn.Module] = [RRDB(channels, config.condition_growth) for _ in range(config.condition_blocks)]
            self.body = nn.Sequential(*blocks, nn.Conv2d(channels, channels, 3, padding=1))
        else:
            self.body = nn.Sequential(*(ResidualBlock(channels) for _ in range(config.condition_blocks)))

    def forward(self, x: Tensor) -> Tensor:
        """The condition of every step of CANP."""
        head: Tensor = self.head(x)
        body: Tensor = self.body(head)
        return head + body if self.long_skip else body


class LatentPredictor(nn.Module):
    """The latent as a function of the container, without noise, squeezed N×inputs×h×w to N×outputs×h×w.

    A convolution, residual blocks without batch-norm, a convolution (RIIS, Table 2; LF-VSN, PredictiveModuleMIMO).
    """

    def __init__(self, inputs: int, outputs: int, channels: int, blocks: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, channels, 3, padding=1),
            *(ResidualBlock(channels) for _ in range(blocks)),
            nn.Conv2d(channels, outputs, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """The latent."""
        return self.body(x)  # type: ignore[no-any-return]


class CEM(nn.Module):
    """Container enhancement: DnCNN without batch-norm, residual. Its last layer starts at zero: the identity."""

    def __init__(self, depth: int, channels: int, pictures: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(pictures, channels, 3, padding=1), nn.ReLU()]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU()]
        last = nn.Conv2d(channels, pictures, 3, padding=1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        self.net = nn.Sequential(*layers, last)

    def forward(self, received: Tensor) -> Tensor:
        """The enhanced container, not clipped."""
        return received - self.net(received).to(received)  # type: ignore[no-any-return]
