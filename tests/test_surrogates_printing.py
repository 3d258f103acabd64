"""The differentiable print: what its limits mean, its ramp, its geometry and its gradients."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage import data

from bench_core.surrogates.printing import PrintLimits, print_layer
from bench_core.surrogates.warp import corners, homography, warp

NOTHING = PrintLimits().scaled(0)
ALL = PrintLimits()


def rngs(count=4, seed=0):
    return [np.random.default_rng((seed, index)) for index in range(count)]


def photos(count=4, size=64, channels=3):
    pictures = (data.astronaut(), data.coffee(), data.chelsea(), data.rocket())[:count]
    cut = np.stack([picture[80 : 80 + size, 200 : 200 + size, :channels] for picture in pictures])
    return torch.from_numpy(cut).permute(0, 3, 1, 2).float() / 255


def psnr(a, b):
    return float(-10 * torch.log10((a - b).square().mean().clamp_min(1e-12)))


def test_nothing_is_done_at_the_start_of_the_ramp():
    images = photos()
    assert torch.equal(print_layer(images, rngs(), ALL.at(0)), images)


def test_the_ramp_grows_linearly_and_ends_at_the_limits():
    half = ALL.at(500)
    assert (half.noise, half.contrast, half.brightness, half.hue) == pytest.approx((0.01, 0.25, 0.15, 0.05))
    assert (half.blur, half.desaturation, half.quality) == pytest.approx((0.5, 0.5, 62), abs=0.5)
    assert half.corner == pytest.approx(0.1 * 500 / 10000)
    assert ALL.at(1000).corner == pytest.approx(0.01)
    assert ALL.at(10_000) == ALL.at(1e9) == ALL.at(0, ramp=0, corner_ramp=0) == ALL


def test_damage_grows_along_the_ramp():
    found = [psnr(print_layer(photos(), rngs(), ALL.at(step)), photos()) for step in (0, 50, 200, 500, 1000)]
    assert found == sorted(found, reverse=True)
    assert found[-1] < 20


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [8, 15, 33])
@pytest.mark.parametrize("registered", [True, False])
def test_shapes_and_range(channels, size, registered):
    found = print_layer(photos(2, size, channels), rngs(2), registered=registered)
    assert found.shape == (2, channels, size, size)
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1
    wide = print_layer(photos(1, 40, channels)[..., :23], rngs(1), registered=registered)
    assert wide.shape == (1, channels, 40, 23)


def test_each_picture_draws_its_own_whatever_its_batch():
    images = photos()
    whole = print_layer(images, rngs())
    alone = print_layer(images[2:3], rngs()[2:3])
    assert torch.allclose(whole[2], alone[0], atol=1e-5)
    same = images[:1].repeat(2, 1, 1, 1)
    assert psnr(*print_layer(same, rngs(2)).split(1)) < 40


def test_registration_undoes_the_perspective():
    images = photos()
    moved = replace(NOTHING, corner=0.1)
    # Two interpolations are all that is left of it; unregistered, nothing fits.
    assert psnr(print_layer(images, rngs(), moved), images) > 26
    assert psnr(print_layer(images, rngs(), moved, registered=False), images) < 22
    missed = [psnr(print_layer(images, rngs(), replace(moved, registration=r)), images) for r in (0, 1, 3)]
    assert missed == sorted(missed, reverse=True)
    assert missed[0] - missed[2] > 2


def test_the_border_of_a_registered_picture_is_kept():
    images = photos(1)
    found = print_layer(images, rngs(1), replace(NOTHING, corner=0.1))
    assert float((found - images)[..., :4, :].abs().mean()) < 0.06
    assert float((found - images)[..., -4:].abs().mean()) < 0.06


def test_blur_noise_tone_and_color_stay_within_their_limits():
    flat = torch.full((64, 3, 16, 16), 0.5)
    noisy = print_layer(flat, rngs(64), replace(NOTHING, noise=0.02)) - 0.5
    deviations = noisy.std(dim=(1, 2, 3))
    assert float(deviations.max()) < 0.022
    assert float(deviations.max()) > 0.018
    assert float(deviations.min()) < 0.002

    factors = print_layer(flat, rngs(64), replace(NOTHING, contrast=0.5)).mean(dim=(1, 2, 3)) / 0.5
    assert float(factors.min()) == pytest.approx(0.5, abs=0.05)
    assert float(factors.max()) == pytest.approx(1.5, abs=0.05)

    offsets = print_layer(flat, rngs(64), replace(NOTHING, brightness=0.3)).mean(dim=(2, 3)) - 0.5
    assert torch.allclose(offsets, offsets[:, :1].expand(-1, 3), atol=1e-6)
    assert float(offsets.abs().max()) == pytest.approx(0.3, abs=0.03)
    hues = print_layer(flat, rngs(64), replace(NOTHING, hue=0.1)).mean(dim=(2, 3)) - 0.5
    assert float(hues.abs().max()) == pytest.approx(0.1, abs=0.01)
    assert float(hues.std(dim=1).min()) > 1e-4

    point = torch.zeros(200, 1, 15, 15)
    point[..., 7, 7] = 1
    spread = print_layer(point, rngs(200), replace(NOTHING, blur=1.0))
    assert torch.allclose(spread.sum(dim=(1, 2, 3)), torch.ones(200), atol=1e-5)
    sharp = spread[:, 0, 7, 7] > 0.999
    assert float(sharp.float().mean()) == pytest.approx(0.5, abs=0.1)


def test_color_may_be_lost_and_gray_has_none_to_lose():
    images = photos(1).repeat(32, 1, 1, 1)
    spread = print_layer(images, rngs(32), replace(NOTHING, desaturation=1.0)).std(dim=1).mean(dim=(1, 2))
    before = images.std(dim=1).mean()
    assert float(spread.min() / before) < 0.1
    assert float(spread.max() / before) > 0.9
    gray = photos(channels=1)
    assert torch.equal(print_layer(gray, rngs(), replace(NOTHING, desaturation=1.0, hue=0.5)), gray)


def test_jpeg_is_the_last_of_it():
    images = photos()
    found = psnr(print_layer(images, rngs(), replace(NOTHING, quality=25)), images)
    assert found < psnr(print_layer(images, rngs(), replace(NOTHING, quality=90)), images)


def test_gradients_are_finite_and_reach_every_picture():
    images = photos().requires_grad_()
    (found,) = torch.autograd.grad(print_layer(images, rngs()).sum(), images)
    assert torch.isfinite(found).all()
    assert all(float(part.abs().mean()) > 1e-3 for part in found)


def test_the_gradient_is_a_finite_difference():
    images = photos(2, 24).double() * 0.4 + 0.3
    limits = replace(ALL, quality=100, contrast=0.1, brightness=0.05, hue=0.02)  # no rounding, nothing clipped
    weights = torch.rand(images.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    direction = torch.randn(images.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def value(x):
        return (print_layer(x, rngs(2), limits) * weights).sum()

    variable = images.clone().requires_grad_()
    (found,) = torch.autograd.grad(value(variable), variable)
    step = 1e-6
    expected = float(value(images + step * direction) - value(images - step * direction)) / (2 * step)
    assert float((found * direction).sum()) == pytest.approx(expected, rel=1e-5)


def test_a_homography_takes_corners_to_corners():
    source, target = corners(30, 40), corners(30, 40) * 1.5 + np.array([[3, -2], [0, 4], [-6, 1], [2, 2]])
    matrix = homography(source, target)
    mapped = np.c_[source, np.ones(4)] @ matrix.T
    assert np.allclose(mapped[:, :2] / mapped[:, 2:], target)
    assert np.allclose(homography(target, source) @ matrix / (homography(target, source) @ matrix)[2, 2], np.eye(3))


def test_the_warp_samples_pixel_centers():
    images = photos(1, 16)
    assert torch.allclose(warp(images, [np.eye(3)], 16, 16), images, atol=1e-5)
    shift = np.array([[1.0, 0, 3], [0, 1, 2], [0, 0, 1]])
    shifted = warp(images, [shift], 16, 16, outside=0.25)
    assert torch.allclose(shifted[..., :14, :13], images[..., 2:, 3:], atol=1e-5)
    assert torch.allclose(shifted[..., -1, :], torch.full((1, 3, 16), 0.25), atol=1e-5)
