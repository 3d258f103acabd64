"""A method may be told a field of the sample where it says so; nobody can miss it, and it is not scored on it."""

import os

import numpy as np
import pytest
import torch

from bench_core.conformance import check_model
from bench_core.errors import CellFailure, RequestError
from bench_core.model import Condition
from bench_core.plan import Request, Workbench
from bench_core.plugins import registry
from bench_core.run import run
from bench_core.store.queries import find_run, long_rows, run_trips
from bench_core.task import COLORIZATION
from bench_core.torch_model import TorchModel

TOLD = '''
from typing import ClassVar

import numpy as np
from bench_testbed import Tiny

from bench_core import hookimpl
from bench_core.model import ArrayModel
from bench_core.params import Param
from bench_core.task import COLORIZATION


class Told(ArrayModel):
    """Paints the map it is told, or black."""

    task = COLORIZATION
    outputs = ("color", "semantic")
    params: ClassVar[tuple[Param, ...]] = (Param("what", str, default="semantic"),)

    def setup(self):
        what = str(self.settings["what"])
        self.oracle = () if what == "nothing" else (what,)

    def decode(self, received, condition):
        told = condition.truth("semantic")[0] if self.oracle else np.zeros_like(received)
        return {"color": told.repeat(3, axis=2), "semantic": told}


class AllMapped(Tiny):
    name = "all-mapped"
    broken = ()

    def load(self, image_id):
        return {**super().load(image_id), "semantic": np.full((12, 10, 1), int(image_id[1:]), np.uint8)}


@hookimpl
def register_models(register):
    register("told-map", "told_map:Told")


@hookimpl
def register_datasets(register):
    register("all-mapped", "told_map:AllMapped")
'''


@pytest.fixture
def told(testbed, monkeypatch, tmp_path):
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "told_map.py").write_text(TOLD)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ["PYTHONPATH"]]))
    monkeypatch.setenv("BENCH_PLUGINS", "bench_testbed,maps_testbed,told_map")
    registry.cache_clear()


def request(what="semantic", dataset="mapped", **given):
    asked = {"metrics": ("mean-error",), "degrade": ("plain", "shift:5"), "settings": {"what": what}, **given}
    return Request(plugin="told-map", dataset=dataset, **asked)


@pytest.mark.usefixtures("told")
def test_decode_is_told_the_field_and_the_run_says_so(database):
    outcome = run(request(keep=8), database)
    rows = long_rows(database, [outcome.run_id])
    good = {row.image for row in rows if row.status == "ok" and row.pair == "colorized"}
    assert good == {"p0", "p2", "p4", "p6"}  # those that have a map, whatever the channel did
    failed = {(row.status, row.error) for row in rows if row.image in ("p1", "p3", "p7")}
    assert {status for status, _ in failed} == {"skipped_unsupported"}
    assert "told the true 'semantic'" in next(iter(failed))[1]
    assert find_run(database, outcome.run_id).request["oracle"] == ["semantic"]
    trips = [trip for trip in run_trips(database, outcome.run_id) if trip.image in good]
    assert len(trips) == 8
    assert all(trip.details["oracle"] == ["semantic"] for trip in trips)


@pytest.mark.usefixtures("told")
def test_nobody_is_told_without_asking(database):
    outcome = run(request("nothing"), database)
    assert "oracle" not in find_run(database, outcome.run_id).request
    assert all("oracle" not in trip.details for trip in run_trips(database, outcome.run_id))
    assert "skipped_unsupported" not in {row.status for row in long_rows(database, [outcome.run_id])}


@pytest.mark.usefixtures("told")
def test_what_was_told_is_not_scored():
    assert "semantic" not in [pair.name for pair in Workbench.build(request()).pairs]
    assert "semantic" in [
        pair.name for pair in Workbench.build(request("nothing", metrics=("mean-error", "agree"))).pairs
    ]


@pytest.mark.usefixtures("told")
def test_only_optional_fields_of_the_task_can_be_told():
    with pytest.raises(RequestError, match=r"wants to be told the true color; of colorization .* saliency, semantic"):
        Workbench.build(request("color"))


@pytest.mark.usefixtures("told")
def test_the_check_tells_what_the_runner_would():
    checks = {check.rule: check for check in check_model(request(dataset="all-mapped", limit=3))}
    assert checks["it decodes what arrives"].passed, checks
    assert checks["another order changes nothing"].passed
    assert checks["a fresh object in another process decodes alike"].passed


def test_a_condition_is_divided_with_its_pictures():
    rngs = tuple(np.random.default_rng(index) for index in range(3))
    whole = Condition(None, rngs, tuple({"semantic": index} for index in range(3)))
    assert whole.only([2, 0]).truth("semantic") == [2, 0]
    assert whole.only([1]).rngs == rngs[1:2]
    assert Condition().only([0]) == Condition()
    for condition in (Condition(), whole.only([0])):
        with pytest.raises(CellFailure, match="skipped_unsupported"):
            condition.truth("saliency")


class Echo(TorchModel):
    """Returns what it is told."""

    task = COLORIZATION
    oracle = ("semantic",)

    def decode(self, received, condition):
        return {
            "semantic": torch.stack([torch.from_numpy(one).permute(2, 0, 1) for one in condition.truth("semantic")])
        }


def test_each_picture_of_a_batch_gets_its_own_truth():
    maps = [np.full((4, 5, 1), index, np.uint8) for index in range(3)]
    received = [np.zeros((4, 5, 1), np.uint8)] * 3
    found = Echo(device="cpu").decode_all(received, Condition(oracle=tuple({"semantic": one} for one in maps)))
    assert [int(one["semantic"].max()) for one in found] == [0, 1, 2]
