"""Parts of invertible networks: Haar squeeze, 1×1 convolution, actnorm, and the dense factor network of couplings.

Invertible layers map N×C×H×W to the same shape and return `(output, log_det)`, log_det per picture (N,); their
`inverse` returns the input alone. Sources: Glow (NeurIPS 2018) for the layers, IRN (ECCV 2020) for the factor network.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def haar(x: Tensor, levels: int = 1) -> Tensor:
    """Orthonormal 2×2 Haar transform, N×C×H×W to N×4C×H/2×W/2, sub-band-major: LL, LH, HL, HH.

    It is applied `levels` times, each time to every sub-band of the last (a wavelet packet), so that the result is
    N×C·4^levels×H/2^levels×W/2^levels; 0 leaves `x` as it is. H and W must be multiples of 2^levels.
    """
    for _ in range(levels):
        a, b, c, d = x[..., 0::2, 0::2], x[..., 0::2, 1::2], x[..., 1::2, 0::2], x[..., 1::2, 1::2]
        x = torch.cat((a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d), dim=1) / 2
    return x


def inverse_haar(u: Tensor, levels: int = 1) -> Tensor:
    """The inverse of `haar` of as many levels, which is its transpose."""
    for _ in range(levels):
        ll, lh, hl, hh = u.chunk(4, dim=1)
        a, b, c, d = ll + lh + hl + hh, ll - lh + hl - hh, ll + lh - hl - hh, ll - lh - hl + hh
        top, bottom = torch.stack((a, b), dim=-1), torch.stack((c, d), dim=-1)
        n, channels, height, width = ll.shape
        u = torch.stack((top, bottom), dim=-3).reshape(n, channels, 2 * height, 2 * width) / 2
    return u


class InvertibleConv(nn.Module):
    """1×1 convolution v = W u (Glow). `rotate` starts from a random rotation, otherwise from the identity."""

    def __init__(self, channels: int, rotate: bool) -> None:
        super().__init__()
        start = torch.linalg.qr(torch.randn(channels, channels))[0] if rotate else torch.eye(channels)
        self.weight = nn.Parameter(start)

    def _wide(self) -> Tensor:
        # The inverse and the determinant of a C×C matrix cost nothing, and float32 would cost digits.
        weight = self.weight if self.weight.device.type != "mps" else self.weight.cpu()
        return weight.double()

    def _apply_matrix(self, matrix: Tensor, x: Tensor) -> Tensor:
        # Autocast would round the exact part of the flow to 16 bits; only the factor networks may be that coarse.
        with torch.autocast(x.device.type, enabled=False):
            return F.conv2d(x, matrix.to(x)[:, :, None, None])

    def forward(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """W u, and H·W·log|det W|."""
        log_det = torch.linalg.slogdet(self._wide())[1] * (u.shape[-2] * u.shape[-1])
        return self._apply_matrix(self.weight, u), log_det.to(u).expand(u.shape[0])

    def inverse(self, v: Tensor) -> Tensor:
        """W⁻¹ v, the matrix inverted in float64 (HCFlow, Permutations.py)."""
        return self._apply_matrix(torch.linalg.inv(self._wide()), v)


class ActNorm(nn.Module):
    """v = exp(l)·(u + b) per channel (Glow). With `from_data`, the first training batch sets l and b to whiten it."""

    initialized: Tensor

    def __init__(self, channels: int, from_data: bool) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))
        # A buffer, so that it is saved: a loaded model must not be initialized again.
        self.register_buffer("initialized", torch.tensor(not from_data))

    @torch.no_grad()
    def _initialize(self, u: Tensor) -> None:
        std, mean = torch.std_mean(u, dim=(0, 2, 3), keepdim=True)
        self.bias.copy_(-mean)
        self.log_scale.copy_(-torch.log(std + 1e-6))
        self.initialized.fill_(True)

    def forward(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """exp(l)·(u + b), and H·W·Σl."""
        if self.training and not self.initialized:
            self._initialize(u)
        log_det = self.log_scale.sum() * (u.shape[-2] * u.shape[-1])
        return torch.exp(self.log_scale) * (u + self.bias), log_det.expand(u.shape[0])

    def inverse(self, v: Tensor) -> Tensor:
        """exp(−l)·v − b."""
        return torch.exp(-self.log_scale) * v - self.bias


class DenseNet(nn.Module):
    """A factor network: `convs` 3×3 convolutions, each seeing the input and all features before it.

    After IRN, Subnet_constructor.py: Xavier × 0.1 and zero biases, the last convolution zero, so that a fresh
    coupling is the identity.
    """

    def __init__(self, inputs: int, outputs: int, growth: int, convs: int, slope: float) -> None:
        super().__init__()
        self.slope = slope
        layers = [
            nn.Conv2d(inputs + j * growth, growth if j < convs - 1 else outputs, 3, padding=1) for j in range(convs)
        ]
        for layer in layers:
            nn.init.xavier_normal_(layer.weight, gain=0.1)
            nn.init.constant_(cast(Tensor, layer.bias), 0)
        nn.init.zeros_(layers[-1].weight)
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        """N×inputs×H×W to N×outputs×H×W."""
        features = [x]
        for layer in self.layers[:-1]:
            features.append(F.leaky_relu(layer(torch.cat(features, dim=1)), self.slope))
        last: Tensor = self.layers[-1](torch.cat(features, dim=1))
        return last
