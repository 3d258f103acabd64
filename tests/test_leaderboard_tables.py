"""The tables of the leaderboard: whole without a script, and every figure that of the rows."""

import math

import pytest
from leaderboard_site import CHANNELS, EVIL, IDENTICAL, METRICS, add_run, board, cells, read

from bench_core.cli.tables import figure
from bench_core.store.database import open_database
from bench_core.store.queries import list_runs, long_rows
from bench_core.summary import summarize_rows
from bench_leaderboard import site
from bench_leaderboard.board import read_board
from bench_leaderboard.degradations import anchor


def test_pages_are_whole_without_a_script_and_every_table_names_its_parts(built):
    for path in built.pages:
        page = read(path)
        for table in page.all("table"):
            assert table.one("caption").text
            assert all(head.attrs["scope"] in ("col", "colgroup", "row", "rowgroup") for head in table.all("th"))
        scripts = list(page.all("script"))
        assert [script.attrs["src"].endswith("static/board.js") for script in scripts] == [True]
        assert page.one("html").attrs["lang"] == "en"
        assert all(element.attrs.get("id") is None or " " not in element.attrs["id"] for element in page.all())
        ids = [element.attrs["id"] for element in page.all() if "id" in element.attrs]
        assert len(ids) == len(set(ids))


def test_columns_fit_their_headings_and_one_is_sorted_by(built):
    section, table = board(built)
    groups, columns = table.one("thead").children_of("tr")
    wide = sum(int(group.attrs["colspan"]) for group in groups.all("th", scope="colgroup"))
    assert wide == len(columns.children_of("th"))
    assert all(len(row.children_of("th", "td")) == wide + 1 for row in table.one("tbody").all("tr"))
    ordered = [head for head in table.all("th") if "aria-sort" in head.attrs]
    assert [head.attrs["aria-sort"] for head in ordered] == ["descending"]
    name = ordered[0].attrs["data-name"]
    assert name == "secret psnr@1 under clean"  # where most runs have a figure
    ranked = [cell for (_, column), cell in cells(table).items() if column == name]
    whole = [float(cell.attrs["data-value"]) for cell in ranked if "data-value" in cell.attrs and "†" not in cell.text]
    assert whole == sorted(whole, reverse=True)
    ranks = [2 if "data-value" not in cell.attrs else 1 if "†" in cell.text else 0 for cell in ranked]
    assert ranks == sorted(ranks)
    assert set(ranks) == {0, 1, 2}
    assert name in section.text


def test_every_figure_of_the_tables_is_the_summary_of_the_rows(built):
    checked = 0
    infos = {info.id: info for info in list_runs(built.database)}
    tables = [("steganography", "d0"), ("steganography", "e1"), ("invertible-grayscale", "d0"), ("colorization", "d0")]
    for task, data in tables:
        for (run, column), cell in cells(board(built, task, data)[1]).items():
            if "data-value" not in cell.attrs:
                continue
            lines = summarize_rows(long_rows(built.database, [run]), seed=infos[run].seed)
            link = cell.one("a").attrs["href"]
            places = {f"runs/{run}.html#{anchor(name)}": name for name in infos[run].request["degradations"]}
            degradation = places[link]
            pair, metric = column.partition("@")[0].split(" ")[:2]
            line = next(x for x in lines if (x.degradation, x.pair, x.metric) == (degradation, pair, metric))
            summary = line.summary
            assert float(cell.attrs["data-value"]) == summary.mean
            assert cell.one("a").text == figure(summary.mean, metric)
            interval = f"{figure(summary.low, metric)} … {figure(summary.high, metric)}"
            assert cell.one("span", class_="ci").text == interval
            assert next(cell.all("span", class_="n")).text.startswith(f"n {summary.n}*")  # 3 images are few
            assert ("†" in cell.text) == bool(line.failed)
            checked += 1
    assert checked > 70


def test_several_runs_of_a_method_are_one_row_and_link_to_where_each_figure_is_from(tmp_path):
    database = open_database(str(tmp_path / "bench.db"))
    first = add_run(database, "lsb", channels=CHANNELS[:1], level=30.0)
    second = add_run(database, "lsb", channels=CHANNELS[1:2], level=20.0)
    other = add_run(database, "lsb", settings={"bits": 2}, channels=CHANNELS[:2], level=10.0)
    index = site.build_site(read_board(database), database, tmp_path / "site", title="x")
    rows = list(read(index).one("table").one("tbody").all("tr"))
    assert [row.attrs["data-run"] for row in rows] == [second, other]
    figures = {
        cell.one("a").attrs["href"]: float(cell.attrs["data-value"])
        for cell in rows[0].all("td")
        if "data-value" in cell.attrs and cell.one("a").text.startswith(("31", "21"))
    }
    assert {link.partition(".html#")[0] for link in figures} == {f"runs/{first}", f"runs/{second}"}
    assert f"runs/{first}.html" in {link.attrs["href"] for link in rows[0].one("th").all("a")}
    database.close()


