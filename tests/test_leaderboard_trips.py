"""The leaderboard of runs whose channels give pictures of their own, and whose metrics score whole sets."""

from leaderboard_site import read

from bench_core.plan import Request
from bench_core.run import run
from bench_leaderboard import site
from bench_leaderboard.board import read_board


def test_pictures_of_the_channel_and_figures_of_whole_sets_are_shown(trips_testbed, database, tmp_path):
    asked = Request("keep", degrade=("swap", "shift:5"), dataset="tiny", metrics=("mean-error", "brightness"), keep=1)
    run_id = run(asked, database).run_id
    index = site.build_site(read_board(database), database, tmp_path / "site")
    page = read(index.parent / "runs" / f"{run_id}.html")
    alts = [picture.attrs["alt"] for picture in page.all("img")]
    assert "negative of p0 after swap" in alts
    assert "negative of p0 after shift:by=5" not in alts
    assert "brightness" in page.text
    assert "8 images" in read(index).text


def test_a_set_without_a_figure_is_a_failure_of_the_whole_set(trips_testbed, database, tmp_path):
    asked = Request("keep", degrade=("plain",), dataset="tiny", metrics=("mean-error", "choosy"))
    run_id = run(asked, database).run_id
    index = site.build_site(read_board(database), database, tmp_path / "site")
    failures = read(index.parent / "runs" / f"{run_id}.html").one("section", id="failures").text
    assert "the whole set" in failures
    assert "an even picture" in failures


def test_a_metric_has_columns_only_for_the_pairs_it_scores(trips_testbed, database):
    run(Request("keep", degrade=("plain",), dataset="tiny", metrics=("mean-error", "counted")), database)
    (table,) = read_board(database).tables
    assert [(column.pair, column.metric.name) for column in table.columns] == [
        ("container", "mean-error"),
        ("secret", "counted"),
        ("secret", "mean-error"),
    ]
