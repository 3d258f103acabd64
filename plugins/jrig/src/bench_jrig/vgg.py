"""ℓ_c, the contrast loss (JRIG, Eq. 9): features of VGG at conv4_1, of its real ImageNet weights only.

The paper means VGG-19 in Caffe's scale: pixels 0..255 minus the mean. torchvision's weights want pixels of [0, 1]
minus the mean, divided by the standard deviation, that is, Caffe's divided by 57.6 on average. VGG is linear in its
scale but for its biases, so features are multiplied by that number, and the weight of the paper (1e-7) fits.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench_core.errors import BenchError, RequestError, one_line
from bench_core.training import load_tensors
from bench_core.weights import find
from bench_jrig.published import VGG19

LAYERS = {
    "vgg19": (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512),
    "vgg16": (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512),
}
"""Channels of the convolutions up to conv4_1, each with a ReLU; 0 is a 2×2 max pooling."""

REGISTERED = {"vgg19": ("vgg19",), "vgg16": ("lpips-vgg", "vgg16")}
"""Names of registered weights that hold a network's features; lpips-vgg is much the smaller file of the same VGG-16."""

SIZE = 224
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CAFFE_SCALE = 255 * sum(STD) / 3


class ContrastLoss(nn.Module):
    """mse between the features of a gray picture, shown as color, and those of the colors. Its weights are fixed.

    Its parameters are named as in torchvision's networks: `features.I.weight` and `features.I.bias`.
    """

    def __init__(self, net: str, state: Mapping[str, Tensor]) -> None:
        """Take the features' weights out of `state`; ValueError where one is missing or of another shape."""
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        with torch.device("meta"):
            for width in LAYERS[net]:
                if width:
                    layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                    channels = width
                else:
                    layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        names = list(self.state_dict())
        wrong = [name for name in names if name not in state or state[name].shape != self.state_dict()[name].shape]
        if wrong:
            raise ValueError(f"no weights of {net}: {wrong[0]} is missing or of another shape")
        self.load_state_dict({name: state[name].float() for name in names}, assign=True)
        self.requires_grad_(False).eval()

    def describe(self, pictures: Tensor) -> Tensor:
        """conv4_1 after its ReLU, N×512×28×28 in Caffe's scale, of pictures N×3×H×W in [−1, 1] at 224²."""
        sized = F.interpolate(pictures, (SIZE, SIZE), mode="bilinear", align_corners=False)
        mean, std = (sized.new_tensor(values)[:, None, None] for values in (MEAN, STD))
        features: Tensor = self.features(((sized + 1) / 2 - mean) / std)
        return features * CAFFE_SCALE

    def forward(self, gray: Tensor, color: Tensor) -> Tensor:
        """The loss of gray pictures N×1×H×W and colors N×3×H×W in [−1, 1]; a gradient for the gray ones only."""
        with torch.no_grad():
            reference = self.describe(color)
        return F.mse_loss(self.describe(gray.expand(-1, 3, -1, -1)), reference)


def load_contrast(net: str, file: str = "") -> ContrastLoss:
    """The contrast loss on `vgg19` or `vgg16`, from a file of torchvision's weights or from those fetched.

    Raises:
        RequestError: where there are no weights; nothing stands in for them.
    """
    path = Path(file).expanduser() if file else _fetched(net)
    try:
        return ContrastLoss(net, _read(path))
    except ValueError as error:
        raise RequestError(f"{path}: {error}; give torchvision's file, e.g. --set vgg_file={VGG19.file}") from None


def _read(path: Path) -> Mapping[str, Tensor]:
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


def _fetched(net: str) -> Path:
    for name in REGISTERED[net]:
        try:
            return find(name)
        except BenchError:  # not fetched, or its plugin not installed; the next one, or the line below
            continue
    other = "--set vgg=vgg16 (another network: bench weights fetch lpips-vgg)" if net == "vgg19" else "--set vgg=vgg19"
    raise RequestError(
        f"weight_contrast needs the weights of {net}: bench weights fetch {REGISTERED[net][0]}, or "
        f"--set vgg_file=FILE; or take {other}, or leave the loss out: --set weight_contrast=0"
    )
