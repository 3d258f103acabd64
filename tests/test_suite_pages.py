"""A suite's page: reported beside measured, each marked as what it is, and no reported figure anywhere else."""

import json

import pytest
from leaderboard_site import EVIL, add_run, addresses, read

from bench_core.store.database import open_database
from bench_core.store.suites import ReportedFigure, StoredSuite, link_run, record_suite
from bench_leaderboard import site
from bench_leaderboard.board import read_board

JPEG = "jpeg:q=40,ss=420"
PRINTED = 27.3219


def column(title, pair, degradation="", metric="psnr", **more):
    return {"title": title, "pair": pair, "metric": metric, "degradation": degradation,
            "measured_only": False, "panel": "", **more}  # fmt: skip


def method(label, row="", note=""):
    return {"key": label, "label": label, "row": row, "note": note}


def suite(name="paper-table3", **changes):
    definition = {
        "columns": [column("JPEG 40", "secret", JPEG), column("container", "container", measured_only=True)],
        "published_data": EVIL,
        "methods": [method("Ours", "Theirs", EVIL), method("Flaky"), method("Floor")],
        "reported": [{"row": "Theirs", "note": EVIL}, {"row": EVIL, "note": ""}],
        "caveats": [{"number": 7, "text": EVIL}],
        "figure": False,
        "floor": "Floor",
        "floor_pairs": ["secret"],
        "floor_metrics": ["psnr"],
        "presets": [],
        **changes,
    }
    notes = {"data": "", "skipped": {"Absent": ["no weights runs/x.safetensors", f"bench train x --set a={EVIL}"]}}
    return StoredSuite(name, f"Title {EVIL}", f"Authors {EVIL}. 2020", "Table 3", "steganography", definition, notes)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suites")
    database = open_database(str(folder / "bench.db"))
    runs = {
        "Ours": add_run(database, "riis", level=20.0, weights="ab" * 32),
        "Flaky": add_run(database, "lsb", level=40.0, fails=lambda image, channel: image == "a"),
        "Floor": add_run(database, "dct-hide", level=19.5),
    }
    record_suite(
        database,
        suite(),
        [
            ReportedFigure("Theirs", EVIL, JPEG, "secret", "psnr", PRINTED, EVIL),
            ReportedFigure(EVIL, EVIL, JPEG, "secret", "psnr", 20.0),
        ],
    )
    for label, run in runs.items():
        link_run(database, "paper-table3", label, run, f"data {EVIL}")
    plot = {"figure": True, "reported": [], "caveats": [], "floor": ""}
    panels = [column("q", "secret", JPEG, panel="first"), column("q", "host", JPEG, panel="second")]
    record_suite(database, suite("Paper Fig.9", columns=panels, **plot), [])
    link_run(database, "Paper Fig.9", "Ours", runs["Ours"], "")
    index = site.build_site(read_board(database), database, folder / "site", title="board")
    yield index.parent, runs
    database.close()


def rows(page):
    table = next(page.all("table"))
    return {row.one("th").text: row for row in table.one("tbody").all("tr")}


def test_each_row_is_marked_as_reported_or_measured_by_word_and_look(page):
    folder, _ = page
    found = rows(read(folder / "suites" / "paper-table3.html"))
    origins = [(name.split()[0], row.attrs["class"], row.one("td", class_="words").text) for name, row in found.items()]
    assert origins == [
        ("Theirs", "reported", "reported"),
        ("Ours", "measured", "measured"),
        (EVIL.split()[0], "reported", "reported"),
        ("Flaky", "measured", "measured"),
        ("Floor", "measured", "measured"),
    ]
    style = (folder / "static" / "style.css").read_text()
    assert ".suite .reported" in style


def test_figures_are_the_papers_and_the_runs(page):
    folder, runs = page
    found = {name.split()[0]: row for name, row in rows(read(folder / "suites" / "paper-table3.html")).items()}
    reported = [cell.text for cell in found["Theirs"].all("td")][1:]
    assert reported == ["27.3219", "– not printed"]
    link = list(found["Ours"].all("a"))[1]  # the first leads to the run as a whole
    # a, b and c are 20, 21 and 22 dB, and a quarter step under the second channel
    assert (link.text, link.attrs["href"]) == ("21.12", f"../runs/{runs['Ours']}.html#on-jpeg-q-40-ss-420")
    assert "1 of 3 cells failed" in found["Flaky"].text
    assert "n 3*" in found["Ours"].one("th").text


def test_only_measured_figures_near_the_floor_are_marked(page):
    folder, _ = page
    found = {name.split()[0]: row for name, row in rows(read(folder / "suites" / "paper-table3.html")).items()}
    marked = {name for name, row in found.items() if any(row.all("span", class_="near"))}
    assert marked == {"Ours"}