def test_the_figures_of_a_run_page_are_the_summary_of_its_rows(built):
    for info in list_runs(built.database):
        lines = summarize_rows(long_rows(built.database, [info.id]), seed=info.seed)
        page = read(built.folder / "runs" / f"{info.id}.html")
        shown = {}
        for body in page.one("section", id="figures").all("tbody"):
            degradation = body.one("code").text
            for row in body.all("tr"):
                if not list(row.all("code")):
                    pair, metric, mean, *spread, n, counted, _notes = (c.text for c in row.children_of("th", "td"))
                    count = n.split()[0].rstrip("*")
                    shown[degradation, pair, metric.split()[0]] = (mean.split()[0], *spread, count, counted)
        assert len(shown) == len(lines)
        for line in lines:
            s = line.summary
            interval = "–" if s.low is None else f"{figure(s.low, line.metric)} … {figure(s.high, line.metric)}"
            rest = (figure(value, line.metric) for value in (s.median, s.sd, s.p5, s.pooled))
            expected = (figure(s.mean, line.metric), interval, *rest, str(s.n), f"{s.n_ok}/{s.n_total}")
            assert shown[line.degradation, line.pair, line.metric] == expected


def test_what_no_degradation_can_change_stands_once(built):
    names = [column for run, column in cells(board(built)[1]) if run == built.ids["good"]]
    early = [name for name in names if name.startswith("container")]
    assert early == ["container psnr@1", "container psnr@2", "container lpips"]
    assert "secret psnr@1 under JPEG 90" in names
    assert not any(name.startswith(("host", "channel")) for name in names)


def test_the_best_is_marked_in_words_and_by_direction_and_never_where_cells_failed(built):
    found = cells(board(built)[1])
    assert found[built.ids["good"], "secret psnr@1 under JPEG 40"].text.startswith("★ best:")
    assert found[built.ids["good"], "secret lpips under JPEG 40"].text.startswith("★ best:")
    flaky = found[built.ids["flaky"], "secret psnr@1 under JPEG 40"]
    assert float(flaky.attrs["data-value"]) > 40
    assert "best" not in flaky.text
    assert "† 1 of 3 cells failed" in flaky.text
    lines = summarize_rows(long_rows(built.database, [built.ids["flaky"]]))
    worst = next(x.summary.worst for x in lines if (x.degradation, x.pair, x.metric) == (CHANNELS[1], "secret", "psnr"))
    assert f"with failures {worst:.2f}" in flaky.text


def test_a_missing_figure_stays_with_its_reason(built):
    found = cells(board(built)[1])

    def reason(name, column):
        cell = found[built.ids[name], column]
        assert "data-value" not in cell.attrs
        assert cell.attrs["title"] in cell.text
        return cell.attrs["title"]

    assert reason("short", "secret psnr@1 under JPEG 90") == "this run did not ask for jpeg:q=90,ss=420"
    assert (
        reason("broken", "secret psnr@1 under JPEG 90")
        == f"all 3 failed, the first with model_error: no luck with {EVIL}"
    )
    assert reason("stopped", "secret psnr@1 under JPEG 90").startswith("not computed")
    assert reason("nothing", "secret psnr@1 under JPEG 90").startswith("not computed")
    assert reason("newer", "secret lpips under JPEG 90") == "this run did not ask for lpips@2"


def test_runs_on_other_pictures_and_other_versions_of_a_metric_are_not_ranked_together(built):
    runs = {row.attrs["data-run"] for row in board(built)[1].one("tbody").all("tr")}
    assert built.ids["elsewhere"] not in runs
    page = read(built.folder / "index.html")
    assert len(list(page.all("table"))) == 4
    table = board(built)[1]
    texts = [head.text for head in table.all("th") if head.attrs.get("data-metric") == "psnr"]
    assert any("psnr@1" in text for text in texts)
    assert any("psnr@2" in text for text in texts)
    good = next(row for row in table.all("tr") if row.attrs.get("data-run") == built.ids["good"])
    newer = next(row for row in table.all("tr") if row.attrs.get("data-run") == built.ids["newer"])
    for mine, theirs in zip(good.children_of("td"), newer.children_of("td"), strict=True):
        assert not ("data-value" in mine.attrs and "data-value" in theirs.attrs)


def decibels(*errors):
    """The figures of PSNR for mean squared errors; none is an identical picture."""
    return [(10 * math.log10(255**2 / error), {"mse": error}) if error else (None, IDENTICAL) for error in errors]


