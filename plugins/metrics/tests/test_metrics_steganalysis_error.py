"""From a detector's scores to its error: exact on small examples, with intervals that may be believed."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_metrics.detector_error import area_under_curve, basic_interval, detection, resamples

FEW = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=12)


def named(n):
    return [f"image-{number:03}" for number in range(n)]


@settings(max_examples=40)
@given(FEW)
def test_every_figure_is_what_trying_all_thresholds_finds(pairs):
    stegos, covers = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    score = detection(stegos, covers, named(len(pairs)), seed=0)
    errors, found = [], []
    for threshold in np.arange(-1.5, 8):
        false_alarms, missed = (covers > threshold).mean(), (stegos <= threshold).mean()
        errors.append((false_alarms + missed) / 2)
        if false_alarms <= 0.01:
            found.append(1 - missed)
    assert score.value == pytest.approx(min(errors))
    assert score.details["tpr_at_fpr_1"] == pytest.approx(max(found))
    wins = [(s > c) + (s == c) / 2 for s in stegos for c in covers]
    assert score.details["auc"] == pytest.approx(np.mean(wins)) == area_under_curve(stegos, covers)
    assert 0 <= score.details["low"] <= score.value <= score.details["high"] <= 0.5
    json.dumps(score.details, allow_nan=False)


def test_what_differs_in_nothing_is_at_chance_exactly():
    scores = np.random.default_rng(0).normal(size=50)
    score = detection(scores, scores.copy(), named(50), seed=3)
    assert (score.value, score.details["low"], score.details["high"]) == (0.5, 0.5, 0.5)
    assert score.details["auc"] == 0.5


def test_a_detector_that_is_always_wrong_is_not_turned_around():
    covers = np.arange(20.0)
    score = detection(covers - 100, covers, named(20), seed=0)
    assert (score.value, score.details["auc"], score.details["tpr_at_fpr_1"]) == (0.5, 0, 0)


def test_no_error_seen_is_not_no_error():
    for n, high in ((10, 0.17), (100, 0.02)):
        covers = np.arange(n) / n
        score = detection(covers + 2, covers, named(n), seed=0)
        assert (score.value, score.details["low"], score.details["tpr_at_fpr_1"]) == (0, 0, 1)
        assert score.details["high"] == pytest.approx(high, abs=0.01)


def test_one_percent_of_false_alarms_needs_a_hundred_covers():
    covers, stegos = np.arange(100.0), np.full(100, 98.5)
    assert detection(stegos, covers, named(100), 0).details["tpr_at_fpr_1"] == 1
    assert detection(stegos[1:], covers[1:], named(99), 0).details["tpr_at_fpr_1"] == 0


@given(FEW, st.randoms(use_true_random=False))
@settings(max_examples=20)
def test_the_order_of_rows_and_the_names_of_images_do_not_matter(pairs, random):
    stegos, covers = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    order = list(range(len(pairs)))
    random.shuffle(order)
    images = named(len(pairs))
    shuffled = detection(stegos[order], covers[order], [images[index] for index in order], seed=5)
    assert shuffled == detection(stegos, covers, images, seed=5)


def test_the_interval_comes_from_the_seed_and_from_images_not_rows():
    rng = np.random.default_rng(1)
    covers, stegos = rng.normal(size=40), rng.normal(size=40) + 1
    once = detection(stegos, covers, named(40), seed=0)
    assert once == detection(stegos, covers, named(40), seed=0)
    found = [detection(stegos, covers, named(40), seed=seed).details for seed in range(8)]
    assert len({(details["low"], details["high"]) for details in found}) > 1
    # Ten repeats of every image are not ten times as many images.
    many = detection(np.repeat(stegos, 10), np.repeat(covers, 10), np.repeat(named(40), 10), seed=0)
    assert many.details["n"] == 40
    for key in ("low", "high", "auc", "significant_below"):
        assert many.details[key] == pytest.approx(once.details[key])


def test_of_guessing_detectors_nearly_all_intervals_hold_one_half_and_few_are_significant():
    n, holds, significant, percentile = 40, 0, 0, 0
    rng = np.random.default_rng(2)
    for seed in range(60):
        stegos, covers = rng.normal(size=(2, n))
        score = detection(stegos, covers, named(n), seed)
        holds += score.details["high"] == 0.5
        significant += score.value < score.details["significant_below"]
        percentile += 2 * score.value - score.details["low"] >= 0.4999  # mirrored back: the naive interval's upper end
    assert holds >= 50
    assert percentile <= 30
    assert significant <= 6


def test_intervals_of_a_detector_that_sees_something_hold_its_true_error():
    n, shift, holds = 60, 2.0, 0
    true = (1 - math.erf(shift / 2 / math.sqrt(2))) / 2
    rng = np.random.default_rng(3)
    for seed in range(50):
        score = detection(rng.normal(size=n) + shift, rng.normal(size=n), named(n), seed)
        holds += score.details["low"] <= true <= score.details["high"]
    assert holds >= 40  # nominally 95 %; over many seeds it is about 91 %


def test_resamples_draw_n_images_each_and_all_images_alike():
    pieces = list(resamples(500, seed=4))
    drawn = np.concatenate(pieces)
    assert len(pieces) > 1
    assert drawn.shape == (10_000, 500)
    assert (drawn.sum(axis=1) == 500).all()
    assert drawn.mean(axis=0) == pytest.approx(np.ones(500), abs=0.06)


def test_a_basic_interval_is_the_percentiles_mirrored():
    resampled = np.linspace(0.1, 0.2, 1001)
    assert basic_interval(0.16, resampled, 0, 0.5) == pytest.approx((0.1225, 0.2175))
    assert basic_interval(0.02, resampled, 0, 0.5) == (0, 0.02)
    assert basic_interval(0.49, resampled, 0, 0.5) == (0.49, 0.5)
