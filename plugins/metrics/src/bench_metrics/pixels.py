"""Two figures that auto-encoders are trained and reported with: mean squared error, and the largest channel."""

from typing import Any

import cv2
import numpy as np

from bench_core.metric import Array, Metric, Score
from bench_metrics.pairs import COLOR


class Mse(Metric):
    """The mean squared error of values in [0, 1], over all samples of all channels; 0 at best.

    10^(-PSNR/10) of one picture's `psnr`. Of pictures of one size the mean over pictures is the pooled error, which
    training logs print.
    """

    name = "mse"
    direction = "lower"

    def measure(self, estimate: Array, prepared: Any) -> Score:
        """Score one pair of uint8 H×W×C pictures."""
        return Score(round(cv2.norm(estimate, prepared, cv2.NORM_L2SQR)) / (estimate.size * 255**2))


class ArgmaxAccuracy(Metric):
    """The share of pixels whose largest channel of R, G and B is the reference's, the first of equal ones; 0 to 1.

    What Keras reports as `accuracy` of pictures on three channels, since the string stands for categorical accuracy
    there (tf.keras, `compile_utils`). It is no accuracy of colors: saying red everywhere, as every gray picture does,
    is right for about half of CIFAR-10's pixels.
    """

    name = "argmax_acc"
    worst = 0.0
    pairs = COLOR

    def prepare(self, reference: Array) -> Any:
        """The number of the largest channel of each pixel, H×W."""
        return np.argmax(reference, axis=2)

    def measure(self, estimate: Array, prepared: Any) -> Score:
        """Score a uint8 H×W×C picture; a gray one has its first channel largest everywhere."""
        return Score(float((np.argmax(estimate, axis=2) == prepared).mean()))
