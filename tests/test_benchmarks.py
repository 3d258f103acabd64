"""The benchmarks know everything that is built in, so that nothing new goes unmeasured."""

import sys
from pathlib import Path

import numpy as np
import pytest
from skimage.data import astronaut, coffee

from bench_core.by_hand import make_model
from bench_core.grammar import parse_channels
from bench_core.plugins import registry

pytest.importorskip("pillow_jxl")


@pytest.fixture(scope="module", autouse=True)
def importable():
    sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
    yield
    sys.path.pop(0)


@pytest.fixture(scope="module")
def calls():
    from bare_calls import bare_calls

    return bare_calls(np.zeros((64, 64, 3), np.uint8))


def test_every_degradation_stands_beside_a_bare_call(calls):
    names = {entry.name for entry in registry().degradations if not entry.is_group and not entry.name.endswith(":")}
    assert {spec.partition(":")[0] for spec in calls} == names


def test_the_bare_calls_run_and_the_specs_are_degradations(calls):
    assert len(parse_channels(list(calls), registry().degradations, presets={})) == len(calls)
    for name, call in calls.values():
        assert name
        assert call() is not None


@pytest.fixture(scope="module")
def hidden():
    """One watermark in four hosts, by a method that a clean channel leaves whole."""
    from tamper_localization import Bench

    hosts = {f"host-{top}": astronaut()[top : top + 96, 100:228] for top in range(0, 384, 96)}
    return Bench(make_model("lsb", (), None, "cpu"), hosts, [coffee()[:200, :300]], seed=0)


def test_tampering_is_found_where_the_watermark_survives(hidden):
    from tamper_localization import measure

    rows = list(measure(hidden, ("identity", "jpeg:40"), (0.05, 0.2)))
    assert [row[:3] for row in rows] == [
        (channel, *what)
        for channel in ("identity", "jpeg:40")
        for what in (("nothing", ""), *((way, area) for way in ("paste", "copy-move") for area in ("5%", "20%")))
    ]
    figures = {row[:3]: [float(figure.strip("%")) for figure in row[4:]] for row in rows if row[1] != "nothing"}
    auc, f1, iou, best, recall, alarms = figures["identity", "paste", "20%"]
    assert auc > 0.98
    assert recall > 0.98
    assert 0.6 < f1 <= best
    assert iou < f1
    assert 1 < alarms < 20  # a rim of half a box, and no more
    lost = figures["jpeg:40", "paste", "20%"]
    assert lost[1] < 0.3 < f1


def test_no_host_sets_its_own_threshold(hidden):
    thresholds, untouched = hidden.thresholds("jpeg:90")
    names = list(thresholds)
    assert thresholds[names[0]] == thresholds[names[2]] != thresholds[names[1]] == thresholds[names[3]]
    assert 0 < untouched < 0.05


def test_copy_move_moves_the_watermark_and_paste_removes_it(hidden):
    found = {}
    for way in ("paste", "copy-move"):
        trip, received, revealed = next(iter(hidden.tampered(way, 0.2, "identity")))
        left, top, width, height = received.details["from"]
        inside = received.mask[:, :, 0] > 127
        moved = hidden.marks[trip.name][top : top + height, left : left + width][:, ::-1]
        found[way] = np.abs(revealed[inside].reshape(height, width, 3).astype(int) - moved).mean()
    assert found["copy-move"] < 8 < 30 < found["paste"]
