"""The invertible layers of RIIS: Haar squeeze, 1×1 convolution, actnorm, affine coupling, and the flow step.

Every layer maps N×C×H×W to the same shape and returns `(output, log_det)`, log_det per picture (N,); its
`inverse` returns the input alone. Formulas: RIIS (CVPR 2022) Eq. 1 and 4; Glow (NeurIPS 2018) for the layers.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ACTIVATIONS = ("relu", "leaky")


def haar(x: Tensor) -> Tensor:
    """Orthonormal 2×2 Haar transform, N×C×H×W to N×4C×H/2×W/2 (H and W even), sub-band-major: LL, LH, HL, HH."""
    a, b, c, d = x[..., 0::2, 0::2], x[..., 0::2, 1::2], x[..., 1::2, 0::2], x[..., 1::2, 1::2]
    return torch.cat((a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d), dim=1) / 2


def inverse_haar(u: Tensor) -> Tensor:
    """The inverse of `haar`, which is its transpose."""
    ll, lh, hl, hh = u.chunk(4, dim=1)
    a, b, c, d = ll + lh + hl + hh, ll - lh + hl - hh, ll + lh - hl - hh, ll - lh - hl + hh
    top, bottom = torch.stack((a, b), dim=-1), torch.stack((c, d), dim=-1)
    n, channels, height, width = ll.shape
    return torch.stack((top, bottom), dim=-3).reshape(n, channels, 2 * height, 2 * width) / 2


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

    def __init__(self, inputs: int, outputs: int, growth: int, convs: int, activation: str) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, not {activation!r}")
        self.slope = 0.0 if activation == "relu" else 0.2
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


class AffineCoupling(nn.Module):
    """The enhanced affine coupling on v = [A, B] (RIIS Eq. 1): both halves are scaled and shifted.

    A' = exp(s(φ_sc(B)))·A + φ_bi(B) and B' = exp(s(ψ_sc(A')))·B + ψ_bi(A'), with the bounded log-scale
    s(t) = c·(2·sigmoid(t) − 1) of IRN. A condition of `condition` channels joins B in φ (RIIS Eq. 4).
    """

    def __init__(
        self, a: int, b: int, growth: int, convs: int, activation: str, clamp: float, condition: int = 0
    ) -> None:
        super().__init__()
        self.a, self.b, self.clamp = a, b, clamp
        self.phi_scale = DenseNet(b + condition, a, growth, convs, activation)
        self.phi_shift = DenseNet(b + condition, a, growth, convs, activation)
        self.psi_scale = DenseNet(a, b, growth, convs, activation)
        self.psi_shift = DenseNet(a, b, growth, convs, activation)

    def _log_scale(self, t: Tensor) -> Tensor:
        return self.clamp * torch.tanh(t / 2)  # = c·(2·sigmoid(t) − 1)

    def _phi(self, b: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        seen = b if condition is None else torch.cat((b, condition), dim=1)
        return self._log_scale(self.phi_scale(seen)).to(b), self.phi_shift(seen).to(b)

    def _psi(self, a: Tensor) -> tuple[Tensor, Tensor]:
        return self._log_scale(self.psi_scale(a)).to(a), self.psi_shift(a).to(a)

    def forward(self, v: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """[A', B'], and the sum of all log-scales."""
        a, b = torch.split(v, [self.a, self.b], dim=1)
        scale_a, shift_a = self._phi(b, condition)
        a = torch.exp(scale_a) * a + shift_a
        scale_b, shift_b = self._psi(a)
        b = torch.exp(scale_b) * b + shift_b
        return torch.cat((a, b), dim=1), scale_a.sum((1, 2, 3)) + scale_b.sum((1, 2, 3))

    def inverse(self, v: Tensor, condition: Tensor | None = None) -> Tensor:
        """[A, B] from [A', B'], B first."""
        a, b = torch.split(v, [self.a, self.b], dim=1)
        scale_b, shift_b = self._psi(a)
        b = (b - shift_b) * torch.exp(-scale_b)
        scale_a, shift_a = self._phi(b, condition)
        a = (a - shift_a) * torch.exp(-scale_a)
        return torch.cat((a, b), dim=1)


class FlowStep(nn.Module):
    """1×1 convolution, actnorm, coupling, in this order (the paper's text; its Fig. 3 caption swaps the first two)."""

    def __init__(self, coupling: AffineCoupling, mixed_start: bool) -> None:
        super().__init__()
        channels = coupling.a + coupling.b
        self.mix = InvertibleConv(channels, rotate=mixed_start)
        self.norm = ActNorm(channels, from_data=mixed_start)
        self.coupling = coupling

    def forward(self, u: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """One step forward and its log-determinant."""
        u, mixed = self.mix(u)
        u, normed = self.norm(u)
        u, coupled = self.coupling(u, condition)
        return u, mixed + normed + coupled

    def inverse(self, v: Tensor, condition: Tensor | None = None) -> Tensor:
        """One step back."""
        back: Tensor = self.mix.inverse(self.norm.inverse(self.coupling.inverse(v, condition)))
        return back


class Flow(nn.Module):
    """Flow steps in a row."""

    def __init__(self, steps: list[FlowStep]) -> None:
        super().__init__()
        self.steps = nn.ModuleList(steps)

    def forward(self, u: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """All steps forward, and the sum of their log-determinants (N,)."""
        total = u.new_zeros(u.shape[0])
        for step in self.steps:
            u, log_det = step(u, condition)
            total = total + log_det
        return u, total

    def inverse(self, v: Tensor, condition: Tensor | None = None) -> Tensor:
        """All steps back, the last one first."""
        for step in reversed(self.steps):
            v = cast(FlowStep, step).inverse(v, condition)
        return v
