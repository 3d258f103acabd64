"""The losses of HiNet and ISN. HiNet's code sums squares over a picture; here every term is such a sum divided by 3HW.

So the published weights keep their meaning among themselves at any size of crop. Pictures are in [0, 1].
"""

import torch.nn.functional as F
from torch import Tensor

from bench_core.nn.invertible import haar


def concealing_loss(container: Tensor, host: Tensor) -> Tensor:
    """L_con (HiNet Eq. 3; ISN's first term): mse of the container, before rounding, against the host."""
    return F.mse_loss(container, host)


def revealing_loss(found: Tensor, secret: Tensor) -> Tensor:
    """L_rev (HiNet Eq. 4; ISN's second term): Σ over the secrets of mse, N×3K×H×W."""
    return F.mse_loss(found, secret) * (secret.shape[1] // 3)


def low_frequency_loss(container: Tensor, host: Tensor) -> Tensor:
    """L_freq (HiNet Eq. 5): Σ of squared differences in the LL sub-bands, divided by 3HW as the other sums are.

    What hiding changes then goes to high frequencies, where it is harder to see and to detect.
    """
    channels = host.shape[1]
    return F.mse_loss(haar(container)[:, :channels], haar(host)[:, :channels]) / 4
