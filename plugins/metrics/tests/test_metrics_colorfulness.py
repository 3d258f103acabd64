"""What follows from the CCI: errors, ratios, and the distance of a whole set's distribution."""

import hashlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance
from skimage.data import astronaut

from bench_core.errors import CellFailure
from bench_core.task import COLORIZATION, INVERTIBLE_GRAYSCALE
from bench_metrics.color_sets import CciW1
from bench_metrics.colorfulness import Cci, CciAbsErr, CciRatio, ColorfulnessRatio, colorfulness

PHOTO = astronaut()
PALE = (PHOTO // 2 + PHOTO.mean(axis=2, keepdims=True) / 2).astype(np.uint8)
NUMBERS = st.lists(st.floats(0, 200, width=32), min_size=2, max_size=12)


def w1(estimates, references, images=None, seed=0):
    columns = [np.asarray(values, np.float64)[:, None] for values in (estimates, references)]
    return CciW1().compare(*columns, images or [f"{n}" for n in range(len(estimates))], seed)


def test_cci_of_a_known_photo():
    assert hashlib.sha256(PHOTO.tobytes()).hexdigest()[:16] == "a8c429c18afa7b0f"
    assert colorfulness(PHOTO) == pytest.approx(72.60516481885355, abs=1e-9)


RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def picture(*pixels):
    return np.array([pixels], np.uint8)


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        ([(200, 100, 50)] * 4, 42.42640687),
        ([RED, GREEN], 293.25),
        ([RED, GREEN, BLUE], 275.43147968),
        ([RED, GREEN, BLUE, WHITE], 238.53065841),
        ([(12, 12, 12), (200, 200, 200)], 0),
    ],
)
def test_cci_of_a_few_pixels(pixels, expected):
    """Signed differences and population deviations; with absolute differences the three primaries give 206.52."""
    assert colorfulness(picture(*pixels)) == pytest.approx(expected, abs=1e-8)
    assert colorfulness(picture(*pixels[::-1]).transpose(1, 0, 2)) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(("step", "natural"), [(20, 0.0), (24, 1.0), (28, 0.0)])
def test_cci_grows_in_proportion_to_chroma_through_its_range(step, natural):
    pixels = picture((128 + step, 128, 128), (128, 128, 128))
    assert colorfulness(pixels) == pytest.approx(0.72672208 * step, abs=1e-6)
    assert CciRatio()(pixels, picture(WHITE, WHITE)).value == natural
    assert colorfulness(pixels - 100) == pytest.approx(colorfulness(pixels), rel=1e-12)


def test_cci_abs_err_is_the_distance_of_two_figures():
    score = CciAbsErr()(PALE, PHOTO)
    assert score.details == {"cci": colorfulness(PALE), "cci_reference": colorfulness(PHOTO)}
    assert score.value == colorfulness(PHOTO) - colorfulness(PALE) > 10
    assert CciAbsErr()(PHOTO, PALE).value == score.value
    assert CciAbsErr()(PHOTO, PHOTO.copy()).value == 0


def test_colorfulness_ratio_says_which_way_colors_are_off():
    assert ColorfulnessRatio()(PALE, PHOTO).value == pytest.approx(0.5, abs=0.01)
    assert ColorfulnessRatio()(PHOTO, PALE).value == pytest.approx(2, abs=0.04)
    assert ColorfulnessRatio()(PHOTO, PHOTO.copy()).value == 1
    assert ColorfulnessRatio()(PHOTO * 0, PHOTO).value == 0
    with pytest.raises(CellFailure, match="gray") as failure:
        ColorfulnessRatio()(PHOTO, PHOTO * 0 + 77)
    assert failure.value.status == "skipped_unsupported"


def test_figures_of_color_are_not_of_gray_carriers():
    for metric in (Cci, CciRatio, CciAbsErr, ColorfulnessRatio, CciW1):
        assert all(metric().scores(pair) for pair in COLORIZATION.pairs if pair.name == "colorized")
        assert not any(metric().scores(pair) for pair in INVERTIBLE_GRAYSCALE.pairs if pair.name == "grayscale")


@settings(max_examples=50)
@given(NUMBERS, st.randoms())
def test_w1_is_scipys_distance(values, random):
    others = [random.uniform(0, 200) for _ in values]
    assert w1(values, others).value == pytest.approx(wasserstein_distance(values, others), rel=1e-9, abs=1e-9)


@settings(max_examples=50)
@given(NUMBERS, st.randoms())
def test_w1_knows_distributions_only_and_is_at_most_the_mean_error(values, random):
    others = [random.uniform(0, 200) for _ in values]
    shuffled = random.sample(values, len(values))
    assert w1(shuffled, values).value == pytest.approx(0, abs=1e-9)
    errors = [abs(a - b) for a, b in zip(values, others, strict=True)]
    assert w1(values, others).value <= math.fsum(errors) / len(errors) + 1e-9
    assert w1([value + 5 for value in values], values).value == pytest.approx(5, abs=1e-4)


def test_images_weigh_the_same_however_many_repeats_each_has():
    estimates, references = [10, 50, 50, 50], [20, 20, 20, 20]
    images = ["a", "b", "b", "b"]
    expected = wasserstein_distance([10, 50], [20, 20])
    score = w1(estimates, references, images)
    assert score.value == pytest.approx(expected)
    assert score.details["n"] == 2


def test_the_interval_of_w1_comes_from_whole_images():
    generator = np.random.default_rng(4)
    references = generator.normal(40, 15, 60)
    estimates = references * 0.6 + generator.normal(0, 2, 60)
    score = w1(estimates, references)
    assert score.details["low"] < score.value < score.details["high"]
    assert score.details["n"] == 60
    assert w1(estimates, references) == score
    assert w1(estimates, references, seed=1).details != score.details
    # Repeats that say the same make nobody surer.
    images = [f"{n}" for n in range(60)] * 3
    tripled = w1(np.tile(estimates, 3), np.tile(references, 3), images)
    assert tripled.value == pytest.approx(score.value)
    width = score.details["high"] - score.details["low"]
    assert tripled.details["high"] - tripled.details["low"] == pytest.approx(width, rel=0.1)


def test_the_interval_of_w1_is_a_bootstrap():
    generator = np.random.default_rng(8)
    estimates, references = generator.normal(30, 10, 25), generator.normal(45, 10, 25)
    found = w1(estimates, references).details
    again = [
        wasserstein_distance(estimates[chosen], references[chosen]) for chosen in generator.integers(0, 25, (2000, 25))
    ]
    assert (found["low"], found["high"]) == pytest.approx(np.percentile(again, (2.5, 97.5)), rel=0.05)


def test_w1_does_not_depend_on_the_order_of_rows():
    generator = np.random.default_rng(9)
    estimates, references = generator.normal(30, 10, 30), generator.normal(35, 10, 30)
    images = [f"{n // 2:02}" for n in range(30)]
    order = generator.permutation(30)
    mixed = w1(estimates[order], references[order], [images[n] for n in order])
    straight = w1(estimates, references, images)
    assert mixed.value == pytest.approx(straight.value, abs=1e-12)
    for bound in ("low", "high"):
        assert mixed.details[bound] == pytest.approx(straight.details[bound], abs=1e-9)


def test_w1_describes_a_picture_by_its_colorfulness():
    assert CciW1().describe(PHOTO).tolist() == [colorfulness(PHOTO)]
    with pytest.raises(CellFailure):
        CciW1()(PHOTO, PHOTO)
