import math
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from skimage.data import astronaut

from bench_core.grammar import parse_channels
from bench_core.images import luminance
from bench_core.plugins import registry
from bench_core.randomness import keyed_generator
from bench_degradations import golden
from bench_degradations.noise import Gaussian, Poisson


def channel(spec):
    (found,) = parse_channels([spec], registry().degradations, presets={})
    return found


def rng(image="a"):
    return keyed_generator(0, image, 0, "test", 0)


def flat(level, side=512, channels=1):
    return np.full((side, side, channels), level, np.uint8)


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


@pytest.mark.parametrize("sigma", [1, 5, 10, 25])
def test_gaussian_statistics_on_mid_gray(sigma):
    out = Gaussian(sigma=sigma).apply(flat(128), rng()).image.astype(float)
    assert out.mean() == pytest.approx(128, rel=0.01)
    # Rounding to whole levels adds the variance of a uniform error, 1/12.
    assert out.var() == pytest.approx(sigma**2 + 1 / 12, rel=0.01)


@pytest.mark.parametrize("peak", [30, 60, 255, 1000])
def test_poisson_statistics_on_mid_gray(peak):
    out = Poisson(peak=peak).apply(flat(128), rng()).image.astype(float)
    # The levels that photon counts fall on are 255 / peak apart; those of 255 photons are whole already.
    rounding = 0 if peak == 255 else 1 / 12
    assert out.mean() == pytest.approx(128, rel=0.01)
    assert out.var() == pytest.approx(128 * 255 / peak + rounding, rel=0.01)


@pytest.mark.parametrize("peak", [1, 30, 255, 1000])
@pytest.mark.parametrize("level", [1, 64, 200, 255])
def test_poisson_has_the_distribution_it_should(level, peak):
    """Against the exact distribution of a rounded and clipped count, ends of the scale included."""
    out = Poisson(peak=peak).apply(flat(level, 300), rng()).image
    counts = np.arange(2000)
    mean = level / 255 * peak
    weights = np.exp([count * math.log(mean) - mean - math.lgamma(count + 1) for count in counts.tolist()])
    expected = np.bincount(np.rint(np.clip(counts / peak * 255, 0, 255)).astype(int), weights, 256)
    found = np.bincount(out.ravel(), minlength=256) / out.size
    # The total variation between 90,000 draws and their law is near sqrt(levels / draws) / 2.
    assert np.abs(found - expected).sum() / 2 < 0.025


def test_psnr_on_a_photo_is_what_was_published():
    photo = astronaut()[::2, ::2]
    assert psnr(Gaussian(sigma=1).apply(photo, rng()).image, photo) == pytest.approx(47.81, abs=0.3)
    assert psnr(Gaussian(sigma=10).apply(photo, rng()).image, photo) == pytest.approx(28.29, abs=0.4)
    assert 25.8 < psnr(Poisson().apply(photo, rng()).image, photo) < 31


def test_more_noise_is_less_psnr():
    photo = astronaut()[::4, ::4]
    for degradations in (
        [Gaussian(sigma=sigma) for sigma in (0.5, 1, 2, 5, 10, 25, 50, 100, 255)],
        [Poisson(peak=peak) for peak in (6000, 1000, 255, 100, 60, 30, 5, 1)],
    ):
        figures = [psnr(degradation.apply(photo, rng()).image, photo) for degradation in degradations]
        assert figures == sorted(figures, reverse=True)


def test_no_noise_is_identity():
    photo = astronaut()[::4, ::4]
    assert np.array_equal(Gaussian(sigma=0).apply(photo, rng()).image, photo)
    assert not Poisson().apply(flat(0), rng()).image.any()


def test_noise_is_clipped_not_wrapped():
    dark, light = (Gaussian(sigma=5).apply(flat(level), rng()).image for level in (0, 255))
    assert dark.max() < 60
    assert light.min() > 195
    # Half of the samples stay at the end of the scale.
    assert np.mean(dark == 0) == pytest.approx(0.54, abs=0.01)


def test_the_noise_field_does_not_depend_on_the_carrier():
    first, second = (Gaussian(sigma=3).apply(flat(level), rng()).image.astype(int) - level for level in (100, 150))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("degradation", [Gaussian(sigma=10), Poisson()], ids=repr)
def test_channels_and_pixels_are_independent(degradation):
    noise = degradation.apply(flat(128, 256, 3), rng()).image.astype(float) - 128
    planes = np.corrcoef(noise.reshape(-1, 3).T)
    assert np.abs(planes - np.eye(3)).max() < 0.02
    assert abs(np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]) < 0.02


@pytest.mark.parametrize("degradation", [Gaussian(sigma=10, gray=True), Poisson(gray=True)], ids=repr)
def test_gray_noise_is_one_plane(degradation):
    color = np.empty((200, 200, 3), np.uint8)
    color[:] = (90, 120, 150)
    noise = degradation.apply(color, rng()).image.astype(int) - color
    # Adding a fraction to different whole levels may round to different sides of an exact half only.
    assert np.abs(noise - noise[..., :1]).max() <= 1
    assert np.mean(noise == noise[..., :1]) > 0.99
    assert noise.std() > 5


def test_gray_poisson_counts_on_the_luma():
    color = np.empty((300, 300, 3), np.uint8)
    color[:] = (30, 120, 200)
    luma = float(luminance(color)[0, 0, 0])
    noise = Poisson(gray=True).apply(color, rng()).image[..., 1].astype(float) - 120
    assert noise.var() == pytest.approx(luma, rel=0.03)
    gray = color[..., :1]
    assert np.array_equal(Poisson(gray=True).apply(gray, rng()).image, Poisson().apply(gray, rng()).image)


