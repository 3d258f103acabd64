"""The losses of JRIG (TVCG 2021, Eq. 4 to 11) but the one that needs VGG (`bench_jrig.vgg`).

Pictures N×C×H×W are in [−1, 1], thresholds given on 0..255 are divided by 127.5, and all losses are means, as in
MenghanXia/InvertibleGrayscale, main.py, so that the paper's weights suit any size.
"""

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from bench_core.surrogates.ycbcr import luminance

LEVELS = 127.5
"""How many gray levels one unit is."""

_C1, _C2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2  # K·L with a range L of 2


def structure_loss(a: Tensor, b: Tensor, window: str = "gaussian", size: int = 8) -> Tensor:
    """ℓ_s = 1 − SSIM (Eq. 6, which prints the similarity itself, and minimizing that would destroy structure).

    Args:
        a: pictures, with a gradient.
        b: what they should be; the same shape, sides of at least 11 (`gaussian`) or `size`.
        window: `gaussian`: 11×11, σ 1.5, at every place, as SSIM is usually computed; or `uniform`: the paper's
            windows of `size`×`size` beside each other.
        size: of the uniform windows.

    Closed form with C3 = C2/2, which needs no square root: that one's gradient is infinite where a picture is flat.
    Pictures are moved to 0..2 first, as SSIM is defined for values from 0; it is that of the 8-bit pictures.
    """
    if window not in ("gaussian", "uniform"):
        raise ValueError(f"unknown SSIM window {window!r}; known: gaussian, uniform")
    n, a, b = len(a), a + 1, b + 1
    moments = torch.cat((a, b, a * a, b * b, a * b))
    smooth = _gaussian(moments) if window == "gaussian" else F.avg_pool2d(moments, size)
    mean_a, mean_b, square_a, square_b, product = torch.split(smooth, n)
    both, squares = mean_a * mean_b, mean_a.square() + mean_b.square()
    covariance, variances = product - both, square_a + square_b - squares
    similarity = (2 * both + _C1) * (2 * covariance + _C2) / ((squares + _C1) * (variances + _C2))
    loss: Tensor = 1 - similarity.mean()
    return loss


@cache
def _band(length: int) -> Tensor:
    """(length − 10)×length: the 11 weights of the window in each row, a place further than in the row before."""
    line = torch.exp(-((torch.arange(11, dtype=torch.float64) - 5) ** 2) / (2 * 1.5**2))
    rows = torch.zeros(length - 10, length, dtype=torch.float64)
    for row in range(length - 10):
        rows[row, row : row + 11] = line / line.sum()
    return rows


def _gaussian(planes: Tensor) -> Tensor:
    """Each plane blurred where the window fits, one axis after the other, as products of matrices.

    Twenty times as fast on a CPU as convolutions of one channel.
    """
    return _band(planes.shape[-2]).to(planes) @ planes @ _band(planes.shape[-1]).to(planes).T


def basic_loss(gray: Tensor, target: Tensor, threshold: float) -> Tensor:
    """ℓ_b (Eq. 8): mean of what exceeds `threshold` gray levels (0..255) of |gray − target|."""
    return F.relu((gray - target).abs() - threshold / LEVELS).mean()


def total_variation(x: Tensor) -> Tensor:
    """Σ|vertical differences| + Σ|horizontal differences| a pixel, for each picture of N×1×H×W: N figures."""
    down = (x[..., 1:, :] - x[..., :-1, :]).abs().sum(dim=(1, 2, 3))
    right = (x[..., 1:] - x[..., :-1]).abs().sum(dim=(1, 2, 3))
    return (down + right) / (x.shape[-2] * x.shape[-1])


def variation_loss(gray: Tensor, color: Tensor) -> Tensor:
    """ℓ_v (Eq. 10): mean |TV(gray) − TV(luminance(color))|, picture by picture (the public code: of batch means)."""
    return (total_variation(gray) - total_variation(luminance(color))).abs().mean()


def quantization_loss(gray: Tensor) -> Tensor:
    """ℓ_q (Eq. 11, as a mean): the distance to the nearest of the 256 gray levels; at most 1/255."""
    levels = (gray + 1) * LEVELS
    nearest = levels.detach().round().clamp(0, 255)
    return (levels - nearest).abs().mean() / LEVELS
