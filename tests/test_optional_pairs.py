"""Pairs that exist only where a sample has the map: no row elsewhere, and no failure."""

import pytest

from bench_core.errors import RequestError
from bench_core.plan import Request, Workbench
from bench_core.plugins import registry
from bench_core.records import WHOLE_SET
from bench_core.run import run
from bench_core.store.database import open_database
from bench_core.store.queries import long_rows
from bench_core.summary import summarize_rows
from bench_core.task import COLORIZATION, TASKS


@pytest.fixture(autouse=True)
def maps_testbed(testbed, monkeypatch):
    monkeypatch.setenv("BENCH_PLUGINS", "bench_testbed,maps_testbed")
    registry.cache_clear()


def request(plugin="labeler", metrics=("mean-error", "agree"), dataset="mapped", degrade=("plain",), **given):
    return Request(plugin=plugin, metrics=metrics, dataset=dataset, degrade=degrade, **given)


def rows_of(database, asked, **options):
    outcome = run(asked, database, **options)
    return long_rows(database, [outcome.run_id]), outcome


def test_a_pair_is_scored_where_its_reference_is(database):
    rows, outcome = rows_of(database, request())
    semantic = {row.image: row for row in rows if row.pair == "semantic" and row.image != "p5"}
    assert {name: row.value for name, row in semantic.items()} == {"p0": 0, "p2": 1, "p4": 0, "p6": 0}
    assert {row.metric for row in semantic.values()} == {"agree"}
    assert {row.metric for row in rows if row.pair in ("colorized", "channel")} == {"mean-error"}
    assert not [row for row in rows if row.pair == "saliency"]
    # Only the picture that cannot be read fails, in every pair that the set has.
    assert {(row.image, row.pair) for row in rows if row.status != "ok"} == {
        ("p5", pair) for pair in ("colorized", "semantic", "channel")
    }
    assert outcome.failed == 3


def test_a_summary_counts_no_cell_that_is_not_there(database):
    rows, _ = rows_of(database, request())
    lines = {line.pair: line for line in summarize_rows(rows)}
    assert (lines["semantic"].summary.n, lines["semantic"].summary.n_total) == (4, 5)
    assert (lines["colorized"].summary.n, lines["colorized"].summary.n_total) == (7, 8)


def test_one_picture_with_a_map_is_enough_for_a_pair(database):
    rows, _ = rows_of(database, request(dataset="mapped-twice"))
    (row,) = (row for row in rows if row.pair == "saliency" and row.image == "p1")
    assert (row.metric, row.value) == ("mean-error", 100)
    assert {row.image for row in rows if row.pair == "saliency"} == {"p1", "p5"}


def test_the_same_cells_are_found_again_and_in_batches_and_processes(database, tmp_path):
    asked = request(metrics=("agree", "classes", "mean-error"), degrade=("plain", "shift:5"))
    rows, outcome = rows_of(database, asked)
    again = run(asked, database)
    assert (again.computed, again.reused) == (outcome.failed, outcome.computed - outcome.failed)
    other = open_database(str(tmp_path / "other.db"))
    elsewhere, _ = rows_of(other, asked, batch_size=3, workers=2)

    def facts(found):
        return sorted((row.image, row.degradation, row.pair, row.metric, str(row.value), row.status) for row in found)

    assert facts(elsewhere) == facts(rows)
    other.close()


def test_a_set_of_labels_is_the_set_of_those_that_have_some(database):
    rows, _ = rows_of(database, request(metrics=("classes",)))
    (row,) = (row for row in rows if row.image == WHOLE_SET)
    assert (row.pair, row.status) == ("semantic", "ok")
    assert row.details["order"] == ["p0", "p2", "p4", "p6"]
    assert row.value == (2 + 0 + 2 + 4) / 4


def test_a_method_that_fails_fails_the_pairs_that_are_there(database):
    rows, _ = rows_of(database, request(plugin="refuser"))
    assert {row.image for row in rows if row.pair == "semantic"} == {"p0", "p2", "p4", "p5", "p6"}
    assert not [row for row in rows if row.pair == "saliency"]


def test_pictures_are_kept_of_what_is_there(database):
    bench = Workbench.build(request(keep=8))
    assert [pair.name for pair in bench.pairs] == ["colorized", "semantic", "channel"]
    rows_of(database, bench)
    assert [pair.name for pair in bench.pairs_of("p1")] == ["colorized", "channel"]
    assert [pair.name for pair in bench.pairs_of("p5")] == ["colorized", "semantic", "channel"]


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (
            {"dataset": "tiny", "metrics": ("mean-error", "agree")},
            "--metric agree: needs pictures with semantic, and --dataset tiny has none; "
            "e.g. --dataset folder:photos,semantic=DIR",
        ),
        ({"plugin": "paint", "metrics": ("agree",)}, "--metric agree: scores labels; paint has colorized, channel"),
    ],
)
def test_a_metric_without_anything_to_score_is_refused(asked, problem):
    with pytest.raises(RequestError) as caught:
        Workbench.build(request(**asked))
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(problem)


def test_one_of_several_methods_is_asked_for_what_it_has():
    metrics = ("mean-error", "agree")
    alone = Workbench.build(request(plugin="paint", metrics=metrics, one_of_several=True))
    assert list(alone.metrics) == ["mean-error"]
    assert list(Workbench.build(request(metrics=metrics, dataset="tiny", one_of_several=True)).metrics) == [
        "mean-error"
    ]
    assert list(Workbench.build(request(metrics=metrics, one_of_several=True)).metrics) == list(metrics)
    for asked in ({"plugin": "paint"}, {"dataset": "tiny"}):
        with pytest.raises(RequestError, match="--metric agree: "):
            Workbench.build(request(metrics=("agree",), one_of_several=True, **asked))


def test_only_semantic_maps_are_labels():
    assert [pair.name for task in TASKS.values() for pair in task.pairs if pair.kind != "picture"] == ["semantic"]
    assert [pair.name for pair in COLORIZATION.pairs_for(("color",))] == ["colorized", "channel"]
    assert [pair.name for pair in COLORIZATION.pairs] == ["colorized", "saliency", "semantic", "channel"]
