"""Roundings: their values, their gradients, and the 8-bit grid."""

import math

import numpy as np
import pytest
import torch

from bench_core.surrogates.rounding import ROUNDINGS, cubic, fourier, nearest, round8, rounding, ste, straight_through


def gradient(function, x):
    x = x.detach().clone().requires_grad_()
    (found,) = torch.autograd.grad(function(x).sum(), x)
    return found


def test_halves_go_away_from_zero():
    x = torch.tensor([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4, -2.6])
    assert nearest(x).tolist() == [-3, -2, -1, 1, 2, 3, 2, -3]


def test_straight_through_has_the_value_of_one_and_the_gradient_of_the_other():
    x = torch.tensor([0.3, 2.0], requires_grad=True)
    y = straight_through(torch.tensor([7.0, 8.0]), x**2)
    assert y.tolist() == [7, 8]
    (found,) = torch.autograd.grad(y.sum(), x)
    assert found.tolist() == pytest.approx([0.6, 4.0])


def test_round8_lies_on_the_grid_and_lets_the_gradient_pass():
    x = torch.rand(500, dtype=torch.float64) * 1.4 - 0.2
    y = round8(x)
    levels = y * 255
    assert torch.allclose(levels, levels.round(), atol=1e-10)
    assert (float(y.min()), float(y.max())) == (0, 1)
    assert levels.round().tolist() == np.rint(np.clip(x.numpy(), 0, 1) * 255).tolist()
    assert torch.equal(gradient(round8, x), torch.ones_like(x))


@pytest.mark.parametrize("function", [ste, cubic, fourier])
def test_integers_stay(function):
    x = torch.arange(-1030.0, 1030.0)
    assert torch.allclose(function(x), x, atol=1e-4)


def test_stated_values():
    assert float(cubic(torch.tensor(1.3))) == pytest.approx(1.027)
    assert float(fourier(torch.tensor(1.3), 200)) == pytest.approx(1.0, abs=0.01)
    n = np.arange(1, 10)
    expected = 1.3 - np.sum((-1.0) ** (n + 1) / n * np.sin(2 * math.pi * n * 1.3)) / math.pi
    assert float(fourier(torch.tensor(1.3, dtype=torch.float64), 9)) == pytest.approx(expected, abs=1e-12)


def test_gradients_at_integers_and_half_way():
    # Not on the half itself, where the nearest integer jumps, but just below it.
    x = torch.tensor([2.0, 2.5 - 1e-9], dtype=torch.float64)
    assert gradient(ste, x).tolist() == [1, 1]
    assert gradient(cubic, x).tolist() == pytest.approx([0, 0.75], abs=1e-6)
    assert gradient(lambda v: fourier(v, 9), x).tolist() == pytest.approx([-1, 19], abs=1e-4)
    assert gradient(lambda v: fourier(v, 10), x).tolist() == pytest.approx([1, 21], abs=1e-4)


@pytest.mark.parametrize(("terms", "share"), [(3, 0.43), (9, 0.47)])
def test_the_fourier_gradient_is_negative_on_nearly_half_of_the_line(terms, share):
    x = torch.linspace(0, 1, 100_001, dtype=torch.float64)
    assert float((gradient(lambda v: fourier(v, terms), x) < 0).double().mean()) == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("function", [cubic, lambda x: fourier(x, 9)])
def test_gradients_are_finite_differences(function):
    x = torch.linspace(-3.04, 3.07, 97, dtype=torch.float64)
    step = 1e-6
    assert torch.allclose(gradient(function, x), (function(x + step) - function(x - step)) / (2 * step), atol=1e-6)


def test_noise_is_uniform_and_each_picture_has_its_own():
    def draw(*seeds):
        rngs = [np.random.default_rng(seed) for seed in seeds]
        return rounding("noise", rngs=rngs)(torch.zeros(len(seeds), 1, 64, 64))

    noise = draw(1, 2)
    assert float(noise.abs().max()) <= 0.5
    assert float(noise.std()) == pytest.approx(12**-0.5, rel=0.02)
    assert torch.equal(noise[1], draw(2)[0])


def test_roundings_have_names():
    rngs = [np.random.default_rng(0)]
    assert all(callable(rounding(name, rngs=rngs)) for name in ROUNDINGS)
    with pytest.raises(ValueError, match="ste, cubic, fourier, noise"):
        rounding("hard")
    with pytest.raises(ValueError, match="without generators"):
        rounding("noise")
