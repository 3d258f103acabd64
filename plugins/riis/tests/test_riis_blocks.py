"""The invertible layers: exact inverses, honest log-determinants, bounded scales."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bench_core.nn.invertible import ActNorm, DenseNet, InvertibleConv, haar, inverse_haar
from bench_riis.blocks import AffineCoupling, Flow, FlowStep


def noisy(module: torch.nn.Module, scale: float = 0.1) -> torch.nn.Module:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(scale * torch.randn_like(parameter))
    return module


def coupling(a: int, b: int, condition: int = 0) -> AffineCoupling:
    return AffineCoupling(a, b, growth=3, convs=3, activation="leaky", clamp=1.0, condition=condition)


@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**31))
@settings(max_examples=25)
def test_haar_is_orthonormal(channels: int, rows: int, columns: int, seed: int) -> None:
    x = torch.randn(2, channels, 2 * rows, 2 * columns, generator=torch.Generator().manual_seed(seed))
    u = haar(x)
    assert u.shape == (2, 4 * channels, rows, columns)
    assert (inverse_haar(u) - x).abs().max() <= 1e-6
    assert float(u.square().sum() / x.square().sum()) == pytest.approx(1, abs=1e-6)


def test_haar_bands_are_sub_band_major() -> None:
    block = torch.tensor([[1.0, 2.0], [3.0, 5.0]]).expand(1, 2, 2, 2)
    assert haar(block).flatten().tolist() == [5.5, 5.5, -1.5, -1.5, -2.5, -2.5, 0.5, 0.5]


@pytest.mark.parametrize(("height", "width"), [(4, 4), (3, 5)])
def test_each_layer_inverts(height: int, width: int) -> None:
    norm = ActNorm(5, from_data=True)
    x = 3 * torch.randn(4, 5, height, width) + 1
    whitened, _ = norm.train()(x)
    assert whitened.mean(dim=(0, 2, 3)).abs().max() < 1e-4
    assert (whitened.std(dim=(0, 2, 3)) - 1).abs().max() < 1e-4
    assert (norm.inverse(whitened) - x).abs().max() < 1e-5

    mix = noisy(InvertibleConv(5, rotate=True))
    assert (mix.inverse(mix(x)[0]) - x).abs().max() < 1e-5

    condition = torch.randn(4, 2, height, width)
    for layer, given_ in ((coupling(2, 3), None), (coupling(2, 3, condition=2), condition)):
        noisy(layer)
        assert (layer.inverse(layer(x, given_)[0], given_) - x).abs().max() < 1e-5


def test_actnorm_looks_at_data_only_once_and_only_in_training() -> None:
    norm = ActNorm(3, from_data=True).eval()
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(norm(x)[0], x)
    assert not norm.initialized
    norm.train()(x)
    bias = norm.bias.clone()
    norm(5 * x)
    assert norm.initialized
    assert torch.equal(norm.bias, bias)


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


def test_a_fresh_factor_network_gives_zero_and_an_unknown_activation_is_refused() -> None:
    assert not DenseNet(3, 2, 4, 3, "relu")(torch.randn(1, 3, 4, 4)).any()
    with pytest.raises(ValueError, match="relu, leaky"):
        DenseNet(3, 2, 4, 3, "tanh")
