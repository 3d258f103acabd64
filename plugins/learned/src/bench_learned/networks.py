"""The networks: LPIPS and its shift-tolerant kin, on torchvision's AlexNet and VGG-16.

LPIPS (Zhang, Isola, Efros, Shechtman and Wang 2018, "The unreasonable effectiveness of deep features as a perceptual
metric", eq. 1) compares the activations of five layers, each scaled to unit length at every position: squared
differences, weighted by a head of one weight a channel, averaged over positions, added up over layers. ST-LPIPS
(Ghildyal and Liu 2022, "Shift-tolerant perceptual similarity metric") is the same on a network that is blurred before
each step down, with a first layer of stride 1, and trained anew.
"""

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench_core.torchvision_shim import ensure

TAPS = {"alex": (1, 4, 7, 9, 11), "vgg": (3, 8, 15, 22, 29)}
"""The ReLUs whose output is compared, by their place in torchvision's `features`."""

_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
_EPSILON = 1e-10


def blurred(signal: Tensor) -> Tensor:
    """Every other sample after a 3×3 binomial blur, of N×C×H×W with H and W at least 3.

    From Zhang 2019, "Making convolutional networks shift-invariant again". The signal is reflected by two samples on
    each side, one more than the filter needs, because the weights of ST-LPIPS were trained so.
    """
    channels = signal.shape[1]
    line = signal.new_tensor([0.25, 0.5, 0.25])
    kernel = torch.outer(line, line).expand(channels, 1, 3, 3)
    return F.conv2d(F.pad(signal, (2, 2, 2, 2), mode="reflect"), kernel, stride=2, groups=channels)


class PerceptualDistance(nn.Module):
    """LPIPS or ST-LPIPS on `net`, `alex` or `vgg`.

    Its parameters are named `features.I.…`, as torchvision names them, and `heads.K`, K = 0..4.
    """

    def __init__(self, net: str, shift_tolerant: bool = False) -> None:
        super().__init__()
        layers = _features(net)
        self.features = nn.ModuleDict({str(index): layer for index, layer in enumerate(layers[: TAPS[net][-1] + 1])})
        self.heads = nn.ParameterList(nn.Parameter(torch.zeros(width)) for width in _widths(net, layers))
        self._taps = frozenset(TAPS[net])
        self._blurred = shift_tolerant
        self.register_buffer("shift", torch.tensor(_SHIFT).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(_SCALE).reshape(1, 3, 1, 1), persistent=False)

    def describe(self, pictures: Tensor) -> list[Tensor]:
        """The five layers' activations of pictures N×3×H×W in [0, 1], each of unit length along its channels."""
        found = []
        signal = (2 * pictures - 1 - cast(Tensor, self.shift)) / cast(Tensor, self.scale)
        for index, layer in self.features.items():
            signal = layer(signal) if not self._blurred else self._blurred_layer(int(index), layer, signal)
            if int(index) in self._taps:
                found.append(signal / (signal.square().sum(dim=1, keepdim=True).sqrt() + _EPSILON))
        return found

    def compare(self, estimates: Sequence[Tensor], references: Sequence[Tensor]) -> Tensor:
        """The N distances between what `describe` made of N estimates and N references."""
        layers = zip(estimates, references, self.heads, strict=True)
        return torch.stack(
            [((a - b).square() * head.reshape(1, -1, 1, 1)).sum(dim=1).mean(dim=(1, 2)) for a, b, head in layers]
        ).sum(dim=0)

    def forward(self, estimates: Tensor, references: Tensor) -> Tensor:
        """The N distances of pictures N×3×H×W in [0, 1]; 0 for equal ones, no upper bound."""
        return self.compare(self.describe(estimates), self.describe(references))

    def _blurred_layer(self, index: int, layer: nn.Module, signal: Tensor) -> Tensor:
        """One layer with its stride taken out, and a blurred step down in its stead."""
        if isinstance(layer, nn.MaxPool2d):
            return blurred(F.max_pool2d(signal, layer.kernel_size, stride=1))
        if isinstance(layer, nn.Conv2d) and layer.stride != (1, 1):
            return blurred(F.conv2d(signal, layer.weight, layer.bias, padding=layer.padding))
        return cast(Tensor, layer(signal))


def classifier(name: str) -> nn.Module:
    """Make torchvision's network `vgg16` or `mobilenet_v2`, without weights and without memory for them."""
    ensure()
    import torchvision.models

    with torch.device("meta"):
        return cast(nn.Module, getattr(torchvision.models, name)(weights=None))


def load(network: nn.Module, state: Mapping[str, Tensor]) -> nn.Module:
    """Give a network its weights and make it ready to look at pictures.

    Raises:
        RuntimeError: where names or shapes do not fit.
    """
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


def st_lpips_names(state: Mapping[str, Tensor], net: str) -> dict[str, Tensor]:
    """The weights of ST-LPIPS as published, under the names of `PerceptualDistance`.

    The published network counts its blurs as layers; its convolutions come in the same order.
    """
    places = [name.rpartition(".")[0] for name in state if name.startswith("net.") and name.endswith(".weight")]
    own = [index for index, layer in enumerate(_features(net)) if isinstance(layer, nn.Conv2d)]
    found = {
        f"features.{index}.{part}": state[f"{place}.{part}"]
        for place, index in zip(places, own, strict=True)
        for part in ("weight", "bias")
    }
    return found | {f"heads.{k}": state[f"lin{k}.model.1.weight"].reshape(-1) for k in range(5)}


def _features(net: str) -> list[nn.Module]:
    ensure()
    import torchvision.models

    # On no device: the classifier that comes along would cost half a gigabyte, and its random start some seconds.
    with torch.device("meta"):
        whole = torchvision.models.alexnet(weights=None) if net == "alex" else torchvision.models.vgg16(weights=None)
    return list(whole.features)


def _widths(net: str, layers: list[nn.Module]) -> list[int]:
    # A tap is the ReLU right after its convolution.
    return [cast(nn.Conv2d, layers[tap - 1]).out_channels for tap in TAPS[net]]
