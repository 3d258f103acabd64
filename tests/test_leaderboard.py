"""The leaderboard as a site: what the pages say, where their links lead, and what a build leaves behind."""

import csv
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from bench_core.cli.tables import figure
from bench_core.errors import RequestError
from bench_core.records import ScoreRecord, TripKey, TripRecord
from bench_core.store.database import open_database
from bench_core.store.queries import COLUMNS, list_runs, long_rows
from bench_core.store.writer import ModelIdentity, RunIdentity, RunWriter
from bench_core.summary import summarize_rows
from bench_core.task import TASKS
from bench_leaderboard import site
from bench_leaderboard.board import read_board
from bench_leaderboard.degradations import anchor

METRICS = {
    "psnr@1": {"name": "psnr", "direction": "higher", "unit": "dB", "kind": "mean"},
    "lpips@2": {"name": "lpips", "direction": "lower", "unit": "", "kind": "mean"},
}
CHANNELS = ["identity", "jpeg:q=40,ss=420", "jpeg:q=90,ss=420", "poisson:gray=0,peak=255"]
EVIL = "<script>alert(1)</script>\"'&"


def picture(seed, channels):
    return np.random.default_rng(seed).integers(0, 256, (12, 16, channels), dtype=np.uint8)


def pictures(task, seed, secrets):
    one = TASKS[task].carrier_channels
    if task != "steganography":
        return {
            "sample.color": picture(seed, 3),
            "sample.gray": picture(seed + 1, one),
            "carrier": picture(seed + 2, one),
            "received": picture(seed + 3, one),
            "output.color": picture(seed + 4, 3),
        }
    roles = {"sample.host": picture(seed, 3), "carrier": picture(seed + 2, 3), "received": picture(seed + 3, 3)}
    for index in range(secrets):
        tail = f".{index + 1}" if secrets > 1 else ""
        roles |= {f"sample.secret{tail}": picture(seed + 5 + index, 3), f"output.secret{tail}": picture(seed + 9, 3)}
    return roles


