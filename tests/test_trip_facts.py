"""What degradations and metrics may know of a trip besides pictures: cover, mask, label, repeats, extra pictures."""

import numpy as np
import pytest

from bench_core.errors import RequestError
from bench_core.plan import Request, Workbench
from bench_core.run import run
from bench_core.store.queries import long_rows, run_trips

pytestmark = pytest.mark.usefixtures("trips_testbed")


def rows_of(database, plugin="keep", **given):
    given = {"dataset": "tiny", "metrics": ("mean-error",), **given}
    outcome = run(Request(plugin=plugin, **given), database)
    return long_rows(database, [outcome.run_id]), outcome


def test_a_degradation_gets_the_cover_and_says_what_it_replaced(database):
    rows, outcome = rows_of(database, "darken", degrade=("swap",), metrics=("mean-error", "replaced"), keep=1)
    channel = [row for row in rows if row.pair == "channel"]
    samples = Workbench.build(Request("darken", dataset="tiny", degrade=("swap",), metrics=("mean-error",))).samples
    for row in channel:
        host = samples[row.image]["host"].astype(int)
        half = (host - np.clip(host - 20, 0, 255))[:6].mean() / 2
        assert row.value == pytest.approx({"mean-error": half, "replaced": 0.5}[row.metric])
        assert row.trip["image"] == row.image
        assert row.trip["repeat"] == 0
    trip = next(trip for trip in run_trips(database, outcome.run_id) if trip.image == "p0")
    assert "channel.negative" in trip.pictures


def test_without_a_mask_the_metric_says_so(database):
    rows, _ = rows_of(database, degrade=("plain",), metrics=("replaced",))
    assert {(row.status, row.error) for row in rows} == {("skipped_unsupported", "nothing was replaced; e.g. -d swap")}


def test_a_task_without_a_cover_gives_the_carrier(database):
    rows, _ = rows_of(database, "paint", degrade=("swap",))
    assert {row.value for row in rows if row.pair == "channel"} == {0.0}


def test_a_metric_gets_the_label(database):
    rows, _ = rows_of(database, "paint", degrade=("plain",), dataset="classes", metrics=("labeled",))
    assert {row.image: row.value for row in rows if row.pair == "colorized"} == {f"p{i}": float(i) for i in range(8)}


def test_figures_of_several_secrets_are_added_where_the_metric_says_so(database):
    rows, _ = rows_of(database, "two", degrade=("plain",), metrics=("counted",))
    assert {(row.pair, row.value, row.details["mse"]) for row in rows} == {("secret", 2.0, 4.0)}


def test_photographed_carriers_are_a_channel_with_its_own_repeats(database):
    rows, _ = rows_of(database, degrade=(), captured=("roll",), metrics=("mean-error",))
    channel = {(row.image, row.repeat): row for row in rows if row.pair == "channel"}
    assert {repeat for image, repeat in channel if image == "p1"} == {0, 1, 2}
    assert {repeat for image, repeat in channel if image == "p5"} == {0, 1}
    assert {row.degradation for row in rows} == {"capture:folder=roll"}
    assert channel["p1", 2].value == pytest.approx(2, abs=0.1)
    assert (channel["p2", 0].status, channel["p2", 0].error) == ("capture_failed", "blurred")


def test_secrets_of_another_set_are_dealt_by_the_seed_and_drawn_for_their_host():
    def samples(seed=0, limit=None, size=None, plugin="two"):
        request = Request(plugin, dataset="tiny", secrets="dots", seed=seed, limit=limit, size=size)
        return Workbench.build(Request(**{**vars(request), "metrics": ("mean-error",), "degrade": ("plain",)})).samples

    whole, short = samples(), samples(limit=3)
    assert all(short.pairing[name] == whole.pairing[name] for name in short.ids)
    assert len({name for names in whole.pairing.values() for name in names}) == 16
    assert samples(seed=1).pairing != whole.pairing
    secret = samples(size="8")["p0"]["secret"]
    assert secret.shape == (8, 8, 6)
    assert (secret[0, 0] == 255).all()
    assert [f"dot{secret[4, 4, 3 * index]}" for index in range(2)] == list(whole.pairing["p0"])


def test_another_sets_photos_are_resized_to_cover_their_host():
    request = Request("keep", dataset="dots", secrets="tiny", metrics=("mean-error",), degrade=("plain",))
    with pytest.raises(RequestError, match="a readable picture is needed"):
        Workbench.build(request)  # dots can be drawn but not loaded, so they cannot be hosts
    request = Request("keep", dataset="tiny", secrets="classes", metrics=("mean-error",), degrade=("plain",), size="6")
    assert Workbench.build(request).samples["p0"]["secret"].shape == (6, 6, 3)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request("keep", dataset="tiny", secrets="dotz"), "--secrets: unknown dataset 'dotz'. Did you mean 'dots'"),
        (Request("paint", dataset="tiny", secrets="dots"), "--secrets dots: paint hides no secret"),
        (Request("keep", dataset="tiny", secrets="misdrawn"), "drawn as uint8"),
    ],
)
def test_secrets_that_cannot_be_are_refused(request_, message):
    with pytest.raises(RequestError, match=message):
        Workbench.build(Request(**{**vars(request_), "metrics": ("mean-error",), "degrade": ("plain",)}))
