import numpy as np
import pytest

from bench_core.randomness import keyed_generator
from bench_degradations.noise import Speckle, Uniform
from bench_degradations.pixels import Impulse, SaltPepper


def rng(image="a"):
    return keyed_generator(0, image, 0, "test", 0)


def flat(level, side=1024, channels=1):
    return np.full((side, side, channels), level, np.uint8)


@pytest.mark.parametrize("std", [0.05, 0.15, 0.25])
def test_speckle_statistics_on_mid_gray(std):
    out = Speckle(std=std).apply(flat(128), rng()).image.astype(float)
    assert out.mean() == pytest.approx(128, rel=0.01)
    assert out.var() == pytest.approx((128 * std) ** 2 + 1 / 12, rel=0.01)


def test_speckle_grows_with_the_light():
    dark, light = (Speckle(std=0.1).apply(flat(level, 256), rng()).image.std() for level in (40, 160))
    assert light == pytest.approx(4 * dark, rel=0.02)
    assert not Speckle(std=0.5).apply(flat(0, 8), rng()).image.any()


@pytest.mark.parametrize("amplitude", [3, 10, 100])
def test_uniform_statistics_on_mid_gray(amplitude):
    out = Uniform(amplitude=amplitude).apply(flat(128), rng()).image.astype(float)
    assert out.mean() == pytest.approx(128, rel=0.01)
    # Of whole levels, those at both ends have half of the others' share.
    levels = np.arange(-amplitude, amplitude + 1)
    shares = np.where(np.abs(levels) == amplitude, 0.5, 1) / (2 * amplitude)
    assert out.var() == pytest.approx((shares * levels**2).sum(), rel=0.01)
    assert (out.min(), out.max()) == (128 - amplitude, 128 + amplitude)


@pytest.mark.parametrize("fraction", [0.01, 0.05, 0.27, 1])
@pytest.mark.parametrize("make", [SaltPepper, Impulse], ids=lambda kind: kind.name)
def test_salt_and_pepper_strike_their_share(make, fraction):
    out = make(fraction=fraction).apply(flat(128, 2048), rng()).image
    black, white = (float(np.mean(out == level)) for level in (0, 255))
    assert black + white == pytest.approx(fraction, rel=0.01)
    assert black == pytest.approx(fraction / 2, rel=0.02)
    assert np.isin(out, (0, 128, 255)).all()


def test_pepper_strikes_whole_pixels_or_single_samples():
    image = flat(128, 256, 3)
    pixels = SaltPepper(fraction=0.3).apply(image, rng()).image
    assert np.array_equal(pixels, pixels[..., :1].repeat(3, axis=2))
    samples = SaltPepper(fraction=0.3, per="sample").apply(image, rng()).image
    struck = samples != 128
    assert np.corrcoef(struck[..., 0].ravel(), struck[..., 1].ravel())[0, 1] == pytest.approx(0, abs=0.02)
    assert np.array_equal(Impulse(fraction=0.3).apply(image, rng()).image, samples)


@pytest.mark.parametrize("degradation", [Speckle(std=0.1), Uniform(amplitude=20)], ids=repr)
def test_gray_noise_is_one_plane(degradation):
    image = flat(100, 128, 3)
    assert len(np.unique(degradation.apply(image, rng()).image.std(axis=2) == 0)) == 2
    one = type(degradation)(**{**degradation.values, "gray": True}).apply(image, rng()).image
    assert not one.std(axis=2).any()


@pytest.mark.parametrize("degradation", [SaltPepper(fraction=0.1), Uniform(amplitude=9)], ids=repr)
def test_the_noise_does_not_depend_on_the_carrier(degradation):
    first, second = (degradation.apply(flat(level, 64), rng()).image.astype(int) - level for level in (100, 150))
    assert np.array_equal(first == 0, second == 0)
