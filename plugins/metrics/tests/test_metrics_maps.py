"""Figures of label maps and of saliency maps."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import accuracy_score, fbeta_score, jaccard_score

from bench_core.errors import CellFailure
from bench_core.statistics import Cell, summarize
from bench_core.task import COLORIZATION
from bench_metrics.labels import VOID, MeanIou, PixelAccuracy
from bench_metrics.saliency import FbetaSaliency, MaeSaliency

LABELS = arrays(np.uint8, (5, 6, 1), elements=st.sampled_from([0, 1, 2, 9, 254, VOID]))
MAPS = arrays(np.uint8, (5, 6, 1))


def labels(*rows):
    return np.array(rows, np.uint8)[:, :, None]


def test_iou_of_a_map_that_can_be_counted():
    reference = labels([0, 0, 1, VOID], [0, 2, 1, VOID])
    estimate = labels([0, 1, 1, 7], [0, 3, 1, 0])
    score = MeanIou()(estimate, reference)
    assert score.details == {
        "intersection": {"0": 2, "1": 2, "2": 0, "3": 0},
        "union": {"0": 3, "1": 3, "2": 1, "3": 1},
    }
    assert score.value == pytest.approx((2 / 3 + 2 / 3) / 4)
    assert PixelAccuracy()(estimate, reference).value == 4 / 6
    json.dumps(score.details, allow_nan=False)


def test_void_is_wrong_in_an_estimate_but_no_class():
    reference, estimate = labels([1, 1, 1, 1]), labels([1, 1, VOID, VOID])
    assert MeanIou()(estimate, reference).value == 0.5
    assert MeanIou()(estimate, reference).details["union"] == {"1": 4}
    assert PixelAccuracy()(estimate, reference).value == 0.5


@settings(max_examples=60)
@given(LABELS, LABELS)
def test_labels_agree_with_scikit_learn(estimate, reference):
    known = reference != VOID
    if not known.any():
        return
    found, expected = estimate[known], reference[known]
    classes = sorted({*found.tolist(), *expected.tolist()} - {VOID})
    ious = jaccard_score(expected, found, labels=classes, average="macro", zero_division=0)
    assert MeanIou()(estimate, reference).value == pytest.approx(ious, abs=1e-12)
    assert PixelAccuracy()(estimate, reference).value == pytest.approx(accuracy_score(expected, found), abs=1e-12)
    for metric in (MeanIou(), PixelAccuracy()):
        assert metric(reference, reference.copy()).value == 1
        assert metric(estimate[::-1], reference[::-1]) == metric(estimate, reference)


@settings(max_examples=30)
@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=4))
def test_pooled_iou_is_that_of_all_pictures_in_one(pairs):
    pairs = [(estimate, reference) for estimate, reference in pairs if (reference != VOID).any()]
    if not pairs:
        return
    scores = [MeanIou()(*pair) for pair in pairs]
    cells = [Cell(str(index), score.value, details=score.details) for index, score in enumerate(scores)]
    together = MeanIou()(*(np.concatenate(side) for side in zip(*pairs, strict=True)))
    assert summarize(cells).pooled == pytest.approx(together.value, abs=1e-12)


@pytest.mark.parametrize("metric", [MeanIou, PixelAccuracy])
def test_what_is_no_label_map_has_no_figure(metric):
    good = labels([1, 2], [3, 4])
    assert metric()(good.repeat(3, axis=2), good.repeat(3, axis=2)).value == 1
    color = good.repeat(3, axis=2)
    color[0, 0] = (1, 2, 1)
    for estimate, reference, reason in [
        (color, good.repeat(3, axis=2), "one channel"),
        (good.repeat(3, axis=2), color, "one channel"),
        (good, good * 0 + VOID, "no labels"),
    ]:
        with pytest.raises(CellFailure, match=reason) as failure:
            metric()(estimate, reference)
        assert failure.value.status == "skipped_unsupported"


def test_each_kind_of_map_has_its_own_metrics():
    def scored(metric):
        return [pair.name for pair in COLORIZATION.pairs if metric().scores(pair)]

    assert scored(MeanIou) == scored(PixelAccuracy) == ["semantic"]
    assert scored(MaeSaliency) == scored(FbetaSaliency) == ["saliency"]
    assert (MeanIou.direction, PixelAccuracy.direction, MaeSaliency.direction) == ("higher", "higher", "lower")
    assert (MeanIou.worst, PixelAccuracy.worst, FbetaSaliency.worst, MaeSaliency.worst) == (0, 0, 0, None)


@settings(max_examples=60)
@given(MAPS, MAPS)
def test_saliency_agrees_with_plain_numpy_and_scikit_learn(estimate, reference):
    mae = MaeSaliency()(estimate, reference).value
    assert mae == pytest.approx(np.abs(estimate / 255 - reference / 255).mean(), abs=1e-12)
    assert mae == MaeSaliency()(reference, estimate).value
    found, expected = (estimate / 255 >= 0.5).ravel(), (reference / 255 >= 0.5).ravel()
    if found.any() and expected.any():
        score = FbetaSaliency()(estimate, reference)
        assert score.value == pytest.approx(fbeta_score(expected, found, beta=0.3**0.5, zero_division=0), abs=1e-12)
        assert score.details["recall"] == pytest.approx(found[expected].mean())


def test_saliency_at_its_ends():
    dark, light = np.zeros((4, 4, 1), np.uint8), np.full((4, 4, 1), 255, np.uint8)
    half = dark.copy()
    half[:2] = 128
    assert MaeSaliency()(dark, light).value == 1
    assert MaeSaliency()(half, half.copy()).value == 0
    assert FbetaSaliency()(half, half.copy()).value == 1
    assert FbetaSaliency()(half - 1, half - 1).value == pytest.approx(1)  # 127 is not salient, 255 (0 - 1) is
    assert FbetaSaliency()(half, light).value == pytest.approx(1.3 * 0.5 / (0.3 + 0.5))
    assert FbetaSaliency()(light, half).value == pytest.approx(1.3 * 0.5 / (0.3 * 0.5 + 1))
    assert FbetaSaliency()(dark, dark.copy()).value == 1
    assert FbetaSaliency()(half, dark).value == FbetaSaliency()(dark, half).value == 0
    assert FbetaSaliency()(half, 255 - half - 127).value == 0