NOISES = ["gaussian:10", "gaussian:10,gray=1", "poisson", "poisson:30,gray=1", "jpeg:80+gaussian:10"]


@pytest.mark.parametrize("spec", NOISES)
@pytest.mark.parametrize("shape", [(1, 1, 1), (7, 5, 3), (17, 33, 1), (33, 1, 3)], ids=str)
def test_any_shape_is_kept(spec, shape):
    image = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    before = image.copy()
    out = channel(spec).send(image, 0, "a").image
    assert (out.shape, out.dtype) == (shape, np.uint8)
    assert np.array_equal(image, before)


PIXELS = {
    "gaussian:10": ("3aa8fe2a30d2a273", "651d8696dd3374b6"),
    "gaussian:10,gray=1": ("7aab1d91ccc97f7c", "f0da046158055650"),
    "poisson": ("4c2ecb2579c6992e", "114140f3719b9f75"),
    "poisson:30,gray=1": ("b407a433403646be", "88085198deb16058"),
    "jpeg:80+gaussian:10": ("d0b3060517b1f7f2", "c26335280dab34b9"),
}


@pytest.mark.parametrize("spec", NOISES)
def test_golden_pixels(spec):
    """Of numpy 2's generators; a new distribution algorithm in numpy would show here."""
    found = [golden.digest(channel(spec).send(golden.pattern(n), 7, "photos/a.png", 1).image)[:16] for n in (1, 3)]
    assert tuple(found) == PIXELS[spec]


IMAGES = {f"{n}.png": np.random.default_rng(n).integers(0, 256, (9 + n, 16, 3), dtype=np.uint8) for n in range(8)}


def hashes(spec, names, workers=0):
    one = channel(spec)
    if not workers:
        return {name: golden.digest(one.send(IMAGES[name], 5, name, 0).image) for name in names}
    with ThreadPoolExecutor(workers) as pool:
        return dict(zip(names, pool.map(lambda name: hashes(spec, [name])[name], names), strict=True))


@pytest.mark.parametrize("spec", [*NOISES, "gaussian:3+webp:60+poisson"])
def test_order_and_workers_change_nothing(spec):
    names = list(IMAGES)
    expected = hashes(spec, names)
    shuffled = random.Random(3).sample(names, len(names))
    assert hashes(spec, shuffled) == expected
    assert hashes(spec, names[3:5]) == {name: expected[name] for name in names[3:5]}
    assert hashes(spec, shuffled, workers=4) == expected


def test_another_process_gives_the_same():
    code = (
        "import numpy as np; from bench_core.grammar import *; from bench_core.plugins import registry;"
        "from bench_degradations import golden;"
        "c, = parse_channels(['gaussian:3+webp:60+poisson'], registry().degradations, presets={});"
        "print(golden.digest(c.send(golden.pattern(3), 5, 'a', 2).image))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = channel("gaussian:3+webp:60+poisson").send(golden.pattern(3), 5, "a", 2).image
    assert result.stdout.strip() == golden.digest(here)


@pytest.mark.parametrize("tail", ["jpeg:80", "gaussian:10", "poisson", "identity"])
def test_a_stage_more_leaves_the_stages_before_as_they_were(tail):
    image = golden.pattern(3)
    short = channel("gaussian:10+webp:60").send(image, 1, "a")
    whole = channel(f"gaussian:10+webp:60+{tail}")
    last = whole.stages[-1].apply(short.image, keyed_generator(1, "a", 2, whole.stages[-1].id, 0)).image
    assert np.array_equal(whole.send(image, 1, "a").image, last)


def test_seed_image_stage_and_repeat_give_other_noise():
    image = flat(128, 16)
    one = channel("gaussian:10")
    outs = [one.send(image, *key).image for key in ((0, "a", 0), (1, "a", 0), (0, "b", 0), (0, "a", 1))]
    outs.append(channel("identity+gaussian:10").send(image, 0, "a").image)
    outs.append(channel("gaussian:10.5").send(image, 0, "a").image)
    assert len({golden.digest(out) for out in outs}) == 6
    assert one.stochastic
    assert not channel("jpeg:80+webp:60").stochastic
    assert np.array_equal(*(channel("jpeg:80").send(golden.pattern(3), seed, "a").image for seed in (0, 1)))


def test_chains_do_not_commute():
    photo = astronaut()[::2, ::2]
    noise_first, jpeg_first = (
        psnr(channel(spec).send(photo, 0, "a").image, photo) for spec in ("gaussian:10+jpeg:80", "jpeg:80+gaussian:10")
    )
    assert noise_first > jpeg_first + 1


@pytest.mark.parametrize(("spec", "sd"), [("gaussian:10", 10.0), ("uniform:10", 10 / 3**0.5), ("poisson", 255**0.5)])
def test_behind_an_unrounded_container_noise_is_neither_clipped_nor_rounded(spec, sd):
    from bench_core.grammar import parse_channels
    from bench_core.plugins import registry

    white = np.full((200, 200, 3), 255, np.uint8)
    (channel,) = parse_channels([f"float+{spec}"], registry().degradations)
    exact = channel.send(white, 0, "white").exact * 255
    assert exact.mean() == pytest.approx(255, abs=0.2)
    assert exact.std() == pytest.approx(sd, rel=0.02)
    assert exact.max() > 260
    if spec != "poisson":  # photons of a peak of 255 are whole levels
        assert np.abs(exact - np.rint(exact)).mean() > 0.2
    (rounded,) = parse_channels([spec], registry().degradations)
    assert rounded.send(white, 0, "white").image.std() < 0.7 * sd


def test_less_light_than_none_gives_no_photons():
    from bench_degradations.noise import Poisson

    levels = np.full((4, 4, 1), -3.0, np.float32)
    assert (Poisson().apply_exact(levels, np.random.default_rng(0)) == 0).all()
