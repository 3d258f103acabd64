"""The trip: what the harness hands over, what it does with what it gets back, and what it makes of failures."""

import numpy as np
import pytest

from bench_core.errors import RequestError
from bench_core.plan import Request, Workbench, make_plan
from bench_core.run import run
from bench_core.store.queries import list_runs, long_rows, run_trips

pytestmark = pytest.mark.usefixtures("testbed")


def rows_of(database, request, **options):
    outcome = run(request, database, **options)
    return long_rows(database, [outcome.run_id]), outcome


def request(plugin="keep", **given):
    given = {"degrade": ("plain", "shift:5"), "dataset": "tiny", "metrics": ("mean-error",), **given}
    return Request(plugin=plugin, **given)


def values(rows):
    return [
        (row.image, row.degradation, row.repeat, row.pair, row.metric, row.value, row.status, row.error) for row in rows
    ]


def test_there_is_one_row_for_every_image_degradation_pair_and_metric(database):
    rows, outcome = rows_of(database, request())
    keys = {(row.image, row.degradation, row.repeat, row.pair, row.metric) for row in rows}
    assert len(keys) == len(rows) == outcome.computed == 8 * 2 * 4
    assert {row.pair for row in rows} == {"container", "secret", "host", "channel"}
    assert all(row.status == "ok" and row.origin == "measured" for row in rows)


def test_the_figures_are_those_of_the_pictures(database):
    bench = Workbench.build(request())
    rows, _ = rows_of(database, bench)
    found = {(row.image, row.degradation, row.pair): row.value for row in rows}
    for image in bench.samples.ids:
        host, secret = bench.samples[image]["host"].astype(float), bench.samples[image]["secret"].astype(float)
        shifted = np.clip(host + 5, 0, 255)
        assert found[image, "shift:by=5", "container"] == 0
        assert found[image, "shift:by=5", "channel"] == pytest.approx(np.abs(shifted - host).mean())
        assert found[image, "shift:by=5", "host"] == pytest.approx(np.abs(shifted - host).mean())
        assert found[image, "plain", "host"] == 0
        assert found[image, "plain", "secret"] == pytest.approx(np.abs(128 - secret).mean())


@pytest.mark.parametrize("plugin", ["keep", "dice", "graykeep", "paint", "two"])
def test_batch_size_and_workers_change_no_row(database, tmp_path, plugin):
    from bench_core.store.database import open_database

    asked = request(plugin, degrade=("plain", "noise:5"), repeats=2, keep=0)
    reference = None
    for number, options in enumerate([{"batch_size": 1}, {"batch_size": 8}, {"batch_size": 2, "workers": 2}]):
        other = open_database(str(tmp_path / f"{number}.db"))
        rows, _ = rows_of(other, asked, **options)
        other.close()
        assert all(row.status == "ok" for row in rows)
        reference = reference or rows
        assert rows == reference


def test_carriers_are_made_once_however_many_degradations_follow(database, tmp_path, monkeypatch):
    log = tmp_path / "log"
    monkeypatch.setenv("TESTBED_LOG", str(log))
    run(request(degrade=("plain", "shift:1..5"), limit=3), database)
    calls = log.read_text().split()
    assert calls.count("encode") == 3
    assert calls.count("decode") == 3 * 6


def test_a_cell_is_computed_once(database, tmp_path, monkeypatch):
    log = tmp_path / "log"
    monkeypatch.setenv("TESTBED_LOG", str(log))
    first = run(request(), database)
    calls = log.read_text()
    again = run(request(), database)
    assert (again.computed, again.reused, again.run_id) == (0, first.computed, first.run_id)
    assert log.read_text() == calls
    more = run(request(degrade=("plain", "shift:5", "shift:6")), database)
    assert (more.computed, more.reused) == (8 * 4, 8 * 2 * 4)
    assert len(list_runs(database)) == 2
    assert run(request(seed=1), database).reused == 0
    assert run(request(settings={"level": "9"}), database).reused == 0


def test_a_new_metric_costs_only_what_is_new(database):
    run(request(), database)
    outcome = run(request(metrics=("mean-error", "fussy")), database)
    assert (outcome.computed, outcome.reused, outcome.failed) == (64, 64, 64)


def test_only_what_is_random_is_repeated(database):
    rows, _ = rows_of(database, request(degrade=("plain", "noise:5"), repeats=3))
    assert {(row.degradation, row.repeat) for row in rows} == {("plain", 0), *(("noise:sigma=5", n) for n in range(3))}
    noisy = [row.value for row in rows if row.image == "p0" and row.pair == "channel" and row.degradation != "plain"]
    assert len(set(noisy)) == 3
    rows, _ = rows_of(database, request("dice", degrade=("plain",), repeats=2))
    assert {row.repeat for row in rows} == {0, 1}


