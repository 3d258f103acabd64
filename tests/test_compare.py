"""Two methods on the same pictures and the same noise."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.comparison import compare
from bench_core.plan import Request
from bench_core.run import run
from bench_core.statistics import bootstrap_mean
from bench_core.store.queries import Row, long_rows

PLAIN = ("run", "p", "", "steganography", "set")


def rows(values, repeat=0, metric="psnr", status="ok", details=None, sample="s"):
    return [
        Row(*PLAIN, f"i{n:03}", "plain", repeat, "secret", metric, v, status, "", "measured", f"{metric}@1",
            details or {}, {}, sample)
        for n, v in enumerate(values)
    ]  # fmt: skip


def only(a, b, direction="higher"):
    (found,) = compare(a, b, {"psnr": direction})
    return found


@given(st.lists(st.floats(5, 60), min_size=1, max_size=40))
def test_a_method_against_itself_differs_by_exactly_nothing(values):
    found = only(rows(values), rows(values))
    assert (found.difference, found.low, found.high, found.wins) == (0, 0, 0, 0.5)


def test_the_interval_is_of_the_paired_differences():
    rng = np.random.default_rng(0)
    level = rng.normal(30, 6, 50)
    a, b = level + rng.normal(0.5, 0.2, 50), level
    found = only(rows(a), rows(b))
    assert found.difference == pytest.approx((a - b).mean())
    assert (found.low, found.high) == pytest.approx(bootstrap_mean(a - b, 0))
    assert found.high - found.low < 0.2  # unpaired, the pictures' own spread would make it some 4 dB
    assert found.wins == np.mean(a > b)
    assert only(rows(b), rows(a)).difference == pytest.approx(-found.difference)


@pytest.mark.parametrize(("direction", "wins"), [("higher", 0.375), ("lower", 0.625), ("none", None)])
def test_what_is_better_is_the_metrics_to_say_and_ties_count_half(direction, wins):
    assert only(rows([1, 2, 3, 9]), rows([2, 3, 3, 4]), direction).wins == wins


def test_repeats_are_averaged_inside_their_image_and_only_those_that_both_have():
    a = rows([10, 20]) + rows([14, 24], repeat=1)
    b = rows([9, 20]) + rows([11, 99], repeat=1)[:1] + rows([0, 0], repeat=2, status="model_error")
    found = only(a, b)
    assert found.n == 2
    assert found.difference == pytest.approx(((10 - 9 + 14 - 11) / 2 + 0) / 2)
    assert found.left_out == 3


def test_a_figure_that_does_not_exist_enters_as_its_cap():
    a = rows([None], details={"cap": 100.0, "identical": True})
    assert only(a, rows([40.0])).difference == 60


def test_only_the_same_content_and_implementation_are_compared():
    assert compare(rows([1, 2], sample="other"), rows([1, 2]), {}) == []
    other = [row._replace(implementation="psnr@2") for row in rows([1, 2])]
    assert compare(other, rows([1, 2]), {}) == []


def test_a_figure_of_a_whole_set_has_no_interval():
    a = [row._replace(image="*") for row in rows([0.3], details={"n": 40, "kind": "set"})]
    b = [row._replace(image="*") for row in rows([0.5], details={"n": 40, "kind": "set"})]
    found = only(a, b, "lower")
    assert (found.n, found.difference, found.low, found.wins, found.small_n) == (
        40,
        pytest.approx(-0.2),
        None,
        None,
        False,
    )


@pytest.fixture
def runs(testbed, tmp_path, monkeypatch):
    from bench_core.store.database import open_database

    monkeypatch.chdir(tmp_path)
    database = open_database("bench.db")
    common = {"degrade": ("plain", "noise:5"), "dataset": "tiny", "metrics": ("mean-error",), "repeats": 2}
    requests = {
        "keep": Request("keep", **common),
        "bright": Request("keep", settings={"level": "140"}, **common),
        "seed": Request("keep", **{**common, "seed": 1}),
        "small": Request("keep", **{**common, "size": "8"}),
        "gray": Request("graykeep", **common),
    }
    ids = {name: run(request, database).run_id for name, request in requests.items()}
    yield ids, {name: long_rows(database, [ids[name]]) for name in ids}
    database.close()


def test_the_command_pairs_two_runs(runs, bench_command):
    ids, found = runs
    done = bench_command("compare", ids["keep"], ids["bright"], "--pair", "secret", "--json", check=0)
    lines = {line["degradation"]: line for line in json.loads(done.stdout)}
    assert set(lines) == {"plain", "noise:sigma=5"}
    values = [
        {row.image: row.value for row in found[name] if (row.pair, row.degradation) == ("secret", "plain")}
        for name in ("keep", "bright")
    ]
    differences = [values[0][image] - values[1][image] for image in sorted(values[0])]
    assert lines["plain"]["difference"] == pytest.approx(np.mean(differences))
    assert lines["plain"]["wins"] == np.mean([d < 0 for d in differences])
    table = bench_command("compare", ids["keep"], ids["bright"], check=0).stdout
    assert "A better" in table
    assert "small n" in table


@pytest.mark.parametrize(
    ("other", "options", "message"),
    [
        ("seed", [], "are of different seeds (0, 1), so nothing in them is paired"),
        ("gray", [], "are of different tasks (steganography, invertible-grayscale)"),
        ("small", [], "share no cell"),
        ("bright", ["-m", "psnr"], "--metric psnr: neither run has it; they have mean-error"),
        ("bright", ["--pair", "restored"], "--pair restored: neither run has it; they have channel, container, host"),
    ],
)
def test_what_cannot_be_paired_is_refused(runs, bench_command, other, options, message):
    ids, _ = runs
    done = bench_command("compare", ids["keep"], ids[other], *options, check=2)
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
