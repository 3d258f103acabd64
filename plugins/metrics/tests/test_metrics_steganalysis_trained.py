"""The trained detector: its features, its splits by image, and what it sees."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from steganalysis_photos import covers, described, described_covers, matched, names, replaced, scored

from bench_metrics import detector_folds
from bench_metrics.detector_error import detection
from bench_metrics.detector_folds import FOLDS, folds, held_out_scores
from bench_metrics.detector_rich import features
from bench_metrics.steganalysis import Steg0, Steg1

SMALL = st.tuples(st.integers(6, 12), st.integers(6, 12), st.sampled_from([1, 3]))
PICTURES = SMALL.flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(97, 103)))
ROWS = st.lists(st.sampled_from([f"image-{number}" for number in range(25)]), min_size=1, max_size=60)

# Where each residual's triples stand in the vector of a color picture: along, across, over the channels.
LAYOUT = {"first": (39, 39, 63), "second": (39, 39, 63), "third": (39, 39, 63), "square": (39, 63)}


def blocks(vector, color):
    """The vector, cut into its histograms."""
    sizes = [size for kinds in LAYOUT.values() for size in kinds if color or size == 39]
    assert len(vector) == sum(sizes)
    return np.split(vector, np.cumsum(sizes)[:-1])


@settings(max_examples=20)
@given(PICTURES)
def test_features_are_roots_of_frequencies(picture):
    vector = features(picture)
    assert vector.dtype == np.float32
    assert len(vector) == (525 if picture.shape[2] == 3 else 273)
    for block in blocks(vector, picture.shape[2] == 3):
        assert np.square(block.astype(float)).sum() == pytest.approx(1, abs=1e-5)


@settings(max_examples=20)
@given(PICTURES)
def test_features_do_not_change_with_mirrors_turns_and_negatives(picture):
    same = [picture[::-1], picture[:, ::-1], picture.swapaxes(0, 1), 255 - picture]
    for other in same:
        assert features(np.ascontiguousarray(other)) == pytest.approx(features(picture), abs=1e-6)
    brighter = (picture + np.uint8(40)).astype(np.uint8)
    assert np.array_equal(features(brighter), features(picture))


@settings(max_examples=15)
@given(PICTURES)
def test_triples_of_second_differences_are_counted_as_said(picture):
    planes = [picture[:, :, channel].astype(int) for channel in range(picture.shape[2])]
    along, across = Counter(), Counter()
    for view in (view.tolist() for plane in planes for view in (plane, plane.T)):
        levels = [
            [max(-2, min(2, round((a - 2 * b + c) / 2))) for a, b, c in zip(line, line[1:], line[2:], strict=False)]
            for line in view
        ]
        down = [list(column) for column in zip(*levels, strict=True)]
        for found, rows in ((along, levels), (across, down)):
            for row in rows:
                for triple in zip(row, row[1:], row[2:], strict=False):
                    negative = tuple(-value for value in triple)
                    found[min(triple, triple[::-1], negative, negative[::-1])] += 1
    color = picture.shape[2] == 3
    vector = blocks(features(picture), color)
    for found, block in ((along, vector[3 if color else 2]), (across, vector[4 if color else 3])):
        expected = sorted(np.sqrt(count / found.total()) for count in found.values())
        assert sorted(block[block > 0].tolist()) == pytest.approx(expected, abs=1e-6)


def test_the_square_filter_is_ker_and_boehmes():
    from bench_metrics.detector_rich import _square

    point = np.zeros((5, 5, 1), np.int16)
    point[2, 2] = 1
    assert _square(point)[:, :, 0].tolist() == [[-1, 2, -1], [2, -4, 2], [-1, 2, -1]]


def test_triples_over_channels_see_what_no_channel_shows_alone():
    rng = np.random.default_rng(0)
    plane = rng.integers(100, 103, (40, 40), dtype=np.uint8)
    others = [rng.permuted(plane.ravel()).reshape(plane.shape) for _ in range(2)]
    gray, mixed = np.stack([plane] * 3, axis=2), np.stack([plane, *others], axis=2)
    vectors = [blocks(features(picture), True) for picture in (gray, mixed)]
    apart = [np.abs(a - b).sum() for a, b in zip(*vectors, strict=True)]
    assert min(apart[2], apart[5], apart[8], apart[10]) > 3 * max(apart[0], apart[1])


@given(ROWS, st.integers(0, 5), st.randoms(use_true_random=False))
def test_all_rows_of_an_image_are_in_one_fold_and_folds_are_even(images, seed, random):
    found = folds(images, seed)
    place = dict(zip(images, found, strict=True))
    assert [place[image] for image in images] == found.tolist()
    sizes = Counter(place.values())
    assert len(sizes) == min(FOLDS, len(place))
    assert max(sizes.values()) - min(sizes.values()) <= 1
    shuffled = random.sample(images, len(images))
    assert folds(shuffled, seed).tolist() == [place[image] for image in shuffled]


def test_folds_come_from_the_seed():
    assert len({tuple(folds(names(34), seed)) for seed in range(5)}) == 5


def test_one_up_or_down_is_found_though_the_untrained_see_little():
    stegos = matched(covers(), 0.5)
    score = scored(Steg1, stegos)
    assert score.value < 0.15
    assert score.details["high"] < score.details["significant_below"]
    assert scored(Steg0, stegos).value > 0.3
    facts = {key: score.details[key] for key in ("features", "folds", "n", "trained_on_this_method")}
    assert facts == {"features": 525, "folds": 10, "n": 34, "trained_on_this_method": True}


def test_replaced_bits_are_found_too():
    assert scored(Steg1, replaced(covers(), 1)).value < 0.1


@pytest.mark.parametrize("seed", range(3))
def test_unchanged_covers_are_at_chance_exactly(seed):
    score = scored(Steg1, covers().copy(), seed)
    assert (score.value, score.details["low"], score.details["high"], score.details["auc"]) == (0.5, 0.5, 0.5, 0.5)


def test_shuffled_labels_cannot_be_learned():
    one = Steg1()
    stegos, plain = described(one, matched(covers(), 0.5)), described_covers(Steg1)
    assert one.compare(stegos, plain, names(), 0).value < 0.15
    swapped = np.random.default_rng(0).random(len(plain)) < 0.5
    mixed = [np.where(swapped[:, None], *sides) for sides in ((stegos, plain), (plain, stegos))]
    score = one.compare(*mixed, names(), 0)
    assert score.value > score.details["significant_below"]
    assert score.details["high"] == 0.5


def repeated_noise(n=30, repeats=4, width=200):
    """Features without any trace of a message, but each image's rows are alike: (stegos, covers, images)."""
    rng = np.random.default_rng(0)
    images = np.repeat(names(n), repeats).tolist()
    sides = [np.repeat(rng.normal(size=(n, width)), repeats, axis=0) for _ in range(2)]
    return (*(side + rng.normal(scale=0.01, size=side.shape) for side in sides), images)