def test_two_channels_see_the_same_noise_and_the_same_draws(database):
    rows, _ = rows_of(database, request("dice", degrade=("plain", "shift:5")))
    secret = {(row.image, row.degradation): row.value for row in rows if row.pair == "secret"}
    assert all(secret[image, "plain"] == secret[image, "shift:by=5"] for image in ("p0", "p1", "p7"))


@pytest.mark.parametrize(
    ("how", "status", "reason"),
    [
        ("raise", "model_error", "RuntimeError: no luck"),
        ("nan", "nan_output", "output 'secret'"),
        ("shape", "bad_shape", "output 'secret' has shape (11, 10, 3), expected (12, 10, 3)"),
        ("dtype", "bad_shape", "int32"),
        ("missing", "bad_shape", "no 'secret'"),
        ("list", "bad_shape", "list"),
        ("memory", "oom", "MemoryError"),
    ],
)
def test_a_method_that_goes_wrong_leaves_rows_with_a_reason_and_the_rest_goes_on(database, how, status, reason):
    bench = Workbench.build(request("bad", settings={"how": how}, degrade=("plain",)))
    unlucky = {image for image in bench.samples.ids if bench.samples[image]["host"][0, 0, 0] % 2 == 0}
    assert 0 < len(unlucky) < 8
    rows, outcome = rows_of(database, bench, batch_size=8)
    assert outcome.failed == len(unlucky) * 4
    for row in rows:
        if row.image in unlucky:
            assert (row.status, row.value) == (status, None)
            assert reason in row.error
            assert "\n" not in row.error
        else:
            assert row.status == "ok"


def test_the_pessimistic_average_counts_a_failure_as_a_mid_gray_picture(database):
    from bench_core.summary import summarize_rows

    bench = Workbench.build(request("bad", degrade=("plain",)))
    rows, _ = rows_of(database, bench)
    expected = []
    for image in bench.samples.ids:
        secret, host = bench.samples[image]["secret"].astype(float), bench.samples[image]["host"].astype(float)
        expected.append(np.abs((128 if host[0, 0, 0] % 2 == 0 else host) - secret).mean())
    line = next(line for line in summarize_rows(rows) if line.pair == "secret")
    assert line.summary.worst == pytest.approx(np.mean(expected))
    assert line.summary.worst != line.summary.mean
    rows, _ = rows_of(database, request(degrade=("plain",)))
    assert all(line.summary.worst is None for line in summarize_rows(rows))


def test_failed_cells_are_tried_again(database, tmp_path, monkeypatch):
    asked = request("bad", degrade=("plain",))
    first = run(asked, database)
    monkeypatch.setattr(
        "bench_testbed.Bad.decode", lambda self, received, condition: {"secret": received, "host": received}
    )
    again = run(asked, database)
    assert again.computed == first.failed
    assert again.failed == 0
    assert all(row.status == "ok" for row in long_rows(database, [again.run_id]))


def test_a_degradation_that_raises_fails_its_own_cells_only(database):
    rows, _ = rows_of(database, request(degrade=("plain", "explode")))
    assert {(row.degradation, row.status) for row in rows} == {("plain", "ok"), ("explode", "capture_failed")}
    assert "printer is on fire" in next(row.error for row in rows if row.degradation == "explode")


def test_a_metric_that_fails_or_raises_fails_its_own_cells_only(database):
    rows, _ = rows_of(database, request("graykeep", metrics=("both",), degrade=("plain",)))
    found = {(row.pair, row.metric): (row.status, row.error) for row in rows}
    assert found["restored", "mean-error"] == ("ok", "")
    assert found["grayscale", "fussy"] == ("skipped_unsupported", "needs color")
    assert found["restored", "fussy"] == ("model_error", "metric fussy: ZeroDivisionError: fussy indeed")


def test_a_picture_that_cannot_be_read_is_a_failed_row_with_its_name(database):
    rows, outcome = rows_of(database, request(dataset="tiny-broken", degrade=("plain",)))
    broken = [row for row in rows if row.image == "p3"]
    assert len(broken) == outcome.failed == 4
    assert {(row.status, row.error) for row in broken} == {("decode_failed", "p3: truncated")}
    assert len(rows) == 32


