"""GridNet (Fourure et al., BMVC 2017) as SDC uses it: a grid of residual streams that labels every pixel.

Pre-activation blocks, 3×3 convolutions without bias. Rows are scales, each half the size of the one above; the left
half of the columns goes down, the right half comes up again.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from bench_semantic.config import SegmentationConfig


def conv(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    """A 3×3 convolution without bias, padded with zeros."""
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)


def _up(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1, bias=False)


def block(inputs: int, outputs: int, first: nn.Module) -> nn.Sequential:
    """BN, ReLU, `first` (inputs to outputs), BN, ReLU, convolution."""
    return nn.Sequential(
        nn.BatchNorm2d(inputs), nn.ReLU(), first, nn.BatchNorm2d(outputs), nn.ReLU(), conv(outputs, outputs)
    )


class Lateral(nn.Module):
    """A residual block along a row: x + branch(x).

    While training, the whole branch is left out with probability `drop`; afterwards it is weighted by 1 − `drop`. The
    published code draws in evaluation mode too, so that its answers change from call to call.
    """

    def __init__(self, channels: int, drop: float) -> None:
        super().__init__()
        self.drop = drop
        self.branch = block(channels, channels, conv(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """N×channels×H×W, same shape."""
        branch: Tensor = self.branch(x)
        if self.drop == 0:
            return x + branch
        if not self.training:
            return x + (1 - self.drop) * branch
        return x + (torch.rand((), device=x.device) >= self.drop).to(branch) * branch


class GridNet(nn.Module):
    """The segmentation network: logits of K classes for every pixel of a gray picture.

    Sides must be multiples of `config.multiple`. The logits leave a batch norm, as published.
    """

    def __init__(self, config: SegmentationConfig) -> None:
        super().__init__()
        self.config = config
        widths, half = config.widths, config.columns // 2
        gaps = list(pairwise(widths))
        self.entry = nn.Sequential(
            nn.BatchNorm2d(1),
            conv(1, widths[0]), nn.BatchNorm2d(widths[0]), nn.ReLU(),
            conv(widths[0], widths[0]), nn.BatchNorm2d(widths[0]), nn.ReLU(),
        )  # fmt: skip
        self.lateral = nn.ModuleList(
            nn.ModuleList(Lateral(width, config.drop) for _ in range(config.columns - 1)) for width in widths
        )
        self.down = nn.ModuleList(
            nn.ModuleList(block(fine, coarse, conv(fine, coarse, stride=2)) for _ in range(half))
            for fine, coarse in gaps
        )
        self.up = nn.ModuleList(
            nn.ModuleList(block(coarse, fine, _up(coarse, fine)) for _ in range(half)) for fine, coarse in gaps
        )
        classes = config.n_classes
        self.exit = nn.Sequential(
            conv(widths[0], classes), nn.BatchNorm2d(classes), nn.ReLU(),
            conv(classes, classes), nn.BatchNorm2d(classes),
        )  # fmt: skip

    def forward(self, gray: Tensor) -> Tensor:
        """Logits N×K×H×W of gray pictures N×1×H×W in [0, 1]."""
        rows, columns = self.config.rows, self.config.columns
        nodes: list[Tensor] = [self.entry(gray.contiguous(memory_format=torch.channels_last))]
        for row in range(1, rows):
            nodes.append(self.down[row - 1][0](nodes[-1]))  # type: ignore[index]
        for column in range(1, columns // 2):
            for row in range(rows):
                nodes[row] = self.lateral[row][column - 1](nodes[row])  # type: ignore[index]
                if row:
                    nodes[row] = nodes[row] + self.down[row - 1][column](nodes[row - 1])  # type: ignore[index]
        for column in range(columns // 2, columns):
            for row in reversed(range(rows)):
                nodes[row] = self.lateral[row][column - 1](nodes[row])  # type: ignore[index]
                if row < rows - 1:
                    nodes[row] = nodes[row] + self.up[row][column - columns // 2](nodes[row + 1])  # type: ignore[index]
        logits: Tensor = self.exit(nodes[0])
        return logits