def add_run(
    database, plugin, *, task="steganography", data="d0", channels=CHANNELS, asked=None, images=("a", "b", "c"),
    settings=None, fails=lambda image, channel: False, level=20.0, weights="", secrets=1, metrics=METRICS, seed=0,
):  # fmt: skip
    """Write one run of made-up figures, and return its id."""
    model = ModelIdentity(plugin, "testbed", "1.0", task, settings or {}, weights, "cd" * 16)
    request = {"degradations": list(asked or channels), "metrics": metrics, "repeats": 1, "limit": None, "size": None}
    run = RunIdentity(model, "sample", (data * 16)[:32], seed, request)
    provenance = {"versions": {"python": "3.11"}, "hardware": {"processor": EVIL}, "git": "abc+"}
    writer = RunWriter(database, run, f"bench run -p {plugin}", provenance)
    pairs = [pair for pair in TASKS[task].pairs if pair.name != "host"]
    records = []
    for at, image in enumerate(images):
        for step, channel in enumerate(channels):
            bad = fails(image, channel)
            scores = []
            for pair in pairs:
                for implementation, facts in metrics.items():
                    value = level + at + step / 8 if facts["name"] == "psnr" else 1 / (level + at + step)
                    same = channel == "identity" and pair.name == "channel" and facts["name"] == "psnr"
                    scores.append(
                        ScoreRecord(
                            pair.name,
                            facts["name"],
                            implementation,
                            None if bad or same else value,
                            "model_error" if bad else "ok",
                            f"no luck with {EVIL}" if bad else "",
                            {"worst": 5.0} if bad else {"identical": True, "cap": 100.0, "mse": 0.0} if same else {},
                        )
                    )
            kept = pictures(task, at, secrets) if at < 2 and not bad else {}
            records.append(
                TripRecord(
                    TripKey(image, channel, 0), f"x{image}", 0.01, 0.002, 1.5, {"encoded_bytes": 4321}, scores, kept
                )
            )
    if records:
        writer.write(records)
    writer.finish(computed=len(records), reused=0, failed=0, done=asked is None)
    return run.id


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A site of runs of every kind, with the database it is made from."""
    folder = tmp_path_factory.mktemp("leaderboard")
    database = open_database(str(folder / "bench.db"))
    ids = {
        "good": add_run(database, "riis", level=27.0, weights="ab" * 32),
        "short": add_run(database, "lsb", settings={"bits": 4}, channels=CHANNELS[:2], level=25.0),
        "flaky": add_run(database, "lsb", settings={"bits": 2}, level=40.0, fails=lambda image, channel: image == "a"),
        "broken": add_run(database, "broken", fails=lambda image, channel: True),
        "evil": add_run(database, EVIL, settings={"x": EVIL}, images=(EVIL, "b", "c"), level=10.0, secrets=2),
        "stopped": add_run(database, "slow", channels=CHANNELS[:1], asked=CHANNELS, level=5.0),
        "nothing": add_run(database, "killed", channels=(), asked=CHANNELS),
        "elsewhere": add_run(database, "riis", data="e1", level=50.0),
        "newer": add_run(database, "newmetric", metrics={"psnr@2": METRICS["psnr@1"]}, level=99.0),
        "gray": add_run(database, "copy-gray", task="invertible-grayscale"),
        "color": add_run(database, "copy-gray-colorization", task="colorization"),
    }
    index = site.build_site(read_board(database), database, folder / "site", title=EVIL)
    yield Built(index.parent, database, ids)
    database.close()


@dataclass
class Built:
    folder: Path
    database: object
    ids: dict

    @property
    def pages(self):
        return [self.folder / "index.html", *sorted((self.folder / "runs").iterdir())]


VOID = {"meta", "link", "input", "img", "br", "hr"}


@dataclass
class Node:
    tag: str
    attrs: dict
    children: list = field(default_factory=list)

    def all(self, tag=None, **attrs):
        for child in self.children:
            if isinstance(child, Node):
                wanted = {name.replace("_", "-").strip("-"): value for name, value in attrs.items()}
                if (tag is None or child.tag == tag) and all(child.attrs.get(k) == v for k, v in wanted.items()):
                    yield child
                yield from child.all(tag, **attrs)

    def one(self, tag=None, **attrs):
        found = list(self.all(tag, **attrs))
        assert len(found) == 1, (tag, attrs, len(found))
        return found[0]

    def children_of(self, *tags):
        return [child for child in self.children if isinstance(child, Node) and child.tag in tags]

    @property
    def text(self):
        return " ".join("".join(c if isinstance(c, str) else c.text + " " for c in self.children).split())


class Reader(HTMLParser):
    """A strict reader: every element must be closed where it was opened."""

    def __init__(self):
        super().__init__()
        self.root = Node("", {})
        self.open = [self.root]

    def handle_starttag(self, tag, attrs):
        assert len(attrs) == len(dict(attrs)), f"an attribute twice in {tag}"
        node = Node(tag, dict(attrs))
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag, attrs):
        self.open[-1].children.append(Node(tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop().tag == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        self.open[-1].children.append(data)


def read(path):
    reader = Reader()
    reader.feed(path.read_text("utf-8"))
    reader.close()
    assert reader.open == [reader.root]
    return reader.root


def board(built, task="steganography", data="d0"):
    page = read(built.folder / "index.html")
    section = next(
        s for s in page.all("section") if s.attrs["id"].startswith(task) and s.attrs["id"].endswith(data * 4)
    )
    return section, section.one("table")


def cells(table):
    """{(run, column's name): cell} of a table, by its own headings."""
    heads = [head.attrs["data-name"] for head in table.one("thead").all("th") if "data-name" in head.attrs]
    found = {}
    for row in table.one("tbody").all("tr"):
        for name, cell in zip(heads, row.children_of("th", "td"), strict=True):
            found[row.attrs["data-run"], name] = cell
    return found


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


def addresses(page):
    for element in page.all():
        for name in ("href", "src"):
            if name in element.attrs:
                yield element.attrs[name]


def test_links_lead_somewhere_and_nothing_is_loaded_from_elsewhere(built):
    pages = {path: read(path) for path in built.pages}
    anchors = {path: {e.attrs["id"] for e in page.all() if "id" in e.attrs} for path, page in pages.items()}
    count = 0
    for path, page in pages.items():
        for address in addresses(page):
            parts = urlsplit(address)
            assert not parts.scheme, address
            assert not parts.netloc, address
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_file(), f"{path.name}: {address}"
            if parts.fragment:
                assert unquote(parts.fragment) in anchors[target], f"{path.name}: {address}"
            count += 1
        policy = page.one("meta", http_equiv="Content-Security-Policy").attrs["content"]
        assert policy.startswith("default-src 'none';")
        assert not re.search(r"https?:|\*|unsafe|data:", policy)
        assert not [e for e in page.all() if "style" in e.attrs or any(name.startswith("on") for name in e.attrs)]
    assert count > 200
    for path in built.folder.rglob("*"):
        if path.suffix in (".html", ".css", ".js"):
            text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"https?://|//cdn|@import|url\(", text), path.name


def test_names_from_outside_cannot_become_markup(built):
    for path in built.pages:
        assert "<script>alert" not in path.read_text("utf-8")
        assert len(list(read(path).all("script"))) == 1
    page = read(built.folder / "runs" / f"{built.ids['evil']}.html")
    assert EVIL in page.one("h1").text
    assert EVIL in next(page.all("summary")).text
    assert EVIL in next(page.all("img")).attrs["alt"]
    assert EVIL in read(built.folder / "index.html").one("h1").text


def test_downloads_are_the_long_rows_in_strict_json_and_csv(built):
    def no_constant(name):
        raise AssertionError(f"{name} is not JSON")

    section, table = board(built)
    runs = [row.attrs["data-run"] for row in table.one("tbody").all("tr")]
    links = [a.attrs["href"] for a in section.all("a") if "download" in a.attrs]
    expected = [row._asdict() for row in long_rows(built.database, runs)]
    content = json.loads((built.folder / links[1]).read_text("utf-8"), parse_constant=no_constant)
    assert content == expected
    with (built.folder / links[0]).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [row["value"] for row in rows] == ["" if row["value"] is None else repr(row["value"]) for row in expected]
    assert len(list((built.folder / "data").glob("run-*.json"))) == len(list_runs(built.database))


def test_charts_are_well_formed_and_tell_their_figures_in_words(built):
    text = (built.folder / "index.html").read_text("utf-8")
    charts = [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text, re.S)]
    space = "{http://www.w3.org/2000/svg}"
    titles = [chart.find(f"{space}title").text for chart in charts]
    assert {"secret: psnr@1 over JPEG", "secret: psnr@1 by degradation", "container against secret: psnr@1"} <= set(
        titles
    )
    assert {"restored: psnr over JPEG", "restored: psnr by degradation", "colorized: psnr over JPEG"} <= set(titles)
    for chart in charts:
        names = chart.get("aria-labelledby").split()
        assert [chart.find(f"{space}title").get("id"), chart.find(f"{space}desc").get("id")] == names
        numbers = re.findall(r"-?\d+\.\d\b|NaN|nan|inf", ElementTree.tostring(chart, encoding="unicode"))
        assert not {"NaN", "nan", "inf"} & set(numbers)
    curve = charts[titles.index("secret: psnr@1 over JPEG")]
    lines = summarize_rows(long_rows(built.database, [built.ids["good"]]))
    told = {x.degradation: figure(x.summary.mean, "psnr") for x in lines if (x.pair, x.metric) == ("secret", "psnr")}
    wanted = f"riis: {told['jpeg:q=40,ss=420']} at 40, {told['jpeg:q=90,ss=420']} at 90"
    assert wanted in curve.find(f"{space}desc").text
    drawn = [group for group in curve.iter(f"{space}g") if group.get("data-run") == built.ids["good"]]
    dashes = {g.find(f"{space}path[@class='curve']").get("stroke-dasharray") for g in curve.iter(f"{space}g")}
    assert len(drawn) == 2  # the curve, and its line in the legend
    assert len(dashes) > 2


