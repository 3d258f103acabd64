"""The flow of RIIS: affine coupling, the flow step, and steps in a row.

Every layer maps N×C×H×W to the same shape and returns `(output, log_det)`, log_det per picture (N,); its
`inverse` returns the input alone. Formulas: RIIS (CVPR 2022) Eq. 1 and 4.
"""

from typing import cast

import torch
from torch import Tensor, nn

from bench_core.nn.invertible import ActNorm, DenseNet, InvertibleConv


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
