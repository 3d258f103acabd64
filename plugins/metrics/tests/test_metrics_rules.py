"""What the built-in metrics promise: special pictures, sizes, symmetry, and what summaries rely on."""

import json
import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.data import astronaut

from bench_core.errors import CellFailure, RequestError
from bench_core.plan import create_metrics
from bench_core.plugins import registry
from bench_core.statistics import Cell, summarize
from bench_core.task import TASKS
from bench_metrics.capacity import Bpp, EffectiveBpp
from bench_metrics.carrier import EntropyPlanes, PngRatio
from bench_metrics.color_sets import CciW1, HistAb
from bench_metrics.colorfulness import Cci, CciAbsErr, CciRatio, ColorfulnessRatio, colorfulness
from bench_metrics.delta_e import DeltaE, DeltaE95
from bench_metrics.lab import PsnrAb, PsnrLabA, PsnrLabB, PsnrLabL, RmseAb
from bench_metrics.lab8 import PsnrLab8A, PsnrLab8B, PsnrLab8L
from bench_metrics.ms_ssim import MsSsim, MsSsimY
from bench_metrics.pixels import ArgmaxAccuracy, Mse
from bench_metrics.psnr import Psnr, PsnrChannelMean, PsnrY, PsnrYBt601, PsnrYBt601Rounded
from bench_metrics.saliency import FbetaSaliency, MaeSaliency
from bench_metrics.ssim import Ssim, SsimY
from bench_metrics.ssim_lab import SsimLabA, SsimLabB, SsimLabL
from bench_metrics.ssim_scgan import SsimScgan
from bench_metrics.tamper import TamperAuc, TamperF1, TamperIou

EXACT_PSNRS = (Psnr, PsnrY, PsnrYBt601, PsnrYBt601Rounded, PsnrChannelMean)
LAB_PSNRS = (PsnrLabL, PsnrLabA, PsnrLabB, PsnrAb, PsnrLab8L, PsnrLab8A, PsnrLab8B)
PSNRS = (*EXACT_PSNRS, *LAB_PSNRS)
SIMILARITIES = (Ssim, SsimY, MsSsim, MsSsimY, SsimLabL, SsimLabA, SsimLabB, SsimScgan)
COLORS = (Cci, CciRatio, CciAbsErr, ColorfulnessRatio, HistAb, DeltaE, DeltaE95, RmseAb, ArgmaxAccuracy)
MAPS = (MaeSaliency, FbetaSaliency)
TAMPERING = (TamperAuc, TamperF1, TamperIou)
ALL = (*PSNRS, *SIMILARITIES, *COLORS, *MAPS, *TAMPERING, Mse, Bpp, EffectiveBpp, EntropyPlanes, PngRatio)
PHOTO = astronaut()[:170, 100:271]
FACTS = {"mask": np.zeros((170, 171, 1), np.uint8)}
FACTS["mask"][20:90, 30:140] = 255
fast = settings(max_examples=25, suppress_health_check=list(HealthCheck))


def pictures(height, width, channels=3):
    return arrays(np.uint8, (height, width, channels))


