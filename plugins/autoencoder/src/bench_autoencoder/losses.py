"""What training minimizes, and how the report scores: losses, penalties, and Keras' "accuracy"."""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# (logits, prediction, target), all N×3×H×W. Cross entropy is of the prediction, from logits for the sake of precision.
_LOSSES: Mapping[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "mse": lambda logits, prediction, target: F.mse_loss(prediction, target),
    "smooth_l1": lambda logits, prediction, target: F.smooth_l1_loss(prediction, target),
    "l1": lambda logits, prediction, target: F.l1_loss(prediction, target),
    "bce": lambda logits, prediction, target: F.binary_cross_entropy_with_logits(logits, target),
}


def color_loss(name: str, logits: Tensor, target: Tensor) -> Tensor:
    """The mean over pictures, pixels and channels of `mse`, `smooth_l1`, `l1` or `bce` of sigmoid(logits).

    `smooth_l1` is ½d² where |d| < 1 (Girshick, Fast R-CNN, eq. 3), so half of `mse` for pictures in [0, 1].
    """
    return _LOSSES[name](logits, torch.sigmoid(logits), target)


def penalty(network: nn.Module, ridge: float, lasso: float) -> Tensor:
    """ridge·Σw² + lasso·Σ|w| over the weights of convolutions and dense layers: neither biases nor norms."""
    weights = [value for value in network.parameters() if value.ndim > 1]
    total = weights[0].new_zeros(())
    for value in weights:
        total = total + ridge * value.square().sum() + lasso * value.abs().sum()
    return total


def argmax_hits(prediction: Tensor, target: Tensor) -> Tensor:
    """The share of pixels whose largest channel is the target's, of equal channels the first: Keras' "accuracy".

    Keras reads the word by the target's last dimension, here 3, as categorical accuracy
    (tensorflow/python/keras/engine/compile_utils.py). It is no measure of color: a gray picture scores what "red is the
    largest" does.
    """
    return (prediction.argmax(1) == target.argmax(1)).float().mean()
