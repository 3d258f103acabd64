"""The other PSNRs that published figures are made with, each against its own definition."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.color import rgb2lab, rgb2ycbcr
from skimage.data import astronaut
from skimage.metrics import peak_signal_noise_ratio

from bench_core.plan import create_metrics
from bench_core.plugins import registry
from bench_core.statistics import Cell, summarize
from bench_metrics.lab import PsnrAb, PsnrLabA, PsnrLabB, PsnrLabL
from bench_metrics.lab8 import PsnrLab8A, PsnrLab8B, PsnrLab8L
from bench_metrics.psnr import Psnr, PsnrChannelMean, PsnrY, PsnrYBt601, PsnrYBt601Rounded

PHOTO = astronaut()[20:161, 130:301]
NOISY = np.clip(PHOTO + np.random.default_rng(3).normal(0, 8, PHOTO.shape), 0, 255).astype(np.uint8)
PICTURES = arrays(np.uint8, (7, 5, 3))


def decibels(mse):
    return 10 * math.log10(255**2 / mse)


def test_studio_luma_is_matlabs_and_1_322_decibels_above_full_range():
    studio = [rgb2ycbcr(picture)[:, :, 0] for picture in (NOISY, PHOTO)]  # scikit-image's is the studio range
    value = PsnrYBt601()(NOISY, PHOTO).value
    assert value == pytest.approx(peak_signal_noise_ratio(studio[1], studio[0], data_range=255), abs=1e-9)
    assert value - PsnrY()(NOISY, PHOTO).value == pytest.approx(20 * math.log10(255 / 219), abs=1e-9)
    rounded = PsnrYBt601Rounded()(NOISY, PHOTO)
    assert rounded.details["mse"] == pytest.approx(np.mean((np.rint(studio[1]) - np.rint(studio[0])) ** 2), rel=1e-12)
    assert rounded.value == pytest.approx(decibels(rounded.details["mse"]), abs=1e-9)
    assert rounded.value == pytest.approx(value, abs=0.15)


def test_studio_luma_has_its_footroom_and_its_swing():
    black, white = (np.full((4, 4, 3), level, np.uint8) for level in (0, 255))
    for metric in (PsnrYBt601(), PsnrYBt601Rounded()):
        assert metric(white, black).details["mse"] == pytest.approx(219**2, rel=1e-12)
    assert set(PsnrYBt601Rounded().prepare(black)) == {16.0}
    assert set(PsnrYBt601Rounded().prepare(white[:, :, :1])) == {235.0}


def test_a_step_too_small_for_8_bit_luma_is_lost_in_it():
    reference = np.full((4, 4, 3), 100, np.uint8)
    estimate = reference + np.array([0, 0, 1], np.uint8)
    assert PsnrYBt601()(estimate, reference).value > 60
    assert PsnrYBt601Rounded()(estimate, reference).details["identical"] is True


@settings(max_examples=25)
@given(PICTURES, PICTURES)
def test_the_mean_over_channels_is_never_below_psnr(estimate, reference):
    mean, together = PsnrChannelMean()(estimate, reference), Psnr()(estimate, reference)
    assert mean.details["mse"] == together.details["mse"]
    if together.value is not None and max(mean.value, together.value) < 100:
        assert mean.value >= together.value - 1e-9


def test_the_mean_over_channels_is_of_decibels():
    per_channel = [peak_signal_noise_ratio(PHOTO[:, :, c], NOISY[:, :, c], data_range=255) for c in range(3)]
    assert PsnrChannelMean()(NOISY, PHOTO).value == pytest.approx(np.mean(per_channel), abs=1e-9)
    gray = NOISY[:, :, :1], PHOTO[:, :, :1]
    assert PsnrChannelMean()(*gray) == Psnr()(*gray)


def test_a_channel_without_errors_counts_100_decibels():
    estimate = PHOTO.copy()
    estimate[:, :, 0] ^= 1  # an error of one everywhere in red
    score = PsnrChannelMean()(estimate, PHOTO)
    assert score.value == pytest.approx((decibels(1) + 200) / 3, abs=1e-9)
    assert score.details == {"mse": pytest.approx(1 / 3)}


def test_psnr_of_color_alone_pools_a_and_b():
    a, b = (metric()(NOISY, PHOTO).details["mse"] for metric in (PsnrLabA, PsnrLabB))
    score = PsnrAb()(NOISY, PHOTO)
    assert score.details["mse"] == pytest.approx((a + b) / 2, rel=1e-12)
    error = rgb2lab(NOISY)[:, :, 1:] - rgb2lab(PHOTO)[:, :, 1:]
    assert score.value == pytest.approx(decibels(np.mean(error**2)), abs=1e-4)


def test_psnr_of_color_does_not_see_lightness():
    gray = PHOTO[:, :, 1:2].repeat(3, axis=2)
    assert PsnrAb()(gray // 2, gray).details["mse"] < 1e-6
    assert PsnrAb()(gray[:, :, :1] // 2, gray[:, :, :1]).details["identical"] is True


@pytest.mark.parametrize(
    ("rounded", "exact"),
    [(PsnrLab8L, PsnrLabL), (PsnrLab8A, PsnrLabA), (PsnrLab8B, PsnrLabB)],
    ids=lambda metric: metric.name,
)
def test_8_bit_lab_is_lab_in_whole_numbers(rounded, exact):
    encoded = rgb2lab(PHOTO) * (2.55, 1, 1) + (0, 128, 128)
    channel = "lab".index(rounded.name[-1])
    assert np.abs(rounded().prepare(PHOTO) - encoded[:, :, channel]).max() < 2.5  # OpenCV's tables are that coarse
    assert rounded()(NOISY, PHOTO).value == pytest.approx(exact()(NOISY, PHOTO).value, abs=0.5)
    assert rounded().prepare(PHOTO).dtype == np.uint8


@settings(max_examples=25)
@given(PICTURES, PICTURES, st.integers(1, 3))
def test_pooled_is_what_the_name_of_the_group_promises(estimate, reference, shift):
    assert registry().metrics.group("psnr_pooled") == ("psnr",)
    (metric,) = create_metrics(["psnr_pooled"], registry()).values()
    scores = [metric(estimate, reference), metric(estimate, np.roll(estimate, shift, axis=0) ^ 1)]
    summary = summarize([Cell(f"{n}", score.value, details=score.details) for n, score in enumerate(scores)])
    mse = np.mean([score.details["mse"] for score in scores])
    assert summary.pooled == pytest.approx(decibels(mse), abs=1e-9)
    assert summary.pooled <= summary.mean + 1e-9
