"""Metrics of whole sets: described where a trip is computed, compared once, and cells like all others."""

import numpy as np
import pytest

from bench_core.errors import RequestError
from bench_core.plan import Request, Workbench
from bench_core.records import WHOLE_SET
from bench_core.run import run
from bench_core.store.database import open_database
from bench_core.store.queries import long_rows
from bench_core.summary import summarize_rows

pytestmark = pytest.mark.usefixtures("trips_testbed")


def asked(metrics=("brightness",), plugin="keep", **given):
    given = {"degrade": ("plain", "noise:5"), "dataset": "tiny", **given}
    return Request(plugin=plugin, metrics=metrics, **given)


def of_sets(database, outcome):
    rows = long_rows(database, [outcome.run_id])
    return {(row.degradation, row.pair): row for row in rows if row.image == WHOLE_SET}


def test_a_set_is_one_cell_for_each_channel_and_pair(database):
    outcome = run(asked(("brightness", "mean-error")), database)
    rows = of_sets(database, outcome)
    assert set(rows) == {
        (channel, pair) for channel in ("plain", "noise:sigma=5") for pair in ("container", "secret", "host", "channel")
    }
    assert outcome.computed == 2 * 4 * (8 + 1)
    bench = Workbench.build(asked())
    level = np.mean([bench.samples[name]["secret"].mean() for name in bench.samples.ids])
    secret = rows["plain", "secret"]
    assert secret.value == pytest.approx(abs(128 - level))
    assert secret.status == "ok"
    assert secret.details["n"] == 8
    assert secret.details["kind"] == "set"
    assert secret.details["order"] == sorted(bench.samples.ids)


def test_batches_workers_and_repeats_change_nothing_but_what_they_should(database, tmp_path):
    found = []
    for number, options in enumerate([{"batch_size": 1}, {"batch_size": 8}, {"batch_size": 3, "workers": 2}]):
        other = open_database(str(tmp_path / f"{number}.db"))
        outcome = run(asked(), other, **options)
        found.append({key: (row.value, row.details) for key, row in of_sets(other, outcome).items()})
        other.close()
    assert found[0] == found[1] == found[2]
    twice = of_sets(database, run(asked(repeats=2), database))
    assert twice["noise:sigma=5", "channel"].details["order"] == [f"p{i}" for i in range(8) for _ in range(2)]
    assert twice["plain", "channel"].details["order"] == [f"p{i}" for i in range(8)]


def test_a_set_is_computed_once_and_only_its_own_channel_is_traveled_again(database, tmp_path, monkeypatch):
    run(asked(degrade=("plain",)), database)
    log = tmp_path / "log"
    monkeypatch.setenv("TESTBED_LOG", str(log))
    again = run(asked(degrade=("plain",)), database)
    assert (again.computed, again.reused) == (0, 4)
    assert not log.exists()
    more = run(asked(), database)
    assert (more.computed, more.reused) == (4, 4)
    assert log.read_text().splitlines().count("decode") == 8
    other_set = run(asked(degrade=("plain",), limit=5), database)
    assert other_set.computed == 4
    assert of_sets(database, other_set)["plain", "host"].details["n"] == 5


def test_what_no_channel_changes_is_described_once(database, tmp_path, monkeypatch):
    log = tmp_path / "log"
    monkeypatch.setenv("TESTBED_LOG", str(log))
    run(asked(), database)
    # The carrier, the host and the secret of each image; and on each of two channels what arrived and two outputs.
    assert log.read_text().splitlines().count("describe") == 8 * (3 + 2 * 3)


def test_a_set_with_a_hole_has_no_figure_and_is_tried_again(database):
    outcome = run(asked(("choosy",), degrade=("plain",)), database)
    row = of_sets(database, outcome)["plain", "container"]
    assert row.value is None
    assert row.status == "skipped_unsupported"
    assert outcome.failed == 1
    assert "of 8 pictures have none: an even picture" in row.error
    assert row.details["value_of_rest"] == 0
    assert 0 < row.details["n"] < 8
    assert run(asked(("choosy",), degrade=("plain",)), database).computed == 1


def test_a_method_that_fails_leaves_its_reason(database):
    row = of_sets(database, run(asked(plugin="keep", degrade=("explode",)), database))["explode", "secret"]
    assert row.status == "capture_failed"
    assert row.error.startswith("8 of 8 pictures have none")


def test_an_unreadable_picture_is_no_part_of_the_set(database):
    row = of_sets(database, run(asked(dataset="tiny-broken"), database))["plain", "host"]
    assert row.status == "ok"
    assert row.details["n"] == 7


def test_too_few_pictures_are_said_to_be_too_few(database):
    row = of_sets(database, run(asked(limit=2), database))["plain", "host"]
    assert (row.status, row.error) == ("skipped_unsupported", "brightness needs 3 pictures, not 2")


def test_summaries_show_the_sets_own_interval_and_number(database):
    outcome = run(asked(), database)
    lines = summarize_rows(long_rows(database, [outcome.run_id]))
    summary = next(line.summary for line in lines if (line.degradation, line.pair) == ("plain", "secret"))
    assert summary.n == 8
    assert summary.kind == "set"
    assert summary.small_n
    assert (summary.low, summary.high) == (summary.mean - 1, summary.mean + 1)
    assert summary.sd is None
    assert summary.n_total == 1


def test_a_metric_without_a_pair_to_score_is_refused(testbed):
    with pytest.raises(RequestError, match="--metric choosy: scores container; paint has colorized, channel"):
        Workbench.build(asked(("choosy",), plugin="paint"))
