"""SCGAN's generator: a U-Net, the global encoder in its middle, and the saliency branch on its way up.

Another network may take the U-Net's place (Table III), see `pix2pix`.

Layout: IEEE TCSVT 2020, Section III-B, and `train/network.py` of zhaoyuzhi/Semantic-Colorization-GAN. Every convolution
pads by reflection, so each one's input must be at least 2 pixels wide (4 where the kernel is 7).
"""

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from bench_core.errors import RequestError
from bench_scgan.config import FED, FUSION, PIX2PIX, NetworkConfig
from bench_scgan.pix2pix import Pix2PixUNet
from bench_scgan.skips import risen

SLOPE = 0.2
"""Of every LeakyReLU."""

_STRIDED = (1, 3, 6, 9, 13)
"""Which of the global encoder's convolutions, from 0, halve the sides, as VGG-16's poolings do."""

_WIDTHS = (1, 1, 2, 2, 4, 4, 4, 8, 8, 8, 8, 8, 8, 8)
"""Channels of the global encoder's convolutions, in first widths."""


def conv(inputs: int, outputs: int, size: int = 3, stride: int = 1, bias: bool = False) -> nn.Conv2d:
    """A convolution that pads by reflection: sides stay, or are halved by stride 2."""
    return nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=bias, padding_mode="reflect")