def test_a_split_by_row_would_leak_and_the_split_by_image_does_not(monkeypatch):
    score = Steg1().compare(*repeated_noise(), seed=0)
    assert score.value > 0.35
    assert score.details["n"] == 30
    # What the split protects from: repeats of one image on both sides, which the detector then knows by heart.
    monkeypatch.setattr(detector_folds, "folds", lambda images, seed: np.arange(len(images)) % FOLDS)
    assert Steg1().compare(*repeated_noise(), seed=0).value < 0.05


def test_held_out_rows_teach_nothing_not_even_their_scale():
    stegos, plain, images = repeated_noise(repeats=1, width=12)
    before = held_out_scores(stegos, plain, images, seed=1)
    fold = folds(images, seed=1)
    changed = int(np.flatnonzero(fold == 3)[0])
    stegos[changed], plain[changed] = 1e4, -1e4
    after = held_out_scores(stegos, plain, images, seed=1)
    companions = (fold == 3) & (np.arange(len(images)) != changed)
    assert companions.any()
    for old, new in zip(before, after, strict=True):
        assert np.array_equal(old[companions], new[companions])
        assert not np.allclose(old[fold != 3], new[fold != 3])


def test_the_order_of_rows_does_not_matter():
    one = Steg1()
    stegos, plain = described(one, matched(covers(), 0.1)), described_covers(Steg1)
    score = one.compare(stegos, plain, names(), 0)
    order = np.random.default_rng(1).permutation(len(plain))
    again = one.compare(stegos[order], plain[order], [names()[index] for index in order], 0)
    assert again.value == score.value
    assert again.details["auc"] == pytest.approx(score.details["auc"])
    scores = held_out_scores(stegos, plain, names(), 0)
    assert detection(*scores, names(), 0).value == score.value


def test_features_that_never_vary_are_no_trouble():
    stegos, plain, images = repeated_noise(repeats=1, width=6)
    stegos, plain = (np.hstack([side, np.full((len(side), 2), 0.25)]) for side in (stegos, plain))
    assert all(np.isfinite(scores).all() for scores in held_out_scores(stegos, plain, images, seed=0))
    flat = [np.full((64, 64, 3), value, np.uint8) for value in range(24)]
    vectors = described(Steg1(), flat)
    assert Steg1().compare(vectors, vectors.copy(), names(24), 0).value == 0.5


def test_each_kind_of_triple_is_counted_once():
    from bench_metrics.detector_rich import _merged

    triples = list(itertools.product(range(-2, 3), repeat=3))
    for mirrored, count in ((True, 39), (False, 63)):
        numbers = _merged(mirrored=mirrored)
        assert len(set(numbers)) == count
        kinds = {}
        for number, triple in zip(numbers, triples, strict=True):
            negative = tuple(-value for value in triple)
            alike = {triple, negative, triple[::-1], negative[::-1]} if mirrored else {triple, negative}
            assert kinds.setdefault(number, min(alike)) == min(alike)
