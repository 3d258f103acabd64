"""Untrained detectors against their definitions, and what they see of three ways to hide."""

import itertools
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import chi2
from skimage.data import astronaut, coffee, rocket
from steganalysis_photos import covers, matched, names, replaced, scored

from bench_core.errors import CellFailure
from bench_core.metric import SetMetric
from bench_metrics.detector_lsb import chi_square, regular_singular, sample_pairs, smaller_root
from bench_metrics.steganalysis import SMALLEST, Steg0, Steg1, StegChi2, StegHist, StegRs, StegSpa

UNTRAINED = (StegRs, StegSpa, StegChi2, Steg0)
ALL = (*UNTRAINED, StegHist, Steg1)
ESTIMATES = (regular_singular, sample_pairs, chi_square)
SMALL = st.tuples(st.integers(4, 7), st.integers(4, 7), st.sampled_from([1, 3]))


def lines(picture):
    """Every line and every column of every channel, as plain numbers."""
    planes = [picture[:, :, channel].astype(int) for channel in range(picture.shape[2])]
    return [line.tolist() for plane in planes for view in (plane, plane.T) for line in view]


@settings(max_examples=50)
@given(*[st.floats(-5, 5).map(lambda x: round(x, 2)) for _ in range(3)])
def test_the_smaller_root_is_numpys(a, b, c):
    found = smaller_root(a, b, c)
    roots = np.roots([a, b, c])
    if a == 0 or np.iscomplex(roots).any():
        assert found == pytest.approx(roots[0].real if len(roots) else 0)
    else:
        assert a * found**2 + b * found + c == pytest.approx(0, abs=1e-6)
        assert abs(found) == pytest.approx(np.abs(roots).min(), abs=1e-6)


@settings(max_examples=30)
@given(SMALL.flatmap(lambda shape: arrays(np.uint8, shape)))
def test_rs_counts_regular_and_singular_groups_as_the_paper_says(picture):
    def flip(x):
        return x ^ 1

    def shifted(x):
        return flip(x + 1) - 1

    def imbalance(lsbs_flipped, change):
        total = 0
        for line in lines(picture ^ 1 if lsbs_flipped else picture):
            for a, b, c, d in zip(line, line[1:], line[2:], line[3:], strict=False):
                rough = abs(b - a) + abs(c - b) + abs(d - c)
                b, c = change(b), change(c)
                changed = abs(b - a) + abs(c - b) + abs(d - c)
                total += (changed > rough) - (changed < rough)
        return total

    d0, d1 = imbalance(False, flip), imbalance(True, flip)
    m0, m1 = imbalance(False, shifted), imbalance(True, shifted)
    p = regular_singular(picture)
    # The paper's equation in z, where p = z / (z - 1/2): multiplied by (p - 1)², so that z may be infinite.
    quadratic = 2 * (d1 + d0) * (p / 2) ** 2 + (m0 - m1 - d1 - 3 * d0) * (p / 2) * (p - 1) + (d0 - m0) * (p - 1) ** 2
    scale = (1 + abs(p)) ** 2 * (1 + sum(map(abs, (d0, d1, m0, m1))))
    at = [
        2 * (d1 + d0) * (x / 2) ** 2 + (m0 - m1 - d1 - 3 * d0) * (x / 2) * (x - 1) + (d0 - m0) * (x - 1) ** 2
        for x in np.linspace(-50, 50, 5001)
    ]
    no_real_root = min(at) > 0 or max(at) < 0
    assert abs(quadratic) < 1e-9 * scale or no_real_root


@settings(max_examples=30)
@given(SMALL.flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(100, 110))))
def test_sample_pairs_solve_the_papers_equation(picture):
    x = y = kappa = total = 0
    for line in lines(picture):
        for u, v in itertools.pairwise(line):
            total += 1
            x += (v % 2 == 0 and u < v) or (v % 2 == 1 and u > v)
            y += (v % 2 == 0 and u > v) or (v % 2 == 1 and u < v)
            kappa += u // 2 == v // 2
    assert sample_pairs(picture) == pytest.approx(smaller_root(kappa / 2, 2 * x - total, y - x))


def test_chi_square_is_the_mean_p_value_over_growing_parts():
    picture = covers()[3][:40, :, :2]
    expected = []
    for channel, part in itertools.product(range(2), range(2, 41, 2)):
        even, odd = np.bincount(picture[:part, :, channel].ravel(), minlength=256).reshape(128, 2).T
        mean = (even + odd) / 2
        used = mean >= 5
        expected.append(chi2.sf(((even - mean)[used] ** 2 / mean[used]).sum(), used.sum() - 1))
    assert chi_square(picture) == pytest.approx(np.mean(expected))


@pytest.mark.parametrize("estimate", [regular_singular, sample_pairs])
@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_estimates_are_the_share_of_used_samples(estimate, share):
    before = np.array([estimate(picture) for picture in covers()])
    after = np.array([estimate(picture) for picture in replaced(covers(), share)])
    # What a cover gives by mistake fades as its bits are replaced.
    assert np.median(after - (share + (1 - share) * before)) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("photo", [astronaut(), coffee(), rocket()], ids=["astronaut", "coffee", "rocket"])