def test_the_gallery_shows_what_was_kept_with_sizes_texts_and_differences(built):
    page = read(built.folder / "runs" / f"{built.ids['good']}.html")
    images = list(page.one("section", id="pictures").all("img"))
    per_trip = 4  # received, its difference, the secret, its difference
    assert len(images) == 2 * (4 + per_trip * len(CHANNELS))
    for image in images:
        path = (built.folder / "runs" / image.attrs["src"]).resolve()
        with Image.open(path) as opened:
            assert (image.attrs["width"], image.attrs["height"]) == tuple(map(str, opened.size)) == ("16", "12")
        assert image.attrs["alt"]
        assert image.attrs["loading"] == "lazy"
    found = {image.attrs["alt"]: built.folder / "runs" / image.attrs["src"] for image in images}
    estimate, reference = (np.asarray(Image.open(found[name])).astype(int) for name in ("carrier of a", "host of a"))
    difference = np.asarray(Image.open(found["10 times the difference between carrier and host of a"]))
    assert (difference == np.minimum(10 * abs(estimate - reference), 255)).all()
    assert "recovered secret of a after JPEG 40" in found
    assert "psnr identical" in page.text
    assert "4 321 bytes" in page.text


def test_gray_carriers_several_secrets_and_failed_trips_have_their_pictures_too(built):
    gray = read(built.folder / "runs" / f"{built.ids['gray']}.html")
    carrier = next(i for i in gray.all("img") if i.attrs["alt"] == "carrier of a")
    with Image.open(built.folder / "runs" / carrier.attrs["src"]) as opened:
        assert opened.mode == "L"
    evil = read(built.folder / "runs" / f"{built.ids['evil']}.html")
    alts = [image.attrs["alt"] for image in evil.all("img")]
    assert f"recovered secret 2 of {EVIL} after clean" in alts
    assert f"10 times the difference between recovered secret 2 and secret 2 of {EVIL} after clean" in alts
    flaky = read(built.folder / "runs" / f"{built.ids['flaky']}.html")
    assert [summary.text for summary in flaky.one("section", id="pictures").all("summary")] == ["b"]
    assert "No pictures were kept" in read(built.folder / "runs" / f"{built.ids['broken']}.html").text


