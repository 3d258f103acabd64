"""Noise on tensors: its statistics and its gradients."""

import numpy as np
import pytest
import torch

from bench_core.surrogates.noise import gaussian, poisson


def rngs(*seeds):
    return [np.random.default_rng(seed) for seed in seeds]


def flat(*values, size=256):
    return torch.tensor(values).reshape(-1, 1, 1, 1).expand(-1, 3, size, size)


@pytest.mark.parametrize("sigma", [2.0, 10.0])
def test_gaussian_has_the_stated_deviation(sigma):
    error = (gaussian(flat(0.5), sigma, rngs(0), eight_bit=False) - 0.5) * 255
    assert float(error.std()) == pytest.approx(sigma, rel=0.01)
    assert float(error.mean()) == pytest.approx(0, abs=0.05)
    rounded = gaussian(flat(128 / 255), sigma, rngs(0)) * 255
    assert torch.allclose(rounded, rounded.round(), atol=1e-3)
    assert float(rounded.std()) == pytest.approx((sigma**2 + 1 / 12) ** 0.5, rel=0.01)


@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize("peak", [60.0, 255.0])
def test_poisson_has_the_variance_of_mean_over_peak(peak, counted):
    noisy = poisson(flat(0.5, 0.1), peak, rngs(0, 1), counted=counted, eight_bit=False)
    for picture, mean in zip(noisy, (0.5, 0.1), strict=True):
        assert float(picture.mean()) == pytest.approx(mean, rel=0.01)
        assert float(picture.var()) == pytest.approx(mean / peak, rel=0.02)


def test_counted_photons_are_whole():
    photons = poisson(flat(0.3), 40.0, rngs(0), counted=True, eight_bit=False) * 40
    assert torch.allclose(photons, photons.round(), atol=1e-4)


def test_each_picture_has_its_own_level_and_its_own_draws():
    noisy = gaussian(flat(0.5, 0.5), [1.0, 20.0], rngs(0, 1), eight_bit=False)
    assert float(noisy[0].std() * 255) == pytest.approx(1, rel=0.02)
    assert float(noisy[1].std() * 255) == pytest.approx(20, rel=0.02)
    assert torch.equal(noisy[1:], gaussian(flat(0.5), 20.0, rngs(1), eight_bit=False))
    counted = poisson(flat(0.5, 0.5), [10.0, 1000.0], rngs(0, 1), counted=True)
    assert torch.equal(counted[1:], poisson(flat(0.5), 1000.0, rngs(1), counted=True))


def test_gradients():
    images = torch.linspace(0.05, 0.9, 64, dtype=torch.float64).reshape(1, 1, 8, 8).requires_grad_()
    for noisy in (gaussian(images, 5.0, rngs(0)), poisson(images, 255.0, rngs(0), counted=True)):
        (found,) = torch.autograd.grad(noisy.sum(), images)
        assert torch.equal(found, torch.ones_like(found))
    (found,) = torch.autograd.grad(poisson(images, 100.0, rngs(0), eight_bit=False).sum(), images)
    step = 1e-6
    above, below = (poisson(images.detach() + s, 100.0, rngs(0), eight_bit=False) for s in (step, -step))
    assert torch.allclose(found, (above - below) / (2 * step), rtol=1e-5)


def test_black_stays_black_and_its_gradient_finite():
    images = torch.zeros(1, 3, 16, 16, requires_grad=True)
    noisy = poisson(images, 255.0, rngs(0))
    assert float(noisy.detach().abs().max()) < 1.5 / 255
    (found,) = torch.autograd.grad(noisy.sum(), images)
    assert torch.isfinite(found).all()