def noisy(image, sigma=10, seed=0):
    noise = np.random.default_rng(seed).normal(0, sigma, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def outcome(metric, *given):
    """A metric's value, or the status of its cell."""
    try:
        return metric(*given).value
    except CellFailure as failure:
        return failure.status


@pytest.mark.parametrize(
    ("metric", "channels"),
    [(metric, channels) for metric in ALL for channels in (1, 3) if (metric, channels) != (ColorfulnessRatio, 1)],
    ids=lambda value: getattr(value, "name", value),
)
def test_every_metric_takes_gray_and_color_and_gives_strict_json(metric, channels):
    reference = PHOTO[:, :, :channels]
    estimate = noisy(reference)
    one = metric()
    score = one(estimate, reference, FACTS)
    assert score == one(estimate, reference, FACTS)
    assert score == one.measure_with(estimate, one.prepare(reference), FACTS)
    assert one.prepare(reference) is not None
    json.loads(json.dumps({"value": score.value, **score.details}, allow_nan=False))
    assert score.value is None or math.isfinite(score.value)


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_metrics_neither_change_pictures_nor_need_them_contiguous(metric):
    reference, estimate = PHOTO.copy(), noisy(PHOTO)
    before = estimate.copy()
    wide = np.repeat(np.repeat(np.stack([reference, estimate]), 2, axis=1), 2, axis=2)
    assert metric()(wide[1, ::2, ::2], wide[0, ::2, ::2], FACTS) == metric()(estimate, reference, FACTS)
    assert np.array_equal(estimate, before)
    assert np.array_equal(reference, PHOTO)


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_a_metric_keeps_nothing_of_what_it_saw_before(metric):
    one = metric()
    pairs = {sigma: (noisy(PHOTO, sigma, seed=sigma), np.roll(PHOTO, sigma, axis=1)) for sigma in (3, 9, 27)}
    forth = {sigma: one(*pairs[sigma], FACTS) for sigma in pairs}
    back = {sigma: one(*pairs[sigma], FACTS) for sigma in reversed(pairs)}
    alone = {sigma: metric()(*pairs[sigma], FACTS) for sigma in pairs}
    with ThreadPoolExecutor(3) as pool:
        together = dict(zip(pairs, pool.map(lambda sigma: one(*pairs[sigma], FACTS), pairs), strict=True))
    assert forth == back == alone == together


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
@pytest.mark.parametrize(
    "size", [(1, 1), (1, 9), (10, 10), (11, 11), (160, 160), (161, 161)], ids="{0[0]}x{0[1]}".format
)
def test_small_pictures_have_a_figure_or_a_status(metric, size):
    reference = PHOTO[: size[0], : size[1]]
    mask = np.zeros((*size, 1), np.uint8)
    mask[: size[0] // 2] = 255
    found = outcome(metric(), noisy(reference), reference, {"mask": mask})
    assert found in (None, "skipped_unsupported") or math.isfinite(found)


@pytest.mark.parametrize("metric", PSNRS, ids=lambda metric: metric.name)
def test_identical_pictures_have_no_psnr_but_a_flag_and_a_cap(metric):
    score = metric()(PHOTO, PHOTO.copy())
    assert score.value is None
    assert score.details == {"identical": True, "mse": 0.0, "cap": 100.0}
    summary = summarize([Cell("a", None, details=score.details), Cell("b", 40.0, details={"mse": 6.5025})])
    assert summary.mean == 70
    assert summary.n_identical == 1
    assert summary.pooled == pytest.approx(40 + 10 * math.log10(2))


@pytest.mark.parametrize("metric", SIMILARITIES, ids=lambda metric: metric.name)
def test_identical_pictures_are_wholly_similar(metric):
    assert metric()(PHOTO, PHOTO.copy()).value == pytest.approx(1, abs=1e-12)


def test_an_error_of_one_step_everywhere_is_48_13_decibels():
    reference = np.full((16, 16, 3), 100, np.uint8)
    for metric in (Psnr(), PsnrY()):
        assert metric(reference + 1, reference).value == pytest.approx(48.1308, abs=5e-5)
    assert Psnr()(reference * 0, reference * 0 + 255).value == 0
    assert Psnr()(np.zeros((2000, 2000, 3), np.uint8), np.full((2000, 2000, 3), 255, np.uint8)).details["mse"] == 255**2


def test_a_psnr_above_the_cap_stays_and_is_capped_in_summaries():
    reference = np.zeros((400, 400, 3), np.uint8)
    estimate = reference.copy()
    estimate[0, 0, 0] = 1
    score = Psnr()(estimate, reference)
    assert score.value == pytest.approx(10 * math.log10(255**2 * reference.size))
    assert score.value > 100
    assert score.details["cap"] == 100
    assert summarize([Cell("a", score.value, details=score.details)]).mean == 100


@fast
@given(pictures(12, 13), pictures(12, 13))
def test_metrics_of_two_pictures_are_symmetric_and_bounded(a, b):
    for metric in (kind() for kind in PSNRS):
        assert metric(a, b).details["mse"] == pytest.approx(metric(b, a).details["mse"], rel=1e-12)
    for metric in (Ssim(), SsimY()):
        assert -1 <= metric(a, b).value <= 1 + 1e-9
        assert metric(a, b).value == pytest.approx(metric(b, a).value, abs=1e-6)


@fast
@given(pictures(11, 12), pictures(11, 12))
def test_flipping_both_pictures_changes_nothing(a, b):
    for metric in (Psnr(), PsnrYBt601Rounded(), PsnrChannelMean(), PsnrAb(), Ssim(), SsimY(), HistAb(), DeltaE()):
        values = [metric(flip(a), flip(b)) for flip in (lambda v: v, lambda v: v[::-1], lambda v: v[:, ::-1])]
        numbers = [score.value if score.value is not None else math.inf for score in values]
        assert numbers[1:] == pytest.approx([numbers[0]] * 2, abs=1e-5)


@fast
@given(pictures(12, 12), pictures(12, 12), st.permutations(range(3)))
def test_psnr_and_ssim_do_not_care_about_the_order_of_channels(a, b, order):
    order = list(order)
    assert Psnr()(a[:, :, order], b[:, :, order]) == Psnr()(a, b)
    assert Ssim()(a[:, :, order], b[:, :, order]).value == pytest.approx(Ssim()(a, b).value, abs=1e-6)


def test_gray_is_the_same_as_its_three_copies():
    reference = PHOTO[:, :, :1]
    estimate = noisy(reference)
    same = (*EXACT_PSNRS, PsnrLabL, PsnrLab8L, Ssim, SsimY, SsimLabL, MsSsim, MsSsimY, Cci, CciAbsErr, HistAb)
    for metric in (kind() for kind in (*same, *MAPS, SsimScgan, Mse, ArgmaxAccuracy, EntropyPlanes)):
        one, three = metric(estimate, reference), metric(estimate.repeat(3, axis=2), reference.repeat(3, axis=2))
        assert one.value == pytest.approx(three.value, abs=1e-9), metric.name
    assert RmseAb()(estimate, reference).value == 0
    for metric in (PsnrLabA(), PsnrLabB(), PsnrAb(), PsnrLab8A(), PsnrLab8B()):
        assert metric(estimate, reference).details["identical"] is True


@pytest.mark.parametrize("metric", [Ssim, SsimY, MsSsim, MsSsimY], ids=lambda metric: metric.name)
def test_too_small_pictures_fail_with_a_reason(metric):
    least = 161 if issubclass(metric, MsSsim) else 11
    for size in ((least, least), (least, least + 8), (least + 5, least)):
        picture = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
        assert math.isfinite(metric()(noisy(picture), picture).value)
    for size in ((least - 1, least), (least, least - 1), (1, 1)):
        picture = np.zeros((*size, 3), np.uint8)
        with pytest.raises(CellFailure, match=f"too_small: {metric.name} needs {least}") as failure:
            metric()(picture, picture)
        assert failure.value.status == "skipped_unsupported"


def test_pictures_that_do_not_match_fail_as_bad_shape():
    for estimate, reference in [
        (PHOTO, PHOTO[:-1]),
        (PHOTO[:, :, :1], PHOTO),
        (PHOTO.astype(np.float32), PHOTO),
        (PHOTO[:, :, 0], PHOTO[:, :, 0]),
        (PHOTO[:, :, :2], PHOTO[:, :, :2]),
    ]:
        with pytest.raises(CellFailure) as failure:
            Psnr()(estimate, reference)
        assert failure.value.status == "bad_shape"


def test_ssim_of_unrelated_pictures_may_be_negative():
    photo = PHOTO.astype(np.int16)
    assert Ssim()((255 - photo).astype(np.uint8), PHOTO).value < -0.05
    assert MsSsim()((255 - photo).astype(np.uint8), PHOTO).value >= 0


def axes(rg, yb=0):
    """Two kinds of pixels whose R - G is ±rg and whose (R + G) / 2 - B is ±yb, in equal parts."""
    picture = np.empty((4, 4, 3), np.int64)
    picture[:, :2] = (100 + rg, 100, 100 + rg // 2 - yb)
    picture[:, 2:] = (100, 100 + rg, 100 + rg // 2 + yb)
    return picture.astype(np.uint8)


def test_cci_of_simple_pictures():
    assert colorfulness(np.full((5, 5, 3), 77, np.uint8)) == 0
    assert colorfulness(PHOTO[:, :, :1]) == 0
    assert colorfulness(PHOTO[:, :, :1].repeat(3, axis=2)) == 0
    red = np.zeros((5, 5, 3), np.uint8)
    red[:, :, 0] = 255
    assert colorfulness(red) == pytest.approx(0.3 * math.hypot(255, 127.5), rel=1e-12)
    assert colorfulness(axes(12, 16)) == pytest.approx(20, rel=1e-12)


def test_cci_is_its_published_formula():
    r, g, b = (PHOTO[:, :, c].astype(np.float64) for c in range(3))
    rg, yb = r - g, (r + g) / 2 - b
    expected = math.hypot(rg.std(), yb.std()) + 0.3 * math.hypot(rg.mean(), yb.mean())
    assert colorfulness(PHOTO) == pytest.approx(expected, rel=1e-12)
    assert Cci()(PHOTO, PHOTO[::-1]).details == {"reference": colorfulness(PHOTO[::-1])}


@pytest.mark.parametrize(("rg", "inside"), [(14, 0.0), (16, 1.0), (18, 1.0), (20, 1.0), (22, 0.0)])
def test_cci_ratio_includes_both_ends(rg, inside):
    picture = axes(rg)
    assert colorfulness(picture) == rg
    score = CciRatio()(picture, PHOTO[:4, :4])
    assert score.value == inside
    assert score.details == {"cci": rg, "reference": 0.0}
    assert CciRatio()(PHOTO[:4, :4], picture).details["reference"] == inside
    assert CciRatio.kind == "proportion"


def test_the_plugin_registers_its_metrics_and_groups():
    metrics = create_metrics(["psnr_lab", "psnr", "psnr_lab_a"], registry())
    assert list(metrics) == ["psnr_lab_l", "psnr_lab_a", "psnr_lab_b", "psnr"]
    names = registry().metrics.names()
    for metric in (*ALL, CciW1):
        assert metric.name in names
        assert type(registry().metrics.create(metric.name)) is metric
        assert metric().implementation == f"{metric.name}@1"
    for entry in registry().metrics:
        if entry.plugin == "metrics":
            assert entry.summary
            assert not entry.is_group or set(entry.target) <= set(names)
    with pytest.raises(RequestError, match="psnr"):
        create_metrics(["psnrr"], registry())


def test_every_metric_says_which_way_is_better_and_what_a_failure_counts():
    lower = {"delta_e", "delta_e_p95", "cci_abs_err", "cci_w1", "rmse_ab", "mse", "mae_saliency"}
    neither = {"cci", "cci_ratio", "colorfulness_ratio", "entropy_planes", "png_ratio"}
    units = {"bpp": "bpp", "bpp_effective": "bpp", "entropy_planes": "bit"}
    kinds = {"cci_ratio": "proportion", "cci_w1": "set"}
    at_0 = (*SIMILARITIES, CciRatio, HistAb, ArgmaxAccuracy, FbetaSaliency, Bpp, EffectiveBpp, TamperF1, TamperIou)
    floors = {metric.name: 0.0 for metric in at_0}
    floors["tamper_auc"] = 0.5
    for metric in (*ALL, CciW1):
        name = metric.name
        assert metric.direction == ("lower" if name in lower else "none" if name in neither else "higher"), name
        assert metric.unit == ("dB" if metric in PSNRS else units.get(name, "")), name
        assert metric.kind == kinds.get(name, "mean"), name
        assert metric.worst == floors.get(name), name
        assert metric.combine == ("sum" if name in ("bpp", "bpp_effective") else "mean"), name


def test_every_metric_means_something_on_a_pair_of_some_task():
    known = {pair for task in TASKS.values() for pair in task.pairs if pair.kind == "picture"}
    for metric in (*ALL, CciW1):
        assert set(metric.pairs) <= {pair.name for pair in known}, metric.name
    for metric in (Psnr, PsnrY, PsnrChannelMean, PsnrLabL, Ssim, MsSsimY, SsimLabL, SsimScgan, Mse, DeltaE):
        assert all(metric().scores(pair) for pair in known), metric.name
    for metric in (PsnrLabA, PsnrAb, PsnrLab8B, SsimLabA, Cci, CciW1, HistAb, RmseAb, ArgmaxAccuracy):
        unscored = {pair.name for pair in known if not metric().scores(pair)}
        assert unscored == {"grayscale", "saliency", "channel"}, metric.name
    for metric in MAPS:
        assert {pair.name for pair in known if metric().scores(pair)} == {"saliency"}, metric.name


def test_no_metric_of_pictures_scores_class_numbers():
    (labels,) = (pair for task in TASKS.values() for pair in task.pairs if pair.kind == "labels")
    assert labels.name == "semantic"
    assert not any(metric().scores(labels) for metric in (*ALL, CciW1))


def test_the_plugin_imports_nothing_heavy_and_its_metrics_need_no_torch():
    code = """
import sys, bench_metrics
assert not {"numpy", "cv2", "torch", "pandas", "PIL", "skimage"} & set(sys.modules), sorted(sys.modules)
from bench_metrics import capacity, carrier, color_sets, colorfulness, delta_e, lab, lab8, ms_ssim, ssim_lab, tamper
assert not {"torch", "pandas", "scipy", "skimage", "pyiqa"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