def test_a_run_page_names_request_failures_and_executions(built):
    page = read(built.folder / "runs" / f"{built.ids['broken']}.html")
    text = page.one("section", id="failures").text
    cells_ = len(CHANNELS) * 3 * 3 * len(METRICS)
    assert f"model_error {cells_} no luck with {EVIL}" in text
    good = read(built.folder / "runs" / f"{built.ids['good']}.html").text
    for wanted in (
        "SHA-256 " + "ab" * 32,
        "BLAKE2b " + "cd" * 16,
        "bench run -p riis",
        "python 3.11",
        EVIL,
        "abc+",
        "decode 1.5 s",
    ):
        assert wanted in good
    assert "not finished" in read(built.folder / "runs" / f"{built.ids['stopped']}.html").text
    assert "No cell of this run was computed" in read(built.folder / "runs" / f"{built.ids['nothing']}.html").text


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_rebuild_gives_the_same_site_byte_for_byte_and_leaves_nothing_beside_it(built, tmp_path):
    database = built.database
    first = site.build_site(read_board(database), database, tmp_path / "site", title=EVIL).parent
    before = content(first)
    assert before == content(built.folder)
    site.build_site(read_board(database), database, tmp_path / "site", title=EVIL)
    assert content(first) == before
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    assert oct(first.stat().st_mode)[-3:] == "755"


def test_a_picture_that_is_gone_is_said_to_be_gone(built, tmp_path):
    board_ = read_board(built.database)
    kept = built.database.pictures
    built.database.pictures = tmp_path / "none"
    try:
        index = site.build_site(board_, built.database, tmp_path / "site")
    finally:
        built.database.pictures = kept
    page = read(index.parent / "runs" / f"{built.ids['good']}.html")
    assert not list(page.all("img"))
    assert page.text.count("not kept") == 2 * (4 + 4 * len(CHANNELS))


