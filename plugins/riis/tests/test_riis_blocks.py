"""Couplings and flows: exact inverses, honest log-determinants, bounded scales."""

import math

import pytest
import torch
from torch import Tensor

from bench_riis.blocks import AffineCoupling, Flow, FlowStep


def noisy(module: torch.nn.Module, scale: float = 0.1) -> torch.nn.Module:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(scale * torch.randn_like(parameter))
    return module


def coupling(a: int, b: int, condition: int = 0) -> AffineCoupling:
    return AffineCoupling(a, b, growth=3, convs=3, activation="leaky", clamp=1.0, condition=condition)


@pytest.mark.parametrize(("height", "width"), [(4, 4), (3, 5)])
def test_a_coupling_inverts(height: int, width: int) -> None:
    x = 3 * torch.randn(4, 5, height, width) + 1
    condition = torch.randn(4, 2, height, width)
    for layer, given_ in ((coupling(2, 3), None), (coupling(2, 3, condition=2), condition)):
        noisy(layer)
        assert (layer.inverse(layer(x, given_)[0], given_) - x).abs().max() < 1e-5


def test_coupling_scales_stay_within_the_clamp() -> None:
    layer = coupling(2, 3)
    noisy(layer, 5.0)  # saturates the sigmoid
    for scale, _ in (layer._phi(100 * torch.randn(2, 3, 4, 4), None), layer._psi(100 * torch.randn(2, 2, 4, 4))):
        assert scale.abs().max() > 0.9
        assert bool(((scale.exp() >= math.exp(-1) - 1e-6) & (scale.exp() <= math.e + 1e-6)).all())


def test_log_det_equals_the_jacobian() -> None:
    flow = Flow([FlowStep(coupling(2, 3, condition=2), mixed_start=True) for _ in range(2)]).double().eval()
    noisy(flow)
    condition = torch.randn(1, 2, 4, 4, dtype=torch.float64)
    x = torch.randn(1, 5, 4, 4, dtype=torch.float64)

    def flat(values: Tensor) -> Tensor:
        return flow(values.view(1, 5, 4, 4), condition)[0].flatten()

    def back(values: Tensor) -> Tensor:
        return flow.inverse(values.view(1, 5, 4, 4), condition).flatten()

    y, log_det = flow(x, condition)
    forward = torch.linalg.slogdet(torch.autograd.functional.jacobian(flat, x.flatten()))[1]
    inverse = torch.linalg.slogdet(torch.autograd.functional.jacobian(back, y.detach().flatten()))[1]
    assert abs(float((log_det[0] - forward).detach())) < 1e-9
    assert abs(float((forward + inverse).detach())) < 1e-9
