"""What every registered metric of the plugin says of fixed pictures must not change unnoticed."""

import metric_goldens
import pytest

from bench_core.plugins import registry


@pytest.mark.parametrize("name", metric_goldens.names())
def test_every_metric_gives_its_golden_figures(name):
    golden = metric_goldens.GOLDENS.get(name, {})
    missing = [case for case in metric_goldens.needed(name) if case not in golden]
    assert not missing, f"no figures of {missing}; `python {metric_goldens.__file__} {name}` prints them"
    tolerance = metric_goldens.TOLERANCES.get(name, 1e-5)
    for case, expected in golden.items():
        found = metric_goldens.figure(name, case)
        if isinstance(expected, float):
            expected = pytest.approx(expected, rel=tolerance, abs=1e-9)
        assert found == expected, case


def test_no_figure_is_kept_of_a_metric_that_is_gone():
    assert set(metric_goldens.GOLDENS) <= set(registry().metrics.names())
    assert set(metric_goldens.TOLERANCES) <= set(metric_goldens.GOLDENS)


def test_the_golden_pictures_are_degraded_and_partly_replaced():
    for estimate, reference, facts in metric_goldens.CASES.values():
        assert estimate.shape == reference.shape
        assert (estimate != reference).mean() > 0.5
        assert set(facts) <= {"mask"}
    assert metric_goldens.CASES["gray"][0].shape[2] == 1
    assert all(side % 2 for side in metric_goldens.CASES["odd"][0].shape[:2])
