"""The benchmarks know everything that is built in, so that nothing new goes unmeasured."""

import sys
from pathlib import Path

import numpy as np
import pytest

from bench_core.grammar import parse_channels
from bench_core.plugins import registry

pytest.importorskip("pillow_jxl")


@pytest.fixture(scope="module")
def calls():
    sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
    from bare_calls import bare_calls

    yield bare_calls(np.zeros((64, 64, 3), np.uint8))
    sys.path.pop(0)


def test_every_degradation_stands_beside_a_bare_call(calls):
    names = {entry.name for entry in registry().degradations if not entry.is_group and not entry.name.endswith(":")}
    assert {spec.partition(":")[0] for spec in calls} == names


def test_the_bare_calls_run_and_the_specs_are_degradations(calls):
    assert len(parse_channels(list(calls), registry().degradations, presets={})) == len(calls)
    for name, call in calls.values():
        assert name
        assert call() is not None
