"""The pages of the leaderboard: links, downloads, charts, galleries, and names from outside."""

import csv
import json
import re
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import numpy as np
from leaderboard_site import CHANNELS, EVIL, METRICS, addresses, board, read
from PIL import Image

from bench_core.cli.tables import figure
from bench_core.store.queries import COLUMNS, list_runs, long_rows
from bench_core.summary import summarize_rows


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
