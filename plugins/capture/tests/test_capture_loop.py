"""The whole loop, by its commands: a method's carriers onto pages, simulated photos of them, and rows in a database."""

import csv
import io
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from closed_loop import make_sheet, off_by, page_of, quick_photo, save, table
from phone import photograph
from PIL import Image

from bench_capture.guidance import after_the_photos
from bench_capture.ingest import Ingest
from bench_capture.page import Medium
from bench_core.cli.main import main
from bench_core.plan import Request, Workbench
from bench_core.runner import carriers


@pytest.fixture
def bench(tmp_path, monkeypatch, capsys):
    """Run a command in an empty folder; its exit code, what it printed, and what it complained of."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main(list(arguments))
        said = capsys.readouterr()
        return end.value.code, said.out, said.err

    return run


# The limits that were asked for; tests of the registration itself hold it to tighter ones.
@pytest.mark.parametrize(("severity", "limit"), [(1, 0.1), (2, 0.3), (5, 0.5)])
def test_photos_of_a_page_give_every_container_within_the_limits(severity, limit, tmp_path, pictures):
    sheet = make_sheet(tmp_path / "sheet", pictures[:1], Medium.of_screen(470, 620))
    page = page_of(tmp_path / "sheet")
    # At 1.3 photo pixels a page pixel, this page alone is no megapixel; so there is more table around it.
    page = page if severity < 5 else np.pad(page, ((150, 150), (200, 200), (0, 0)), constant_values=90)
    photo = photograph(page, severity, np.random.default_rng(severity), turn=180)
    work = Ingest.open(tmp_path / "sheet", tmp_path / "captured", "card")
    made = work.add(save(tmp_path / "photo.jpg", photo.picture))
    (capture,) = made.captures
    assert (capture.status, capture.matched_by, capture.facts["markers"]) == ("ok", "qr", 8)
    shift = (200, 150) if severity == 5 else (0, 0)
    assert off_by(capture, sheet.slots[0], photo, shift) < limit
    assert capture.facts["similarity"] > 0.9


def test_a_methods_carriers_are_printed_photographed_and_scored(bench, tmp_path):
    chosen = ["-p", "dct-hide", "--size", "192", "--limit", "3", "--seed", "4"]
    code, said, _ = bench("capture", "sheet", *chosen, "-o", "shown", "--screen", "900x620")
    assert code == 0
    assert "3 containers on 2 pages" in said
    assert "true tone" in said

    sheet = json.loads((tmp_path / "shown" / "sheet.json").read_text())
    request = Request("dct-hide", size="192", limit=3, seed=4)
    made = carriers(Workbench.build(request), [slot["image"] for slot in sheet["slots"]])
    for slot in sheet["slots"]:
        printed = np.asarray(Image.open(tmp_path / "shown" / slot["file"]))
        assert np.array_equal(printed, made[slot["image"]])

    for page, angle in ((1, 3), (1, -6), (2, 185)):
        save(tmp_path / "photos" / f"{page}-{angle}.jpg", quick_photo(page_of(tmp_path / "shown", page), angle=angle))
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"\xff\xd8nothing")
    again = ("capture", "ingest", "photos", "--sheet", "shown", "-o", "captured", "--note", "no printer")
    code, said, _ = bench(*again, "--strict")
    assert code == 3  # the broken one
    assert re.search(r"broken\.jpg .* failed .* not a picture", said)
    assert "5 captures of 3 of 3 containers, from 4 photos" in said
    assert "bench run -p dct-hide --set step=64.0 --dataset sample --size 192 --limit 3 --seed 4" in said
    code, said, _ = bench(*again)
    assert code == 0
    assert said.count("is there already") == 4

    code, _, _ = bench("run", *chosen, "--captured", "captured", "-m", "psnr", "--db", "a.db", "-q", "--strict")
    assert code == 0
    bench("export", "--db", "a.db", "--format", "csv", "-o", "rows.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "rows.csv").read_text())))
    assert {(row["pair"], row["status"]) for row in rows} == {(p, "ok") for p in ("container", "secret", "channel")}
    secrets = {(row["image"], row["repeat"]): float(row["value"]) for row in rows if row["pair"] == "secret"}
    assert len(secrets) == 5
    assert min(secrets.values()) > 12
    assert min(float(row["value"]) for row in rows if row["pair"] == "channel") > 24
    assert all(row["degradation"].startswith("capture:content=") for row in rows)

    code, _, _ = bench("run", *chosen, "--captured", "captured", "-m", "psnr", "--db", "b.db", "-q", "--workers", "2")
    assert code == 0
    bench("export", "--db", "b.db", "--format", "csv", "-o", "again.csv")
    others = list(csv.DictReader(io.StringIO((tmp_path / "again.csv").read_text())))
    measured = [{(row["image"], row["pair"], row["repeat"]): row["value"] for row in part} for part in (rows, others)]
    assert measured[0] == measured[1]

    code, _, _ = bench(
        "run", *chosen[:-1], "5", "--captured", "captured", "-m", "psnr", "--db", "a.db", "-q", "--strict"
    )
    assert code == 3  # another seed hides other secrets: nothing on the sheet is theirs
    code, said, _ = bench("show", "last", "--db", "a.db")
    assert "holds no container with these pixels; it was made from dct-hide step=64.0 on sample at 192, seed 4" in said


def test_files_are_printed_as_they_are(bench, tmp_path, pictures):
    Image.fromarray(pictures[0][:, :, 0]).save(tmp_path / "gray.png")
    Image.fromarray(pictures[1]).save(tmp_path / "color.png")
    code, said, _ = bench("capture", "sheet", "gray.png", "color.png", "--paper", "letter", "--dots", "6", "-o", "out")
    assert code == 0
    assert "out/sheet.pdf" in said
    assert "100 mm ruler" in said
    sheet = json.loads((tmp_path / "out" / "sheet.json").read_text())
    assert [slot["channels"] for slot in sheet["slots"]] == [1, 3]
    assert (sheet["paper"], sheet["ppi"], sheet["page_mm"]) == ("letter", 100, [215.9, 279.4])


def test_the_command_to_run_next_is_one_that_a_shell_takes(tmp_path, pictures):
    made_from = {
        "plugin": "m",
        "weights_file": "my weights.pt; rm",
        "settings": {"k": "a b"},
        "dataset": "d",
        "seed": 5,
    }
    sheet = make_sheet(tmp_path / "s", pictures[:1], made_from=made_from)
    work = Ingest.open(tmp_path / "s", tmp_path / "c", "card")
    work.add(save(tmp_path / "a.jpg", quick_photo(page_of(tmp_path / "s"))))
    command = after_the_photos(sheet, work.record, Path("my photos"))[-1].removeprefix("Then: ")
    options = "--weights,my weights.pt; rm,--set,k=a b,--dataset,d,--seed,5,--captured,my photos"
    assert shlex.split(command) == ["bench", "run", "-p", "m", *options.split(",")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say what to print, in one of two ways"),
        (("a.png", "-p", "lsb"), "say what to print, in one of two ways"),
        (("nowhere.png",), "nowhere.png: no such file"),
        (("-p", "lsp"), "Did you mean 'lsb'"),
        (("-p", "lsb", "--dataset", "sampel"), "Did you mean 'sample'"),
        (("-p", "lsb", "--limit", "1", "--screen", "wide"), "--screen wide: must be WIDTHxHEIGHT"),
        (("-p", "lsb", "--limit", "1", "--dots", "12"), "--dots"),
        (("-p", "lsb", "--limit", "1", "--screen", "300x300"), "e.g. --screen"),
        (("-p", "lsb", "--limit", "1", "--screen", "100x100"), "there is room for 68x0; e.g. --screen"),
        (("-p", "lsb", "--limit", "1", "--screen", "99999x99999"), "--screen 99999x99999: has more than"),
        (("-p", "lsb", "--limit", "1", "--dpi", "4800", "--dots", "1"), "give --dots more"),
    ],
)
def test_a_wrong_request_for_a_sheet_is_one_line_and_writes_nothing(bench, tmp_path, arguments, said):
    code, _, complaint = bench("capture", "sheet", *arguments, "-o", "out")
    assert code == 2
    assert said in complaint
    assert complaint.startswith("Error: ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.jpg", "--sheet", "shown"), "nowhere.jpg: no such file or folder"),
        ((), "Missing argument 'PHOTOS...'"),
        (("shown", "--sheet", "elsewhere"), "elsewhere: no such file; bench capture sheet writes one"),
    ],
)
def test_a_wrong_request_to_ingest_is_one_line_and_writes_nothing(bench, tmp_path, pictures, arguments, said):
    make_sheet(tmp_path / "shown", pictures[:1])
    code, _, complaint = bench("capture", "ingest", *arguments, "-o", "captured")
    assert code == 2
    assert said in complaint
    assert not (tmp_path / "captured").exists()


def test_a_page_that_a_phone_sees_too_coarsely_is_said_to_be_so(bench, tmp_path, pictures):
    Image.fromarray(pictures[0]).save(tmp_path / "a.png")
    _, said, _ = bench("capture", "sheet", "a.png", "--dots", "2", "-o", "fine")
    assert "photograph each container on its own" in said
    _, said, _ = bench("capture", "sheet", "a.png", "-o", "plain")
    assert "photograph each container on its own" not in said


def test_the_table_of_the_documentation_has_a_line_for_every_severity(monkeypatch):
    import closed_loop

    monkeypatch.setattr(closed_loop, "SEVERITIES", {4: None})
    head, rule, line = table(1)
    assert head.count("|") == rule.count("|") == line.count("|")
    assert line.startswith("| 4 | 2 of 2 | 16 of 16 | 0.")
