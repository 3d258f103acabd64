"""The flow of RIIS: affine coupling, the flow step, and steps in a row.

Every layer maps N×C×H×W to the same shape and returns `(output, log_det)`, log_det per picture (N,); its
`inverse` returns the input alone. Formulas: RIIS (CVPR 2022) Eq. 1 and 4.
"""

from typing import cast

import torch
from torch import Tensor, nn

from bench_core.nn.invertible import ActNorm, DenseNet, InvertibleConv
from bench_riis.modulation import ModulatedDenseNet

SLOPES = {"relu": 0.0, "leaky": 0.2}
"""Of the factor networks' activations where it is negative."""

Modulation = tuple[int, str]
"""Width of the embedding, and which numbers it scales: `factors` or `features`."""


class AffineCoupling(nn.Module):
    """The enhanced affine coupling on v = [A, B] (RIIS Eq. 1): both halves are scaled and shifted.

    A' = exp(s(φ_sc(B)))·A + φ_bi(B) and B' = exp(s(ψ_sc(A')))·B + ψ_bi(A'), with the bounded log-scale
    s(t) = c·(2·sigmoid(t) − 1) of IRN. A condition of `condition` channels joins B in φ (RIIS Eq. 4). With a
    `modulation`, every factor is scaled by what the embedding of a condition vector says (RIIS*).
    """

    def __init__(
        self,
        a: int,
        b: int,
        growth: int,
        convs: int,
        activation: str,
        clamp: float,
        condition: int = 0,
        modulation: Modulation | None = None,
    ) -> None:
        super().__init__()
        self.a, self.b, self.clamp = a, b, clamp
        self.modulated = modulation is not None

        def factor(inputs: int, outputs: int) -> DenseNet:
            if modulation is None:
                return DenseNet(inputs, outputs, growth, convs, SLOPES[activation])
            return ModulatedDenseNet(inputs, outputs, growth, convs, SLOPES[activation], *modulation)

        self.phi_scale = factor(b + condition, a)
        self.phi_shift = factor(b + condition, a)
        self.psi_scale = factor(a, b)
        self.psi_shift = factor(a, b)

    def _log_scale(self, t: Tensor) -> Tensor:
        return self.clamp * torch.tanh(t / 2)  # = c·(2·sigmoid(t) − 1)

    def _factors(
        self, scale: nn.Module, shift: nn.Module, seen: Tensor, embedding: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        told = (embedding,) if self.modulated else ()
        return self._log_scale(scale(seen, *told)).to(seen), shift(seen, *told).to(seen)

    def _phi(self, b: Tensor, condition: Tensor | None, embedding: Tensor | None = None) -> tuple[Tensor, Tensor]:
        seen = b if condition is None else torch.cat((b, condition.to(b)), dim=1)
        return self._factors(self.phi_scale, self.phi_shift, seen, embedding)

    def _psi(self, a: Tensor, embedding: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self._factors(self.psi_scale, self.psi_shift, a, embedding)

    def forward(
        self, v: Tensor, condition: Tensor | None = None, embedding: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """[A', B'], and the sum of all log-scales."""
        a, b = torch.split(v, [self.a, self.b], dim=1)
        scale_a, shift_a = self._phi(b, condition, embedding)
        a = torch.exp(scale_a) * a + shift_a
        scale_b, shift_b = self._psi(a, embedding)
        b = torch.exp(scale_b) * b + shift_b
        return torch.cat((a, b), dim=1), scale_a.sum((1, 2, 3)) + scale_b.sum((1, 2, 3))

    def inverse(self, v: Tensor, condition: Tensor | None = None, embedding: Tensor | None = None) -> Tensor:
        """[A, B] from [A', B'], B first."""
        a, b = torch.split(v, [self.a, self.b], dim=1)
        scale_b, shift_b = self._psi(a, embedding)
        b = (b - shift_b) * torch.exp(-scale_b)
        scale_a, shift_a = self._phi(b, condition, embedding)
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

    def forward(
        self, u: Tensor, condition: Tensor | None = None, embedding: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """One step forward and its log-determinant."""
        u, mixed = self.mix(u)
        u, normed = self.norm(u)
        u, coupled = self.coupling(u, condition, embedding)
        return u, mixed + normed + coupled

    def inverse(self, v: Tensor, condition: Tensor | None = None, embedding: Tensor | None = None) -> Tensor:
        """One step back."""
        back: Tensor = self.mix.inverse(self.norm.inverse(self.coupling.inverse(v, condition, embedding)))
        return back


class Flow(nn.Module):
    """Flow steps in a row."""

    def __init__(self, steps: list[FlowStep]) -> None:
        super().__init__()
        self.steps = nn.ModuleList(steps)

    def forward(
        self, u: Tensor, condition: Tensor | None = None, embedding: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """All steps forward, and the sum of their log-determinants (N,)."""
        total = u.new_zeros(u.shape[0])
        for step in self.steps:
            u, log_det = step(u, condition, embedding)
            total = total + log_det
        return u, total

    def inverse(self, v: Tensor, condition: Tensor | None = None, embedding: Tensor | None = None) -> Tensor:
        """All steps back, the last one first."""
        for step in reversed(self.steps):
            v = cast(FlowStep, step).inverse(v, condition, embedding)
        return v
