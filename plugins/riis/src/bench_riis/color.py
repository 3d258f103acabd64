"""Invertible colorization with RIIS: chroma is the secret, luma the host, and the container one gray channel.

RIIS (CVPR 2022), section 4.5. Pictures are RGB N×3×H×W in [0, 1], containers N×1×H×W; sides as in bench_riis.model.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench_riis.architecture import NetworkConfig
from bench_riis.model import RiisNetwork

COLOR_MATRICES = ("yuv", "learned")
_LUMA = (0.299, 0.587, 0.114)


def yuv_matrix() -> Tensor:
    """RGB to Y in [0, 1], U in ±0.436 and V in ±0.615 (ITU-R BT.601, analog), 3×3 float64."""
    luma = torch.tensor(_LUMA, dtype=torch.float64)
    red, _, blue = torch.eye(3, dtype=torch.float64)
    return torch.stack((luma, 0.436 / (1 - luma[2]) * (blue - luma), 0.615 / (1 - luma[0]) * (red - luma)))


class ColorMatrix(nn.Module):
    """RGB to one channel that is sent and two that are hidden: YUV, or a learned 3×3 that starts there (IRN-color)."""

    weight: Tensor

    def __init__(self, kind: str) -> None:
        super().__init__()
        if kind not in COLOR_MATRICES:
            raise ValueError(f"color_matrix must be one of {', '.join(COLOR_MATRICES)}, not {kind!r}")
        self.kind = kind
        if kind == "learned":
            self.weight = nn.Parameter(yuv_matrix().float())
        else:
            self.register_buffer("weight", yuv_matrix().float(), persistent=False)

    def _apply_matrix(self, matrix: Tensor, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return F.conv2d(x, matrix.to(x)[:, :, None, None])

    def forward(self, color: Tensor) -> tuple[Tensor, Tensor]:
        """The channel to send N×1×H×W, and those to hide N×2×H×W."""
        mixed = self._apply_matrix(self.weight, color)
        return mixed[:, :1], mixed[:, 1:]

    def inverse(self, sent: Tensor, hidden: Tensor) -> Tensor:
        """RGB again, N×3×H×W; the matrix is inverted in float64, on the CPU because some devices have none."""
        inverse = torch.linalg.inv(self.weight.cpu().double())
        return self._apply_matrix(inverse, torch.cat((sent, hidden), dim=1))


class Restored(NamedTuple):
    """What the receiver gets: RGB, the two hidden channels and the one that was sent, none of them clipped."""

    color: Tensor
    hidden: Tensor
    sent: Tensor


class ColorNetwork(RiisNetwork):
    """A RIIS network of one secret with two channels in a host with one, between two color transforms."""

    def __init__(self, config: NetworkConfig, color_matrix: str = "yuv") -> None:
        super().__init__(config, 1, host_channels=1, secret_channels=2)
        self.colors = ColorMatrix(color_matrix)

    def restore(self, received: Tensor, noise: Tensor) -> Restored:
        """The picture, from the gray one received N×1×H×W and z̃ ~ N(0, T²I) of the latent's shape."""
        revealed = self.reveal(received, noise)
        return Restored(self.colors.inverse(revealed.host, revealed.secret), revealed.secret, revealed.host)

    def to_gray(self, color: Tensor) -> Tensor:
        """The container of a picture, unrounded and unclipped."""
        sent, hidden = self.colors(color)
        return self.hide(hidden, sent)[0]