class Block(nn.Sequential):
    """Convolution, batch norm (unless `norm` is off), LeakyReLU 0.2; `up` doubles the sides first (nearest)."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int = 3,
        stride: int = 1,
        norm: bool = True,
        up: bool = False,
        bias: bool = False,
    ) -> None:
        layers: list[nn.Module] = [nn.Upsample(scale_factor=2.0, mode="nearest")] if up else []
        layers.append(conv(inputs, outputs, size, stride, bias))
        if norm:
            layers.append(nn.BatchNorm2d(outputs))
        super().__init__(*layers, nn.LeakyReLU(SLOPE))


class GlobalEncoder(nn.Module):
    """A gray VGG-16 of convolutions alone: poolings are strides, and a 14th convolution is the last pooling.

    N×1×H×W to N×8c×H/32×W/32. `bias` is for pre-training; a generator's convolutions have none. `first_bias` is a
    constant that pre-trained weights may bring along: behind the first convolution there is no batch norm to take it.
    """

    first_bias: Tensor

    def __init__(self, channels: int, bias: bool = False) -> None:
        super().__init__()
        widths = [channels * width for width in _WIDTHS]
        self.blocks = nn.ModuleList(
            Block(before, after, stride=2 if place in _STRIDED else 1, norm=place > 0, bias=bias)
            for place, (before, after) in enumerate(zip([1, *widths], widths, strict=False))
        )
        self.outputs = widths[-1]
        self.register_buffer("first_bias", torch.zeros(channels))

    def forward(self, gray: Tensor) -> Tensor:
        """See above."""
        first = cast(nn.Sequential, self.blocks[0])
        x: Tensor = first[1](first[0](gray) + self.first_bias[:, None, None])
        for block in self.blocks[1:]:
            x = block(x)
        return x


class UNet(nn.Module):
    """The way down and up again, skips concatenated; the last layer gives colors."""

    def __init__(self, config: NetworkConfig, global_channels: int) -> None:
        super().__init__()
        widths = [min(config.ch * 2**level, config.cap) for level in range(config.depth + 1)]
        down: list[nn.Module] = [Block(1, widths[0], 7, norm=False)]
        for level in range(1, config.depth + 1):
            more = global_channels if level == FUSION + 1 else 0
            # The last one gives 1×1 pixels at the training size, which have no deviation to divide by.
            down.append(Block(widths[level - 1] + more, widths[level], stride=2, norm=level < config.depth))
        self.down = nn.ModuleList(down)
        rising = widths[::-1]
        self.up = nn.ModuleList(
            Block(before * (2 if place else 1), after, up=True)
            for place, (before, after) in enumerate(pairwise(rising))
        )
        self.widths_up = rising[1:]
        self.last = conv(2 * widths[0], 3)

    def forward(self, gray: Tensor, features: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """Colors in (−1, 1), and what each step up gave before its skip was joined to it."""
        skips: list[Tensor] = []
        x = gray
        for level, block in enumerate(self.down):
            if level == FUSION + 1 and features is not None:
                x = torch.cat((x, features), dim=1)
            x = block(x)
            skips.append(x)
        x, steps = risen(self.up, skips)
        return torch.tanh(self.last(x)), steps


class SaliencyBranch(nn.Module):
    """Saliency N×1×H×W in (0, 1) from the three steps up before the last, brought to one size."""

    def __init__(self, widths: list[int], lat: int) -> None:
        super().__init__()
        coarse, middle, fine = widths
        self.coarse = nn.Sequential(Block(coarse, lat, up=True), Block(lat, lat, up=True))
        self.middle = Block(middle, lat, up=True)
        self.fine = Block(fine, lat)
        self.join = Block(3 * lat, lat, up=True)
        self.last = conv(lat, 1)

    def forward(self, steps: list[Tensor]) -> Tensor:
        """See above."""
        coarse, middle, fine = steps
        joined = torch.cat((self.coarse(coarse), self.middle(middle), self.fine(fine)), dim=1)
        # A logit in half precision would lose the saliency's ends.
        return torch.sigmoid(self.last(self.join(joined)).float())


class Generator(nn.Module):
    """Gray N×1×H×W (in [−1, 1], or [0, 1] with `range=unit`) to colors in (−1, 1) and saliency in (0, 1).

    H and W are multiples of `config.multiple`; RequestError for others. The saliency is None without the branch.
    Results are float32.
    """

    def __init__(self, config: NetworkConfig, init: str = "normal") -> None:
        super().__init__()
        self.config = config
        self.global_encoder = GlobalEncoder(config.global_ch) if config.global_encoder else None
        self.unet: UNet | Pix2PixUNet
        if config.backbone == PIX2PIX:
            self.unet = Pix2PixUNet(config)
        else:
            self.unet = UNet(config, self.global_encoder.outputs if self.global_encoder is not None else 0)
        self.branch = SaliencyBranch(self.unet.widths_up[-FED - 1 : -1], config.lat) if config.attention else None
        self.apply(Initializer(init))
        if config.sn_g:
            normalize_spectra(self)

    def forward(self, gray: Tensor) -> tuple[Tensor, Tensor | None]:
        """See above."""
        multiple = self.config.multiple
        height, width = gray.shape[-2:]
        if height % multiple or width % multiple:
            raise RequestError(
                f"the generator takes sides that are multiples of {multiple}, not {width}×{height}; infer=resize and "
                "infer=pad take any"
            )
        gray = gray.contiguous(memory_format=torch.channels_last)
        features = self.global_encoder(gray) if self.global_encoder is not None else None
        color, steps = self.unet(gray, features)
        saliency = self.branch(steps[-FED - 1 : -1]) if self.branch is not None else None
        return color.float(), saliency


class Initializer:
    """First weights of a module: convolutions N(0, 0.02²) or Xavier's with gain 0.02, batch norm N(1, 0.02²) and 0.

    `default` keeps torch's own. ValueError for another kind.
    """

    def __init__(self, init: str) -> None:
        if init not in ("normal", "xavier", "default"):
            raise ValueError(f"unknown first weights {init!r}; known: normal, xavier, default")
        self.init = init

    def __call__(self, module: nn.Module) -> None:
        """Draw them, for `module.apply`."""
        if self.init == "default":
            return
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            if self.init == "normal":
                nn.init.normal_(module.weight, 0, 0.02)
            else:
                nn.init.xavier_normal_(module.weight, gain=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, 0.02)
            nn.init.zeros_(module.bias)


def normalize_spectra(network: nn.Module) -> None:
    """Divide each convolution's weight, as a matrix of out×(in·k·k), by its largest singular value.

    That is estimated by one power iteration a use while training; its vectors are buffers. It bounds the matrix, not
    the convolution, and promises no Lipschitz constant of the network.
    """
    for layer in list(network.modules()):
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            spectral_norm(layer)