@pytest.mark.parametrize("share", [0, 0.25, 0.5, 0.75, 1])
def test_chi_square_is_about_the_part_that_a_message_fills_from_the_top(photo, share):
    filled = round(share * len(photo))
    container = np.concatenate([replaced(photo[:filled], 1), photo[filled:]])
    assert chi_square(container) == pytest.approx(share, abs=0.15)


@pytest.mark.parametrize("estimate", ESTIMATES)
@pytest.mark.parametrize("shape", [(SMALLEST, SMALLEST, 1), (17, 31, 3), (19, 64, 1)])
def test_estimates_are_finite_numbers_for_any_picture(estimate, shape):
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    for picture in (np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8), noise, noise // 128 * 255):
        assert np.isfinite(estimate(picture))
    assert 0 <= chi_square(noise) <= 1


@pytest.mark.parametrize("metric", UNTRAINED)
def test_replaced_bits_are_found(metric):
    score = scored(metric, replaced(covers(), 1))
    assert score.value < 0.1
    assert score.details["auc"] > 0.9
    assert score.details["high"] < score.details["significant_below"]


def test_fewer_replaced_bits_are_harder_to_find():
    errors = [scored(Steg0, replaced(covers(), share)).value for share in (0.05, 0.2, 0.5, 1)]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 0.25


@pytest.mark.parametrize("metric", UNTRAINED)
def test_unchanged_covers_are_at_chance_exactly(metric):
    score = scored(metric, covers().copy())
    assert (score.value, score.details["low"], score.details["high"]) == (0.5, 0.5, 0.5)


def test_a_picture_in_the_low_bits_blinds_the_untrained_but_moves_the_histogram():
    # Four bits of another photo, as the lsb baseline hides them: not random, so nothing evens out.
    stegos = (covers() & 0xF0) | (np.roll(covers(), 1, axis=0) >> 4)
    assert scored(Steg0, stegos).value > 0.4
    assert scored(StegHist, stegos).value > 0.05


def test_the_fused_score_tells_each_detectors_error():
    stegos = matched(covers(), 0.5)
    details = scored(Steg0, stegos).details
    assert (details["rs"], details["spa"], details["chi2"]) == tuple(
        scored(metric, stegos).value for metric in (StegRs, StegSpa, StegChi2)
    )


def test_the_histogram_distance_is_a_total_variation_distance():
    flat, stripes = np.full((20, 20, 1), 9, np.uint8), np.tile(np.array([[0], [200]], np.uint8), (10, 20))[..., None]
    one = StegHist()
    described = [np.stack([one.describe(picture)] * 10) for picture in (stripes, flat)]
    # Of 2·19·20 steps between neighbors the half, which go down the columns, leave 0; 10 of 19 up, 9 of 19 down.
    assert described[0][0][[0, 16, 32]] == pytest.approx([9 / 38, 1 / 2, 10 / 38])
    score = one.compare(*described, names(10), 0)
    assert (score.value, score.details["low"], score.details["high"]) == (0.5, 0.5, 0.5)
    same = one.compare(described[0], described[0], names(10), 0)
    assert (same.value, same.details) == (0, {"n": 10, "low": 0, "high": 0})


def test_the_histogram_moves_further_as_more_samples_change():
    scores = [scored(StegHist, matched(covers(), rate)) for rate in (0.02, 0.1, 0.5)]
    assert [score.value for score in scores] == sorted(score.value for score in scores)
    for score in scores:
        assert score.details["low"] <= score.value <= score.details["high"]


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_metric_takes_gray_and_odd_sizes_and_gives_strict_json(metric, channels):
    one = metric()
    pictures = covers()[:24, :31, :45, :channels]
    before = pictures.copy()
    described = [np.stack([one.describe(picture) for picture in part]) for part in (replaced(pictures, 1), pictures)]
    assert np.array_equal(pictures, before)
    assert described[0].shape == described[1].shape
    assert np.isfinite(described).all()
    score = one.compare(*described, names(24), seed=0)
    assert score == one.compare(*described, names(24), seed=0)
    json.dumps({"value": score.value, **score.details}, allow_nan=False)
    assert {"n", "low", "high"} <= set(score.details)


@pytest.mark.parametrize("metric", ALL)
def test_too_small_a_picture_is_told_so(metric):
    for shape in ((SMALLEST - 1, 40, 3), (40, SMALLEST - 1, 1), (1, 1, 1)):
        with pytest.raises(CellFailure, match=f"too_small: {metric.name} needs 16 pixels"):
            metric().describe(np.zeros(shape, np.uint8))
    metric().describe(np.zeros((SMALLEST, SMALLEST, 3), np.uint8))


@pytest.mark.parametrize("metric", ALL)
def test_the_harness_learns_what_it_needs(metric):
    assert issubclass(metric, SetMetric)
    assert metric.kind == "set"
    assert metric.pairs == ("container", "grayscale")
    assert metric.direction == ("lower" if metric is StegHist else "higher")
    assert metric.least == (20 if metric is Steg1 else 10)


def test_describing_pictures_imports_no_learning_library():
    code = """
import sys, numpy as np
from bench_metrics.steganalysis import Steg0, Steg1, StegHist
for metric in (Steg0, Steg1, StegHist): metric().describe(np.zeros((32, 32, 3), np.uint8))
assert not {"sklearn", "torch", "pandas", "scipy.stats"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
