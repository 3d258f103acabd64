"""ℓ_c, the contrast loss (JRIG, Eq. 9): features of VGG at conv4_1, of its real ImageNet weights only.

The paper means VGG-19 in Caffe's scale: pixels 0..255 minus the mean. torchvision's weights want pixels of [0, 1]
minus the mean, divided by the standard deviation, that is, Caffe's divided by 57.6 on average. VGG is linear in its
scale but for its biases, so features are multiplied by that number, and the weight of the paper (1e-7) fits.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench_core.nn.vgg import REGISTERED, STD, VggFeatures, load_features

LAYER = "relu4_1"

SIZE = 224
CAFFE_SCALE = 255 * sum(STD) / 3


class ContrastLoss(nn.Module):
    """mse between the features of a gray picture, shown as color, and those of the colors. Its weights are fixed."""

    def __init__(self, vgg: VggFeatures) -> None:
        super().__init__()
        self.vgg = vgg

    @classmethod
    def of(cls, net: str, state: Mapping[str, Tensor]) -> "ContrastLoss":
        """On a network with the weights in `state`; ValueError where one is missing or of another shape."""
        return cls(VggFeatures(net, LAYER, state))

    def describe(self, pictures: Tensor) -> Tensor:
        """conv4_1 after its ReLU, N×512×28×28 in Caffe's scale, of pictures N×3×H×W in [−1, 1] at 224²."""
        sized = F.interpolate(pictures, (SIZE, SIZE), mode="bilinear", align_corners=False)
        features: Tensor = self.vgg((sized + 1) / 2)
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
    other = "--set vgg=vgg16 (another network: bench weights fetch lpips-vgg)" if net == "vgg19" else "--set vgg=vgg19"
    missing = (
        f"weight_contrast needs the weights of {net}: bench weights fetch {REGISTERED[net][0]}, or "
        f"--set vgg_file=FILE; or take {other}, or leave the loss out: --set weight_contrast=0"
    )
    return ContrastLoss(load_features(net, LAYER, file, missing))
