"""SDC's color network: a U-net whose one encoder reads the gray picture and the label map, each on its own."""

from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench_semantic.config import ColorConfig
from bench_semantic.encoding import LabelEncoding, centered_gray

EPS = 1e-5
"""Of instance normalization; it is what breaks the network's exact invariance to contrast (README)."""


_QUIET = 0.05
"""Of the last layer's first weights."""


def conv(inputs: int, outputs: int, stride: int = 1, padding: Literal["zeros", "replicate"] = "zeros") -> nn.Conv2d:
    """A 3×3 convolution without bias, as all of this network; the padding is `zeros` or `replicate`."""
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False, padding_mode=padding)


def exact(layer: nn.Module, x: Tensor) -> Tensor:
    """layer(x) in no less than float32: the last layer makes small differences, which half would round away."""
    if x.dtype not in (torch.bfloat16, torch.float16):
        return cast(Tensor, layer(x))
    with torch.autocast(x.device.type, enabled=False):
        return cast(Tensor, layer(x.float()))


class Normalization(nn.Module):
    """Instance normalization without weights or running statistics: each channel of each picture to mean 0, variance 1.

    A single pixel has no variance and becomes 0, where torch's own refuses it.
    """

    def __init__(self, eps: float = EPS) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """N×C×H×W, same shape."""
        if x.shape[-2] * x.shape[-1] == 1:
            return torch.zeros_like(x)
        return F.instance_norm(x, eps=self.eps)


class EncoderLayer(nn.Module):
    """E: convolution (with a stride), activation, convolution, activation."""

    def __init__(self, inputs: int, outputs: int, stride: int, config: ColorConfig) -> None:
        super().__init__()
        self.slope = config.leaky
        self.first = conv(inputs, outputs, stride, config.torch_padding)
        self.second = conv(outputs, outputs, padding=config.torch_padding)

    def forward(self, x: Tensor) -> Tensor:
        """N×inputs×H×W to N×outputs×H/stride×W/stride."""
        x = F.leaky_relu(self.first(x), self.slope)
        return F.leaky_relu(self.second(x), self.slope)


class Encoder(nn.Module):
    """The way down: every level but the first halves the sides."""

    def __init__(self, config: ColorConfig) -> None:
        super().__init__()
        inputs = (1, *config.widths[:-1])
        self.layers = nn.ModuleList(
            EncoderLayer(before, width, 1 if level == 0 else 2, config)
            for level, (before, width) in enumerate(zip(inputs, config.widths, strict=True))
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """The features of every level of N×1×H×W, as they are handed down, not normalized."""
        found = []
        for layer in self.layers:
            x = layer(x)
            found.append(x)
        return found


class DecoderLayer(nn.Module):
    """D: transposed convolution, activation, plus the features of that size, convolution, activation."""

    def __init__(self, inputs: int, outputs: int, config: ColorConfig) -> None:
        super().__init__()
        self.slope = config.leaky
        self.up = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1, bias=False)
        self.after = conv(outputs, outputs, padding=config.torch_padding)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """N×inputs×H×W and N×outputs×2H×2W to N×outputs×2H×2W."""
        x = F.leaky_relu(self.up(x), self.slope) + skip
        return F.leaky_relu(self.after(x), self.slope)


class ColorNet(nn.Module):
    """The two-stream U-net of SDC ([P] Section 3, published `networks.py`).

    The same encoder reads the gray picture X and the coded map S; level k keeps F_k = [IN(gray_k), map_k], and the
    decoder adds them. Sides must be multiples of `config.multiple`.
    """

    def __init__(self, config: ColorConfig, init: str = "default", eps: float = EPS) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        if not config.share_encoder:
            self.second_encoder = Encoder(config)
        self.normalization = Normalization(eps)
        self.encoding = LabelEncoding(config.sem_encoding, config.n_classes)
        outputs = tuple(2 * width for width in config.widths)
        self.decoder = nn.ModuleList(
            DecoderLayer(before, width, config) for before, width in zip(outputs[:0:-1], outputs[-2::-1], strict=True)
        )
        self.last = conv(outputs[0], 2, padding=config.torch_padding)
        if init == "kaiming":
            self.apply(self._kaiming)
            self.last.weight.data *= _QUIET  # colors begin near neutral, not as far from it as they can be

    @property
    def map_encoder(self) -> Encoder:
        """The encoder of the map: the gray picture's own, unless `share_encoder` is off."""
        return self.encoder if self.config.share_encoder else self.second_encoder

    def features(self, gray: Tensor, codes: Tensor) -> list[Tensor]:
        """F_k of every level, N×2w_k×H_k×W_k: the gray picture's half first."""
        use_in = self.config.use_in
        joined = []
        for first, second in zip(self.encoder(gray), self.map_encoder(codes), strict=True):
            left = first if use_in == "off" else self.normalization(first)
            right = self.normalization(second) if use_in == "all" else second
            joined.append(torch.cat((left, right), dim=1))
        return joined

    def forward(self, gray: Tensor, codes: Tensor) -> Tensor:
        """Normalized a and b N×2×H×W, never in half precision, of X and S, N×1×H×W each in [−1, 1]."""
        features = self.features(_fast(gray), _fast(codes))
        x = features[-1]
        for layer, skip in zip(self.decoder, features[-2::-1], strict=True):
            x = layer(x, skip)
        return self._activated(exact(self.last, x))

    def colors(self, gray: Tensor, labels: Tensor) -> Tensor:
        """The same of a gray picture in [0, 1] and of whole labels 0..K−1, N×1×H×W each."""
        codes: Tensor = self.encoding(labels)
        found: Tensor = self(centered_gray(gray, self.config.gray_source), codes)
        return found

    def _activated(self, x: Tensor) -> Tensor:
        if self.config.out_act == "leaky":
            return F.leaky_relu(x, self.config.leaky)
        return torch.tanh(x) if self.config.out_act == "tanh" else x

    def _kaiming(self, module: nn.Module) -> None:
        """He et al. (2015), normal, for the slope of the activations: variance 2 / ((1 + slope²)·fan)."""
        if not isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            return
        # What a transposed convolution adds up for one pixel: every input channel, by 9 weights over stride² places.
        taps = 9 / 4 if isinstance(module, nn.ConvTranspose2d) else 9
        variance = 2 / ((1 + self.config.leaky**2) * module.in_channels * taps)
        nn.init.normal_(module.weight, 0, variance**0.5)


def _fast(x: Tensor) -> Tensor:
    # A CPU runs convolutions channels last a good deal faster.
    return x.contiguous(memory_format=torch.channels_last)
