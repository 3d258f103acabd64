"""The printer and the screen: coverage, tone, grain, stripes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from bench_capture import display, halftone, printer
from bench_capture.display import lit
from bench_capture.halftone import ANGLES, SurfaceCache, screen, threshold_surface
from bench_capture.printer import coverages, gain_tone, paper_grain
from bench_capture.severities import DISPLAYS, PRINTERS
from bench_capture.tone import display_to_linear, linear_to_srgb, srgb_to_linear

FREQUENCIES = [p.lpi / 400 for p in PRINTERS if p.lpi]


def rng(key=1):
    return np.random.Generator(np.random.Philox(key=key))


@pytest.mark.parametrize("frequency", FREQUENCIES)
@pytest.mark.parametrize("angle", ANGLES)
def test_a_tint_covers_its_share(frequency, angle):
    for coverage in (0.0, 0.02, 0.1, 0.25, 0.4, 0.5, 0.65, 0.8, 0.97, 1.0):
        dots = screen(np.full((80, 80), coverage, np.float32), 4, frequency, angle)
        exact = coverage in (0.0, 1.0)
        assert dots.mean() == pytest.approx(coverage, abs=1e-6 if exact else 0.012), coverage


def test_the_screen_has_dots_where_they_are_coarse_enough_and_its_angle():
    tint = np.full((64, 64), 0.5, np.float32)
    assert screen(tint, 4, 100 / 400, 15.0).std() > 0.15
    spectrum = np.abs(np.fft.fft2(threshold_surface(512, 512, 0.125, 15.0) - 0.5))
    y, x = np.unravel_index(spectrum.argmax(), spectrum.shape)
    frequency = np.fft.fftfreq(512)[[x, y]]
    assert np.hypot(*frequency) == pytest.approx(0.125, abs=0.002)
    assert np.rad2deg(np.arctan2(*np.abs(frequency[::-1]))) % 60 == pytest.approx(15, abs=1)


def test_thresholds_are_uniform():
    for frequency in FREQUENCIES:
        surface = threshold_surface(300, 301, frequency, 15.0)
        for level in (0.1, 0.5, 0.9):
            assert (surface < level).mean() == pytest.approx(level, abs=0.01)


def test_the_cache_changes_nothing_and_is_bounded(monkeypatch):
    tint = np.linspace(0, 1, 48 * 48, dtype=np.float32).reshape(48, 48)
    bare = screen(tint, 4, 0.3, 75.0)
    monkeypatch.setattr(halftone, "SURFACES", SurfaceCache(limit=0))
    without = [screen(tint, 4, 0.3, 75.0) for _ in range(2)]
    kept = SurfaceCache(limit=3 * 192 * 192 * 4)
    monkeypatch.setattr(halftone, "SURFACES", kept)
    within = [screen(tint, 4, 0.3, 75.0) for _ in range(2)]
    assert all(np.array_equal(bare, one) for one in (*without, *within))
    assert kept.get(192, 192, 0.3, 75.0) is kept.get(192, 192, 0.3, 75.0)
    for frequency in (0.1, 0.2, 0.3, 0.4, 0.35):
        kept.get(192, 192, frequency, 0.0)
    assert kept.bytes == kept.limit
    kept.get(999, 999, 0.3, 0.0)
    assert kept.bytes <= kept.limit


def test_the_cache_is_shared_between_threads():
    cache = SurfaceCache(limit=200_000)  # a few at a time: threads evict each other's

    def work(turn):
        return [cache.get(100, 100 + (turn + n) % 7, 0.3, 15.0).sum() for n in range(30)]

    alone = [[threshold_surface(100, 100 + (turn + n) % 7, 0.3, 15.0).sum() for n in range(30)] for turn in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == alone


@pytest.mark.parametrize("gain", [p.gain for p in PRINTERS])
def test_half_a_tone_gains_what_the_table_says(gain):
    assert gain_tone(np.full((1, 1), 0.5, np.float32), gain) == pytest.approx(0.5 + gain, abs=1e-6)
    assert gain_tone(np.array([[0.0, 1.0]], np.float32), gain) == pytest.approx(np.array([[0.0, 1.0]]))


def render(sheet, given, halftone=False):
    return np.stack(list(printer.render(sheet, replace(given, grain=0), halftone, rng())), axis=2)


def test_the_gain_of_a_printed_tint_is_of_its_halftone():
    gray = np.argmin(np.abs(srgb_to_linear(np.arange(256, dtype=np.uint8)) - 0.5))
    sheet = np.full((60, 60, 3), gray, np.uint8)
    given = PRINTERS[2]
    tone = [(given.white - render(sheet, given, dots).mean()) / (given.white - given.black) for dots in (False, True)]
    assert tone[0] == pytest.approx(0.5 + given.gain, abs=0.005)
    # Within dots there is nothing left to gain: a screen gains at their edges only.
    assert 0.5 + 0.5 * given.gain < tone[1] < tone[0]


def test_paper_and_solid_ink_have_their_reflectances():
    sheet = np.zeros((20, 20, 3), np.uint8)
    sheet[10:] = 255
    for given in PRINTERS:
        light = render(sheet, given, halftone=True)
        assert light[:24] == pytest.approx(given.black, abs=1e-6)
        assert light[-24:] == pytest.approx(given.white, abs=1e-6)


def test_inks_absorb_their_own_light_and_saturation_spares_luminance():
    red = np.array([[[255, 0, 0]]], np.uint8)
    assert coverages(red, 1.0) == pytest.approx(np.array([[[0, 1, 1]]]), abs=1e-6)
    color = np.array([[[200, 90, 30]]], np.uint8)
    weights = np.array([0.2126, 0.7152, 0.0722])
    lights = [1 - coverages(color, saturation) for saturation in (1.0, 0.8, 0.0)]
    luminances = [float((light @ weights).item()) for light in lights]
    assert luminances == pytest.approx([luminances[0]] * 3)
    assert np.ptp(lights[2]) < 1e-6 < np.ptp(lights[1]) < np.ptp(lights[0])


def test_grain_is_noise_about_nothing_with_two_scales():
    grain = paper_grain(800, 801, rng())
    assert grain.shape == (800, 801)
    assert abs(grain.mean()) < 0.02
    assert 0.5 < grain.std() < 1.1
    coarse = grain[:800, :800].reshape(100, 8, 100, 8).mean(axis=(1, 3))
    assert coarse.std() > 0.35  # specks alone would leave 0.25: their sum has the white noise's 2, over 8 pixels
    assert np.array_equal(paper_grain(9, 5, rng(3)), paper_grain(9, 5, rng(3)))


def test_a_screen_keeps_the_light_and_puts_it_into_stripes():
    sheet = np.full((7, 5, 3), 180, np.uint8)
    given = DISPLAYS[2]
    planes = list(display.render(sheet, given))
    light = given.black + (1 - given.black) * float(display_to_linear(sheet)[0, 0, 0]) + given.reflection
    for channel, plane in enumerate(planes):
        assert plane.shape == (63, 45)
        assert plane.mean() == pytest.approx(light, rel=1e-5)
        columns = plane.mean(axis=0).reshape(5, 3, 3).sum(axis=(0, 2))
        assert columns.argmax() == channel
        assert np.delete(columns, channel) == pytest.approx(15 * given.reflection, rel=1e-4)


def test_the_lit_share_of_samples():
    assert lit(4, 0.25, 1.0).tolist() == [0, 1, 1, 1]
    assert lit(3, 0.5, 0.75) == pytest.approx([0, 0.5, 0.25])
    for given in DISPLAYS:
        assert 0.6 <= given.fill_x * given.fill_y <= 0.7


def test_tone_curves_are_each_others_inverses():
    levels = np.arange(256, dtype=np.uint8)
    assert linear_to_srgb(srgb_to_linear(levels)) * 255 == pytest.approx(levels, abs=0.06)
    assert linear_to_srgb(np.array([-1.0, 2.0], np.float32)).tolist() == [0, 1]
