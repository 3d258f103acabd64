"""L_p (TCSVT 2020, eq. 5): VGG-16's features of two pictures, compared; of its real weights, or not at all."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench_core.nn.vgg import REGISTERED, VggFeatures, load_features
from bench_scgan.config import TrainingConfig


class PerceptualLoss(nn.Module):
    """mean |φ(a) − φ(b)|. Without `normalize` φ gets [0, 1] as it is, as in the public code."""

    def __init__(self, features: VggFeatures, normalize: bool) -> None:
        super().__init__()
        self.features, self.normalize = features, normalize

    def forward(self, made: Tensor, color: Tensor) -> Tensor:
        """The loss of pictures N×3×H×W in [0, 1], which are not clipped; a gradient for `made` only."""
        with torch.no_grad():
            reference = self.features(color, self.normalize)
        return F.l1_loss(self.features(made, self.normalize), reference)


def load_perceptual(config: TrainingConfig) -> PerceptualLoss | None:
    """The loss that a run asks for; RequestError where VGG-16's weights are missing: nothing stands in for them."""
    if not config.perceptual:
        return None
    missing = (
        f"weight_percep needs the weights of VGG-16: bench weights fetch {REGISTERED['vgg16'][0]}, or "
        "--set vgg_file=FILE; or leave the loss out: --set weight_percep=0"
    )
    features = load_features("vgg16", config.percep_layer, config.vgg_file, missing)
    return PerceptualLoss(features, config.percep_norm)