def test_caveats_and_what_was_not_measured_stand_below(page):
    folder, _ = page
    html = read(folder / "suites" / "paper-table3.html")
    caveats = html.one("section", id="caveats")
    assert [(item.attrs["value"], item.text) for item in caveats.all("li")] == [("7", " ".join(EVIL.split()))]
    skipped = html.one("section", id="skipped")
    assert skipped.one("h3").text == "Absent"
    assert skipped.one("code").text == f"bench train x --set a={EVIL}"


def test_a_figure_has_a_table_a_panel_and_reports_nothing(page):
    folder, _ = page
    html = read(folder / "suites" / "paper-fig-9.html")
    assert [table.one("caption").text for table in html.all("table")] == ["first", "second"]
    assert "The paper prints no number for this figure" in html.one("section", id="figures").text
    assert not list(html.all("tr", class_="reported"))


@pytest.mark.parametrize("name", ["paper-table3", "paper-fig-9"])
def test_the_page_is_whole_safe_and_accessible(page, name):
    folder, _ = page
    path = folder / "suites" / f"{name}.html"
    html = read(path)
    assert "<script>alert" not in path.read_text()
    ids = [node.attrs["id"] for node in html.all() if "id" in node.attrs]
    assert len(ids) == len(set(ids))
    for region in html.all("div", role="region"):
        assert region.attrs["aria-labelledby"] in ids
        assert region.attrs["tabindex"] == "0"
    for table in html.all("table"):
        assert all("scope" in head.attrs for head in table.all("th"))
    for address in addresses(html):
        target, _, anchor = address.partition("#")
        place = (path.parent / target).resolve() if target else path
        assert place.is_file(), address
        if anchor:
            assert any(node.attrs.get("id") == anchor for node in read(place).all()), address


def test_the_index_links_to_the_suites_and_holds_no_reported_figure(page):
    folder, runs = page
    index = read(folder / "index.html")
    links = {link.attrs["href"] for link in index.one("nav", aria_label="Suites").all("a")}
    assert links == {"suites/paper-table3.html", "suites/paper-fig-9.html"}
    others = [folder / "index.html", *(folder / "runs").iterdir(), *(folder / "data").iterdir()]
    for path in others:
        if "suite" not in path.name:
            assert "27.32" not in path.read_text(), path
            assert ",reported," not in path.read_text()
    data = json.loads((folder / "data" / "suite-paper-table3.json").read_text())
    assert {row["run"] for row in data} == {"suite:paper-table3", *runs.values()}
    assert {row["value"] for row in data if row["origin"] == "reported"} == {PRINTED, 20.0}


def test_proportions_are_per_cent_and_what_is_reported_keeps_its_digits(tmp_path):
    database = open_database(str(tmp_path / "bench.db"))
    metrics = {
        "mse@1": {"name": "mse", "direction": "lower", "unit": "", "kind": "mean"},
        "cci_ratio@1": {"name": "cci_ratio", "direction": "none", "unit": "", "kind": "proportion"},
    }
    images = [f"p{at}" for at in range(8)]
    share = [(float(at == 0), {"kind": "proportion", "reference": 0.0}) for at in range(8)]
    figures = {"mse": [(0.00662, {})] * 8, "cci_ratio": share}
    both = {"task": "colorization", "channels": ("identity",), "metrics": metrics, "images": images}
    run = add_run(database, "paint", figures=figures, **both)
    printed = {"A": (0.0076, 0.1493), "B": (0.0077, 0.033), "C": (0.00734, 0.5516), "D": (0.007, 0.2141)}
    columns = [column(name, "colorized", "identity", name) for name in ("mse", "cci_ratio")]
    definition = suite(
        columns=columns, methods=[method("paint")], reported=[{"row": name, "note": ""} for name in printed],
        originals="the originals", floor="paint", floor_pairs=["colorized"],
    ).definition  # fmt: skip
    record_suite(
        database,
        StoredSuite("color", "T", "P", "Table 1", "colorization", definition, {"data": "", "skipped": {}}),
        [
            ReportedFigure(row, "S", "identity", "colorized", metric, value)
            for row, values in printed.items()
            for metric, value in zip(("mse", "cci_ratio"), values, strict=True)
        ],
    )
    link_run(database, "color", "paint", run, "")
    index = site.build_site(read_board(database), database, tmp_path / "site", title="board")
    html = read(index.parent / "suites" / "color.html")
    found = {name.split(" on:")[0]: [cell.text for cell in row.all("td")][1:] for name, row in rows(html).items()}
    assert {name: found[name] for name in printed} == {
        "A": ["0.0076", "14.93 %"],
        "B": ["0.0077", "3.30 %"],
        "C": ["0.00734", "55.16 %"],
        "D": ["0.0070", "21.41 %"],
    }
    assert found["paint"][0].startswith("0.00662 ")
    assert found["paint"][1].startswith("12.5 % 2.2 % … 47.1 %")
    assert found["the originals"] == ["– no figure", "0.0 %"]
    legend = html.one("p", class_="legend").text
    assert "no nearer than by leaving the picture gray" in legend
    assert "robustness" not in legend
    database.close()