def test_a_method_cannot_reach_what_is_measured(database):
    rows, _ = rows_of(database, request("vandal", degrade=("plain",)))
    assert all(row.value == 0 for row in rows if row.pair == "channel")


def test_a_colorizer_gets_the_luminance_and_nothing_of_its_own_making(database):
    bench = Workbench.build(request("paint", degrade=("plain",)))
    rows, _ = rows_of(database, bench)
    assert all(row.status == "ok" for row in rows)
    sample = bench.samples["p1"]
    expected = np.abs(sample["gray"].astype(float) - sample["color"]).mean()
    assert next(row.value for row in rows if row.image == "p1" and row.pair == "colorized") == pytest.approx(expected)


def test_only_methods_that_say_so_are_told_the_degradation(database):
    rows, _ = rows_of(database, request("untold"))
    assert all(row.status == "ok" for row in rows)
    bench = Workbench.build(request("told"))
    rows, _ = rows_of(database, bench)
    secret = bench.samples["p0"]["secret"].astype(float)
    found = {row.degradation: row.value for row in rows if row.image == "p0" and row.pair == "secret"}
    assert found["plain"] == pytest.approx(np.abs(secret).mean())
    assert found["shift:by=5"] == pytest.approx(np.abs(secret - 5).mean())


def test_several_secrets_are_averaged_inside_the_image(database):
    bench = Workbench.build(request("two", degrade=("plain",)))
    rows, _ = rows_of(database, bench)
    sample = bench.samples["p2"]
    assert sample["secret"].shape == (12, 10, 6)
    first, second = np.split(sample["secret"].astype(float), 2, axis=2)
    expected = (np.abs(sample["host"] - first).mean() + np.abs(second).mean()) / 2
    found = next(row.value for row in rows if row.image == "p2" and row.pair == "secret")
    assert found == pytest.approx(expected)


def test_pictures_are_kept_for_the_first_images_only(database):
    run_id = run(request(keep=2), database).run_id
    kept = {(trip.image, trip.degradation): set(trip.pictures) for trip in run_trips(database, run_id) if trip.pictures}
    assert set(kept) == {(image, degradation) for image in ("p0", "p1") for degradation in ("plain", "shift:by=5")}
    roles = {"carrier", "received", "sample.host", "sample.secret", "output.secret", "output.host"}
    assert all(pictures == roles for pictures in kept.values())


def test_plan_cuts_only_what_is_missing(database):
    bench = Workbench.build(request())
    plan = make_plan(bench, {}, batch_size=3)
    assert [len(piece.work) for piece in plan.slices] == [3, 3, 2]
    cell = bench.cells(bench.trips("p0")[0])[0]
    assert make_plan(bench, {cell: 1}, batch_size=3).missing == plan.missing - 1


def test_all_mistakes_of_a_request_are_reported_together(database):
    with pytest.raises(RequestError) as caught:
        Workbench.build(
            request("kep", degrade=("shfit:3", "shift:99"), metrics=("mean-eror",), dataset="tny", size="big")
        )
    text = "\n".join(caught.value.problems)
    for part in ("unknown model 'kep'", "'shfit'", "shift:99", "'mean-eror'", "'tny'", "--size"):
        assert part in text
    assert len(caught.value.problems) == 6


def test_settings_are_checked_against_the_method(database):
    with pytest.raises(RequestError, match="level must be an integer from 0 to 255"):
        Workbench.build(request(settings={"level": "300"}))
    with pytest.raises(RequestError, match="unknown parameter 'lvel' for keep; known: level"):
        Workbench.build(request(settings={"lvel": "3"}))


def test_a_method_that_cannot_be_set_up_is_named(database):
    with pytest.raises(
        RequestError, match="--plugin unbuildable: cannot be set up: OSError: cannot find the magic file"
    ):
        Workbench.build(request("unbuildable"))


def test_carriers_are_what_a_run_sends_however_many_are_asked_for():
    from concurrent.futures import ThreadPoolExecutor

    from bench_core.runner import carriers, run_slice

    bench = Workbench.build(request("dice", degrade=("plain",), keep=8, dataset="tiny-broken"))
    (work,) = make_plan(bench, {}, batch_size=8).slices
    with ThreadPoolExecutor(1) as threads:
        sent = {record.key.image: record.pictures.get("received") for record in run_slice(bench, work, threads)}
    for images in (list(sent), ["p5"]):
        made = carriers(bench, images)
        assert list(made) == images
        for image in images:
            if image == "p3":
                assert made[image].status == "decode_failed"
            else:
                assert np.array_equal(made[image], sent[image])
