"""Figures that colorization is reported with: the errors of an auto-encoder, chroma alone, and SCGAN's SSIM."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from skimage.color import rgb2lab
from skimage.data import astronaut, chelsea, coffee, rocket
from skimage.metrics import structural_similarity

from bench_core.images import luminance
from bench_metrics.lab import PsnrAb, RmseAb
from bench_metrics.pixels import ArgmaxAccuracy, Mse
from bench_metrics.psnr import Psnr
from bench_metrics.ssim import Ssim
from bench_metrics.ssim_scgan import SsimScgan

PHOTO = astronaut()[20:180, 130:301]
NOISY = np.clip(PHOTO + np.random.default_rng(0).normal(0, 12, PHOTO.shape), 0, 255).astype(np.uint8)
GRAY = luminance(PHOTO).repeat(3, axis=2)
PIXELS = arrays(np.uint8, (6, 7, 3))


def scikit_image(estimate, reference, data_range):
    return structural_similarity(estimate / 255, reference / 255, data_range=data_range, channel_axis=2, win_size=7)


@pytest.mark.parametrize("estimate", [NOISY, GRAY, 255 - PHOTO, np.roll(PHOTO, 3, axis=1)])
def test_ssim_scgan_is_scikit_images_with_a_range_of_2(estimate):
    assert SsimScgan()(estimate, PHOTO).value == pytest.approx(scikit_image(estimate, PHOTO, 2), abs=1e-9)
    assert SsimScgan()(PHOTO, PHOTO.copy()).value == pytest.approx(1, abs=1e-12)


def test_ssim_scgan_of_flat_saturated_pictures_is_exact():
    white, black = np.full((9, 9, 3), 255, np.uint8), np.zeros((9, 9, 3), np.uint8)
    almost = white - np.eye(9, dtype=np.uint8)[:, :, None]
    assert SsimScgan()(almost, white).value == pytest.approx(scikit_image(almost, white, 2), abs=1e-9)
    assert SsimScgan()(black, white).value == pytest.approx(0.0004 / 1.0004, abs=1e-9)
    gray = SsimScgan()(almost[:, :, :1], white[:, :, :1]).value
    assert gray == pytest.approx(SsimScgan()(almost, white).value, abs=1e-12)


@pytest.mark.parametrize("photo", [PHOTO, coffee()[:150, :150], chelsea()[:150, :150]])
def test_ssim_scgan_is_above_ssim_on_photos_in_gray(photo):
    gray = luminance(photo).repeat(3, axis=2)
    assert SsimScgan()(gray, photo).value > scikit_image(gray, photo, 1)
    assert SsimScgan()(gray, photo).value > Ssim()(gray, photo).value


@settings(max_examples=30)
@given(PIXELS, PIXELS)
def test_mse_is_of_values_in_0_to_1_and_psnr_its_decibels(a, b):
    value = Mse()(a, b).value
    assert value == pytest.approx(np.mean((a / 255 - b / 255) ** 2), abs=1e-12)
    if value:
        assert Psnr()(a, b).value == pytest.approx(-10 * np.log10(value), abs=1e-9)
    assert "mse" not in Mse()(a, b).details  # that one is in 8-bit units, and would be pooled as such


@settings(max_examples=30)
@given(PIXELS, PIXELS)
def test_argmax_takes_the_first_of_equal_channels(a, b):
    expected = np.mean(
        [max(range(3), key=lambda c: (x[c], -c)) == max(range(3), key=lambda c: (y[c], -c)) for x, y in _each(a, b)]
    )
    assert ArgmaxAccuracy()(a, b).value == pytest.approx(expected)
    assert ArgmaxAccuracy()(a, a.copy()).value == 1


def _each(a, b):
    return zip(a.reshape(-1, 3).tolist(), b.reshape(-1, 3).tolist(), strict=True)


def test_a_gray_picture_says_red_everywhere():
    photo = rocket()[200:400, 200:400]
    share = float((photo.argmax(axis=2) == 0).mean())
    assert 0.05 < share < 0.95
    assert ArgmaxAccuracy()(luminance(photo).repeat(3, axis=2), photo).value == share
    even = photo // 2 * 2
    assert ArgmaxAccuracy()(even // 2, even).value == 1  # a common factor changes nothing


def test_rmse_ab_is_scikit_images_and_psnr_ab_its_decibels():
    for estimate in (NOISY, GRAY):
        error = (rgb2lab(estimate) - rgb2lab(PHOTO))[:, :, 1:]
        value = RmseAb()(estimate, PHOTO).value
        assert value == pytest.approx(np.sqrt((error**2).mean()), rel=1e-5)
        assert PsnrAb()(estimate, PHOTO).value == pytest.approx(20 * np.log10(255 / value), abs=1e-9)
    assert RmseAb()(PHOTO, PHOTO.copy()).value == 0
    assert RmseAb()(GRAY, 255 - GRAY).value < 0.01
