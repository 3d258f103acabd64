"""Finding what was tampered with: against brute force, and where there is nothing to find."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import uniform_filter
from skimage.data import astronaut
from sklearn.metrics import f1_score, roc_auc_score

from bench_core.errors import CellFailure
from bench_core.task import TASKS
from bench_metrics.tamper import TamperAuc, TamperF1, TamperIou, localize

METRICS = (TamperAuc, TamperF1, TamperIou)
WATERMARK = astronaut()[100:164, 100:172]
MASK = np.zeros((64, 72, 1), np.uint8)
MASK[10:40, 20:50] = 255


def revealed(seed=0, sigma=10, inside=60):
    """The watermark as it comes back: noisy, and noisier where the container was tampered with."""
    deviation = np.where(MASK > 0, inside, sigma)
    noise = np.random.default_rng(seed).normal(0, 1, WATERMARK.shape) * deviation
    return np.clip(WATERMARK + noise, 0, 255).astype(np.uint8)


def brute_force(estimate, reference, mask):
    """AUC by scikit-learn, the best F1 and IoU of every threshold."""
    errors = np.abs(estimate.astype(np.float64) - reference).mean(axis=2)
    levels = np.rint(uniform_filter(errors, 7, mode="mirror") * 49 * estimate.shape[2]).ravel()
    truth = mask.ravel() > 0
    found = [levels >= threshold for threshold in np.unique(levels)]
    f1 = max(2 * np.sum(truth & guess) / (truth.sum() + guess.sum()) for guess in found)
    iou = max(np.sum(truth & guess) / np.sum(truth | guess) for guess in found)
    return roc_auc_score(truth, levels), f1, iou


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("inside", [10, 14, 60])
def test_the_figures_are_those_of_brute_force(channels, inside):
    estimate, reference = revealed(inside=inside)[:24, :30, :channels], WATERMARK[:24, :30, :channels]
    mask = MASK[:24, :30]
    found = [metric()(estimate, reference, {"mask": mask}).value for metric in METRICS]
    assert found == pytest.approx(brute_force(estimate, reference, mask), abs=1e-12)


@settings(max_examples=30)
@given(arrays(np.uint8, (9, 8, 3)), arrays(np.uint8, (9, 8, 3)), arrays(np.bool_, (9, 8, 1)), st.data())
def test_figures_stay_in_their_ranges_and_fit_together(estimate, reference, tampered, data):
    tampered[0, 0], tampered[-1, -1] = True, False
    mask = tampered.astype(np.uint8) * 255
    found = localize(estimate, reference, mask)
    assert 0 <= found.auc <= 1
    assert 2 * found.share / (1 + found.share) - 1e-12 <= found.f1 <= 1
    assert found.iou == pytest.approx(found.f1 / (2 - found.f1), abs=1e-12)
    assert found.share == tampered.mean()
    flip = data.draw(st.sampled_from([np.flipud, np.fliplr]))
    assert localize(flip(estimate), flip(reference), flip(mask)) == found


def test_the_threshold_is_the_one_that_gives_the_best_f1():
    estimate, found = revealed(), localize(revealed(), WATERMARK, MASK)
    errors = uniform_filter(np.abs(estimate.astype(np.float64) - WATERMARK).mean(axis=2), 7, mode="mirror")
    assert f1_score(MASK.ravel() > 0, errors.ravel() >= found.threshold - 1e-9) == pytest.approx(found.f1, abs=1e-12)
    assert 10 < found.threshold < 60


def test_a_watermark_that_comes_back_wrong_only_there_shows_the_place():
    estimate = WATERMARK.copy()
    estimate[MASK[:, :, 0] > 0] ^= 128
    assert TamperAuc()(estimate, WATERMARK, {"mask": MASK}).value > 0.999
    assert TamperF1()(estimate, WATERMARK, {"mask": MASK}).value > 0.9
    clean = TamperAuc()(WATERMARK, WATERMARK.copy(), {"mask": MASK})
    assert clean.value == 0.5  # nothing to see: no pixel is more suspect than another
    assert clean.details == {"share": MASK.astype(bool).mean(), "threshold": 0}


def test_a_watermark_that_is_lost_everywhere_tells_nothing():
    values = [localize(revealed(seed, 60, 60), WATERMARK, MASK).auc for seed in range(8)]
    assert np.mean(values) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_without_a_mask_the_cell_is_skipped_and_says_how_to_get_one(metric):
    for facts in (None, {}, {"label": 3}, {"mask": None}):
        with pytest.raises(CellFailure, match=rf"{metric.name} .*-d paste:0\.1") as failure:
            metric()(WATERMARK, WATERMARK, facts)
        assert failure.value.status == "skipped_unsupported"


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_masks_that_tell_nothing_apart(metric):
    for mask, word in ((MASK * 0, "nothing"), (MASK * 0 + 255, "everything")):
        with pytest.raises(CellFailure, match=word) as failure:
            metric()(revealed(), WATERMARK, {"mask": mask})
        assert failure.value.status == "skipped_unsupported"
    with pytest.raises(CellFailure) as failure:
        metric()(revealed(), WATERMARK, {"mask": MASK[1:]})
    assert failure.value.status == "bad_shape"


def test_only_secrets_are_watermarks():
    pairs = (pair for task in TASKS.values() for pair in task.pairs)
    assert [pair.name for pair in pairs if TamperAuc().scores(pair)] == ["secret"]