@pytest.mark.parametrize("where", ["_write", "_swap"])
def test_a_build_that_fails_leaves_the_old_site_whole(built, tmp_path, monkeypatch, where):
    database = built.database
    folder = tmp_path / "site"
    site.build_site(read_board(database), database, folder)
    before = content(folder)
    if where == "_write":
        monkeypatch.setattr(site, "_download", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    else:
        rename = Path.rename

        def fails_into_place(self, target):
            if Path(target) == folder and self.name.startswith(".site.") and "old" not in str(self):
                raise OSError(28, "No space left on device")
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", fails_into_place)
    with pytest.raises(RequestError, match="No space left on device"):
        site.build_site(read_board(database), database, folder)
    assert content(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_what_is_not_a_leaderboard_is_not_overwritten(built, tmp_path):
    database = built.database
    foreign = tmp_path / "thesis"
    foreign.mkdir()
    (foreign / "index.html").write_text("mine")
    (foreign / "leaderboard.json").write_text('{"kind": "something else"}')
    file = tmp_path / "file"
    file.write_text("mine too")
    for place, reason in ((foreign, "is not a leaderboard"), (file, "is a file")):
        with pytest.raises(RequestError, match=reason):
            site.build_site(read_board(database), database, place)
    assert content(tmp_path) == {
        "thesis/index.html": b"mine", "thesis/leaderboard.json": b'{"kind": "something else"}', "file": b"mine too"
    }  # fmt: skip
    empty = tmp_path / "empty"
    empty.mkdir()
    assert site.build_site(read_board(database), database, empty).is_file()


def test_the_command_builds_and_prints_the_address_last(built, bench_command, tmp_path):
    db = str(Path(built.database.pictures).parent / "bench.db")
    done = bench_command("leaderboard", "build", "-o", "out/site", "--db", db, "--title", "Ours", check=0)
    assert done.stdout.splitlines()[-1] == (tmp_path / "out" / "site" / "index.html").as_uri()
    assert str(tmp_path / "out" / "site" / "index.html") in done.stdout
    assert read(tmp_path / "out" / "site" / "index.html").one("h1").text == "Ours"


def test_requests_that_cannot_be_met_say_so_in_one_line(bench_command, tmp_path):
    none = bench_command("leaderboard", "build", check=2)
    assert none.stderr.count("\n") == 1
    assert "no such database" in none.stderr
    open_database(str(tmp_path / "bench.db")).close()
    empty = bench_command("leaderboard", "build", check=2)
    assert empty.stderr == "Error: no runs in bench.db; make one with: bench run --plugin riis --degrade jpeg:40\n"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    assert "is not a leaderboard" in bench_command("leaderboard", "build", "-o", "mine", check=2).stderr
    assert not (tmp_path / "leaderboard-site").exists()


def test_open_builds_what_is_missing_and_hands_the_address_to_the_browser(built, bench_command, tmp_path):
    db = str(Path(built.database.pictures).parent / "bench.db")
    browser = {"BROWSER": "echo opened %s"}
    for _ in range(2):
        done = bench_command("leaderboard", "open", "--db", db, env=browser, check=0)
        assert f"opened {(tmp_path / 'leaderboard-site' / 'index.html').as_uri()}" in done.stdout
    (tmp_path / "leaderboard-site" / "index.html").write_text("kept")
    bench_command("leaderboard", "open", "--db", "gone.db", env=browser, check=0)
    assert (tmp_path / "leaderboard-site" / "index.html").read_text() == "kept"
    failed = bench_command("leaderboard", "open", env={"BROWSER": "false"}, check=1)
    assert "no browser could be started" in failed.stderr


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_the_script_sorts_and_filters_by_the_address(built, tmp_path):
    _, table = board(built)
    column = next(h for h in table.all("th") if h.attrs.get("data-name") == "secret psnr@1 under clean")
    order = f"{table.attrs['data-table']}+{column.attrs['data-key']}+descending"
    state = f"no-degradation=identity&no-metric=lpips&q=lsb&sort={order}"
    command = [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path}", "--dump-dom", f"{(built.folder / 'index.html').as_uri()}#{state}",
    ]  # fmt: skip
    environment = {**os.environ, "HOME": str(tmp_path)}
    dumped = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=True).stdout
    (tmp_path / "dom.html").write_text(dumped, "utf-8")
    page = read(tmp_path / "dom.html")
    form = page.one("form")
    assert "hidden" not in form.attrs
    table = next(page.all("table"))
    shown = [row.attrs["data-run"] for row in table.one("tbody").all("tr") if "hidden" not in row.attrs]
    assert shown == [built.ids["short"], built.ids["flaky"]]  # on a column that is itself hidden; failures after
    heads = [head for head in table.all("th") if "data-key" in head.attrs and "hidden" not in head.attrs]
    assert {head.attrs.get("data-metric") for head in heads} == {None, "psnr"}
    assert "identity" not in {head.attrs.get("data-degradation") for head in heads}
    assert all(head.one("button").text for head in heads)
    groups = [group for group in table.all("th", scope="colgroup") if "hidden" not in group.attrs]
    assert sum(int(group.attrs["colspan"]) for group in groups) == len(heads) - 1
