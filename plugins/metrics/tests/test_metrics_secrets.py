"""Several secrets in one image: what becomes of their figures, and of the facts that stand beside them."""

import json

import numpy as np
import pytest
from skimage.data import astronaut, coffee

from bench_core.metric import Metric
from bench_core.plugins import registry
from bench_core.records import CellKey
from bench_core.scoring import Scorer
from bench_core.statistics import Cell, summarize, wilson
from bench_core.task import STEGANOGRAPHY

CODES = [registry().datasets.create("qr").draw(f"qr-{number:04}", 176, 176) for number in range(2)]
PHOTOS = [np.ascontiguousarray(photo[:176, 100:276]) for photo in (astronaut(), coffee())]
BLANK = np.full_like(CODES[0], 255)
MASK = np.zeros((176, 176, 1), np.uint8)
MASK[20:60, 30:90] = 255
CREATED = {
    entry.name: registry().metrics.create(entry.name)
    for entry in registry().metrics
    if entry.plugin == "metrics" and not entry.is_group
}
OF_SECRETS = [name for name, metric in CREATED.items() if metric.kind != "set" and metric.compares == "picture"]


def record_of(metric: Metric, revealed, secrets):
    pairs = [pair for pair in STEGANOGRAPHY.pairs if pair.name == "secret"]
    host = np.zeros_like(secrets[0])
    sources = {"sample.host": host, "sample.secret": np.concatenate(secrets, axis=2), "carrier": host}
    cell = CellKey("a", "clean", 0, "secret", metric.implementation)
    arrived = {"output.secret": np.concatenate(revealed, axis=2), "received": host}
    (record,) = Scorer(pairs, [metric], sources).score([cell], arrived, {"mask": MASK})
    return record


@pytest.mark.parametrize("name", OF_SECRETS)
def test_figures_are_means_or_sums_and_facts_stay_strict_json(name):
    metric = registry().metrics.create(name)
    secrets = CODES if name.startswith("qr") else PHOTOS
    revealed = [secrets[0].copy(), np.clip(secrets[1] + 9.0, 0, 255).astype(np.uint8)]
    record = record_of(metric, revealed, secrets)
    alone = [metric(*pair, {"mask": MASK}) for pair in zip(revealed, secrets, strict=True)]
    values = [score.value if score.value is not None else score.details["cap"] for score in alone]
    assert record.status == "ok"
    assert record.value == pytest.approx((np.sum if metric.combine == "sum" else np.mean)(values))
    assert set(alone[0].details) - {"cap", "identical"} <= set(record.details)
    json.dumps(record.details, allow_nan=False)


def test_a_secret_nearer_than_the_cap_counts_no_more_than_an_identical_one():
    psnr = registry().metrics.create("psnr")
    secrets = [np.zeros((240, 240, 3), np.uint8)] * 2
    near, far = secrets[0].copy(), secrets[0] + np.uint8(1)
    near[0, 0, 0] = 1
    assert psnr(near, secrets[0]).value > 100
    expected = (100 + psnr(far, secrets[1]).value) / 2
    for first in (near, secrets[0]):
        assert record_of(psnr, [first, far], secrets).value == pytest.approx(expected)
        assert record_of(psnr, [far, first], secrets).value == pytest.approx(expected)
    assert record_of(psnr, [near, near], secrets).value == 100
    both = record_of(psnr, secrets, secrets)
    assert (both.value, both.details) == (None, {"mse": 0.0, "identical": True, "cap": 100.0})


def test_facts_that_only_some_secrets_have_are_not_averaged():
    bpp = registry().metrics.create("bpp_effective")
    flat = np.full_like(PHOTOS[0], PHOTOS[0].mean(axis=(0, 1)).round())
    worse = np.clip(PHOTOS[1] + 9.0, 0, 255).astype(np.uint8)
    details = record_of(bpp, [flat, worse], PHOTOS).details
    assert details["codec"][0] == "flat"
    assert details["quality"][0] is None
    assert details["quality"][1] == bpp(worse, PHOTOS[1]).details["quality"]
    assert details["psnr"] == pytest.approx(
        np.mean([bpp(*pair).details["psnr"] for pair in zip([flat, worse], PHOTOS, strict=True)])
    )


def test_one_code_of_two_that_scans_is_half_an_image_and_wilsons_interval_is_over_images():
    qr = registry().metrics.create("qr_raw")
    record = record_of(qr, [CODES[0], BLANK], CODES)
    assert record.value == 0.5
    assert record.details["payload"] is False
    assert record.details["qr_decoder"][1] == ""
    cells = [Cell(f"i{number}", record.value, details=record.details) for number in range(10)]
    summary = summarize(cells, kind=record.details["kind"])
    assert (summary.n, summary.mean, summary.low, summary.high) == (10, 0.5, *wilson(0.5, 10))
