"""VGG's features, of its real ImageNet weights only: losses of several methods compare pictures by them.

Simonyan and Zisserman, ICLR 2015. Weights are torchvision's, or others with the names `features.I.weight` and
`features.I.bias`, which want pictures of [0, 1] minus ImageNet's mean, divided by its deviation.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from bench_core.errors import BenchError, RequestError, one_line
from bench_core.training.tensors import load_tensors
from bench_core.weights import find

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

REGISTERED = {"vgg19": ("vgg19",), "vgg16": ("lpips-vgg", "vgg16")}
"""Names of registered weights that hold a network's features; lpips-vgg is much the smaller file of the same VGG-16."""

FILES = {"vgg19": "vgg19-dcbb9e9d.pth", "vgg16": "vgg16-397923af.pth"}
"""What torchvision calls its files."""

_CONVOLUTIONS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
_WIDTHS = (64, 128, 256, 512, 512)


def widths_to(net: str, layer: str) -> tuple[int, ...]:
    """Channels of the convolutions up to and with that of `layer`, `conv3_3` or `relu3_3`; 0 is a 2×2 max pooling."""
    block, place = int(layer[-3]), int(layer[-1])
    widths: list[int] = []
    for number, width, count in zip(range(1, block + 1), _WIDTHS, _CONVOLUTIONS[net], strict=False):
        widths += [width] * (place if number == block else count) + [0] * (number < block)
    return tuple(widths)


class VggFeatures(nn.Module):
    """A network up to a layer, such as `relu4_1` or, before its ReLU, `conv3_3`. Its weights are fixed.

    Parameters are named as in torchvision's networks. ValueError where `state` lacks one, or has it in another shape.
    """

    def __init__(self, net: str, layer: str, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        with torch.device("meta"):
            for width in widths_to(net, layer):
                if width:
                    layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                    channels = width
                else:
                    layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers[: None if layer.startswith("relu") else -1])
        names = list(self.state_dict())
        wrong = [name for name in names if name not in state or state[name].shape != self.state_dict()[name].shape]
        if wrong:
            raise ValueError(f"no weights of {net}: {wrong[0]} is missing or of another shape")
        self.load_state_dict({name: state[name].float() for name in names}, assign=True)
        self.requires_grad_(False).eval()

    def forward(self, pictures: Tensor, normalize: bool = True) -> Tensor:
        """Features N×C×h×w of pictures N×3×H×W in [0, 1]; without `normalize` they are taken as they are."""
        if normalize:
            mean, std = (pictures.new_tensor(values)[:, None, None] for values in (MEAN, STD))
            pictures = (pictures - mean) / std
        features: Tensor = self.features(pictures)
        return features


def load_features(net: str, layer: str, file: str, missing: str) -> VggFeatures:
    """Features of `vgg16` or `vgg19`, from a file of torchvision's weights or, where it is "", from those fetched.

    Raises:
        RequestError: where there are no weights, with the text `missing`; nothing stands in for them.
    """
    path = Path(file).expanduser() if file else fetched(net)
    if path is None:
        raise RequestError(missing)
    try:
        return VggFeatures(net, layer, read_state(path))
    except ValueError as error:
        example = f"give torchvision's file, e.g. --set vgg_file={FILES[net]}"
        raise RequestError(f"{path}: {error}; {example}") from None


def read_state(path: Path) -> Mapping[str, Tensor]:
    """The tensors of a safetensors file or of one of torch's, of which nothing is called.

    Raises:
        RequestError: where there is no such file, or a safetensors file is broken.
        ValueError: where it is no file of weights by name.
    """
    if path.suffix == ".safetensors":
        return load_tensors(path)[0]
    if not path.is_file():
        raise RequestError(f"no such file: {path}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # whatever is no file of torch's
        raise ValueError(f"cannot be read as weights ({one_line(error)[:100]})") from None
    if not isinstance(state, Mapping):
        raise ValueError("holds no weights by name")
    return state


def fetched(net: str) -> Path | None:
    """Where `bench weights fetch` put a network's features; None where it did not, or nobody registered them."""
    for name in REGISTERED[net]:
        try:
            return find(name)
        except BenchError:
            continue
    return None