@pytest.fixture
def colors(tmp_path):
    """The site of a method that colors and of one that does nothing, which wins by the mean of one gray picture."""
    database = open_database(str(tmp_path / "bench.db"))
    both = {"task": "colorization", "channels": CHANNELS[:1]}
    rmse = {"rmse_ab@1": {"name": "rmse_ab", "direction": "lower", "unit": "", "kind": "mean"}}

    def built(*, chroma):
        metrics = {"psnr@1": METRICS["psnr@1"], **(rmse if chroma else {})}
        for name, errors, ab in (("paint", (300, 300, 20), (9, 9, 2)), ("gray", (400, 400, 0), (12, 12, 0))):
            figures = {"psnr": decibels(*errors), "rmse_ab": [(value, {}) for value in ab]}
            add_run(database, name, metrics=metrics, figures=figures, **both)
        index = site.build_site(read_board(database), database, tmp_path / "site", title="x")
        return read(index)

    yield built
    database.close()


def test_colorization_is_ranked_by_the_pooled_error_and_not_by_identical_pictures(colors):
    page = colors(chroma=False)
    paint, gray = page.one("tbody").all("tr")
    assert [next(row.all("a")).text for row in (paint, gray)] == ["paint", "gray"]
    assert paint.one("td").text.startswith("★ best:")
    assert float(paint.one("td").attrs["data-value"]) == pytest.approx(10 * math.log10(255**2 / (620 / 3)))
    assert gray.one("td").one("a").text == "48.07"
    assert "pooled 23.87" in gray.one("td").text
    section = page.one("section", class_="table")
    assert "ranked by colorized psnr under clean, pooled" in section.text
    assert "Identical pictures count 100 dB" in section.text


def test_colorization_is_ranked_by_the_error_of_its_colors_where_runs_have_it(colors):
    page = colors(chroma=True)
    assert [next(row.all("a")).text for row in page.one("tbody").all("tr")] == ["paint", "gray"]
    ordered = [head for head in page.all("th") if "aria-sort" in head.attrs]
    assert [(head.attrs["data-name"], head.attrs["aria-sort"]) for head in ordered] == [
        ("colorized rmse_ab under clean", "ascending")
    ]


def test_only_colorization_is_ranked_by_a_pooled_figure(built):
    for task, warned in (("steganography", False), ("invertible-grayscale", False), ("colorization", True)):
        section, _ = board(built, task)
        assert ("pooled" in section.text) == warned, task


def test_the_originals_figure_stands_beside_that_of_the_method(tmp_path):
    database = open_database(str(tmp_path / "bench.db"))
    metrics = {
        "cci@1": {"name": "cci", "direction": "none", "unit": "", "kind": "mean"},
        "cci_ratio@1": {"name": "cci_ratio", "direction": "none", "unit": "", "kind": "proportion"},
    }
    share = {"kind": "proportion", "reference": 1.0}
    figures = {
        "cci": [(12.0, {"reference": value}) for value in (50.0, 54.0, 56.89)],
        "cci_ratio": [(1.0, share), (0.0, {**share, "reference": 0.0}), (0.0, share)],
    }
    add_run(database, "paint", task="colorization", channels=CHANNELS[:1], metrics=metrics, figures=figures)
    index = site.build_site(read_board(database), database, tmp_path / "site", title="x")
    cci, ratio = read(index).one("tbody").all("td")
    assert "originals 53.63" in cci.text
    assert "33.3 %" in ratio.text
    assert "originals 66.7 %" in ratio.text
    database.close()


def test_sets_of_one_name_are_told_apart_by_size_and_limit(tmp_path):
    database = open_database(str(tmp_path / "bench.db"))
    asked = [{}, {"size": "fit:32"}, {"size": "fit:32", "limit": 2}]
    for at, request in enumerate(asked):
        add_run(database, "lsb", data=f"a{at}", channels=CHANNELS[:1], request=request)
    page = read(site.build_site(read_board(database), database, tmp_path / "site", title="x"))
    names = ["sample", "sample, size fit:32", "sample, size fit:32, the first 2"]
    expected = [f"steganography on {name}" for name in names]
    assert [head.text for head in page.all("h2")] == expected
    assert [link.text for link in page.one("nav", aria_label="Tables").all("a")] == expected
    database.close()


def test_a_table_is_named_by_the_plainest_words_for_its_pictures(tmp_path):
    database = open_database(str(tmp_path / "bench.db"))
    for plugin, request in (("lsb", {}), ("riis", {"limit": 500})):
        add_run(database, plugin, channels=CHANNELS[:1], request=request)
    (table,) = read_board(database).tables
    assert table.data == "sample"
    database.close()
