"""Sheets: pages that hold together, a PDF that prints without loss and in size, and a sheet.json that says it all."""

import base64
import hashlib
import json
import re
import zlib

import numpy as np
import pytest
import zxingcpp
from closed_loop import SCREEN, make_sheet, page_of
from hypothesis import given
from hypothesis import strategies as st

from bench_capture.carriers import read_container
from bench_capture.make import Container, plan_sheet, write_sheet
from bench_capture.manifest import read_sheet
from bench_capture.markers import detect, slot_layout
from bench_capture.page import MILLIMETERS, Medium, arrange, begin_page, code_pixels, code_text, read_code
from bench_capture.pdf import write_pdf
from bench_capture.sheet import draw_slot
from bench_core.errors import RequestError
from bench_core.images import digest

A4 = Medium.of_paper("a4", 150)


@given(st.text("0123456789abcdef", min_size=1, max_size=8), st.integers(1, 99))
def test_codes_say_run_and_page(run, page):
    text = code_text(run, page)
    assert re.fullmatch(rf"bench1:{run}:{page}:[0-9a-f]{{2}}", text)
    assert read_code(text) == (run, page)


def test_the_check_of_a_code_is_crc_8():
    # CRC-8/SMBUS of "123456789" is F4, its published check value.
    from bench_capture.page import _crc8

    assert _crc8("123456789") == 0xF4


@pytest.mark.parametrize("text", ["", "hello", "bench1:ab:1", "bench1:ab:1:00", "bench2:ab:1:5f", "bench1:ab:x:11"])
def test_other_codes_and_damaged_ones_are_not_ours(text):
    assert read_code(text) is None


@pytest.mark.parametrize(("run", "page"), [("a\x1b[2J\nb", "1"), ("", "1"), ("ab", "9" * 5000), ("r" * 500, "1")])
def test_a_code_with_a_right_check_may_still_be_somebody_elses(run, page):
    assert read_code(code_text(run, page)) is None


def test_a_code_is_read_by_an_independent_decoder():
    pixels = np.kron(code_pixels(code_text("0a1b2c3d", 12)), np.ones((5, 5, 1), np.uint8))
    (found,) = zxingcpp.read_barcodes(pixels)
    assert found.text == code_text("0a1b2c3d", 12)
    assert found.ec_level == "M"
    assert pixels.shape == (33 * 5, 33 * 5, 3)


@given(st.lists(st.tuples(st.integers(200, 600), st.integers(200, 700)), min_size=1, max_size=20))
def test_slots_never_overlap_and_stay_in_the_room(sizes):
    x0, y0, x1, y1 = A4.room
    places = arrange(sizes, A4)
    boxes = [
        (place.page, place.x, place.y, place.x + w, place.y + h + A4.label)
        for place, (w, h) in zip(places, sizes, strict=True)
    ]
    for box in boxes:
        assert x0 <= box[1]
        assert box[3] <= x1
        assert y0 <= box[2]
        assert box[4] <= y1
    for first in range(len(boxes)):
        for second in range(first):
            a, b = boxes[first], boxes[second]
            apart = a[0] != b[0] or a[1] >= b[3] or b[1] >= a[3] or a[2] >= b[4] or b[2] >= a[4]
            assert apart, (a, b)
    assert [place.page for place in places] == sorted(place.page for place in places)


def test_the_page_code_has_modules_of_a_millimeter_and_the_ruler_is_100_mm():
    for ppi in (75, 150, 300, 600):
        medium = Medium.of_paper("a4", ppi)
        page = begin_page(medium, "abcd", 1, 1, ["a line"])
        assert page.pictures[0].scale / ppi * MILLIMETERS >= 1
        ends = min(bar.x for bar in page.bars), max(bar.x + bar.width for bar in page.bars)
        assert (ends[1] - ends[0]) / ppi * MILLIMETERS == pytest.approx(100)
        below = max(bar.y + bar.height for bar in page.bars)
        assert below < medium.room[1]
        assert ends[1] < medium.width - medium.margin


def test_a_drawn_page_holds_every_container_to_the_bit_where_the_sheet_says(tmp_path, pictures):
    gray = pictures[3][:, :, :1].copy()
    containers = [*pictures[:3], gray]
    sheet = make_sheet(tmp_path, containers)
    assert sheet.pages == 2
    for slot, picture in zip(sheet.slots, containers, strict=True):
        page = page_of(tmp_path, slot.page)
        x, y = slot.at
        assert np.array_equal(page[y : y + 256, x : x + 256], np.broadcast_to(picture, (256, 256, 3)))
        found = detect(page, wanted=slot.markers)
        assert sorted(found) == list(range(8 * slot.slot, 8 * slot.slot + 8))
        for marker, corners in slot.markers.items():
            assert np.abs(found[marker].mean(axis=0) - np.mean(corners, axis=0) - slot.at).max() < 0.1


def test_sheet_json_says_what_was_printed(tmp_path, pictures):
    containers = [Container("a b/ö.png", pictures[0]), Container("a b/ö.png", pictures[1][:, :, :1].copy())]
    sheet, pages = plan_sheet(containers, A4, 600, {"plugin": "x", "dataset": "d", "seed": 3})
    written = write_sheet(tmp_path, sheet, pages, containers)
    found = json.loads((tmp_path / "sheet.json").read_text())
    assert (found["schema"], found["dictionary"], found["page_mm"]) == (1, "DICT_APRILTAG_36h11", [210.0, 297.0])
    assert (found["dpi"], found["dots"], found["ppi"]) == (600, 4, 150)
    assert found["made_from"] == {"plugin": "x", "dataset": "d", "seed": 3}
    assert found["bench"]
    for number, slot in enumerate(found["slots"]):
        path = tmp_path / slot["file"]
        assert slot["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert np.array_equal(read_container(path), containers[number].pixels)
        assert slot["pixels"] == digest(containers[number].pixels)
        assert slot["image"] == "a b/ö.png"
        assert slot["position_mm"] == pytest.approx(np.array(slot["at"]) / 150 * 25.4, abs=1e-3)
        assert slot["markers"][str(8 * number)][0] == [-72.5, -72.5]
    assert len({slot["container"] for slot in found["slots"]}) == 2
    assert read_sheet(tmp_path) == written == read_sheet(tmp_path / "sheet.json")
    assert np.array_equal(written.slots[1].layout.corners[9], slot_layout(256, 256, 1).corners[9])


def test_the_same_sheet_is_made_again_to_the_byte_and_another_is_refused(tmp_path, pictures):
    make_sheet(tmp_path, pictures[:1], A4)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert set(before) == {"sheet.pdf", "sheet.json", "page-01.png"}
    make_sheet(tmp_path, pictures[:1], A4)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
    with pytest.raises(RequestError, match="holds another sheet"):
        make_sheet(tmp_path, pictures[:2], A4)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def objects(pdf):
    """The image XObjects of a PDF of ours: their dictionaries as text, and their pixels."""
    for match in re.finditer(rb"<<[^>]*?/Subtype /Image.*?>>\s*stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        head = match[0][: match[0].index(b"stream")].decode("latin-1")
        size = [int(re.search(rf"/{name} (\d+)", head)[1]) for name in ("Height", "Width")]
        assert "/ASCII85Decode" in head
        assert "/FlateDecode" in head
        raw = zlib.decompress(
            base64.a85decode(match[1].strip(), adobe=False) if b"~>" not in match[1] else _a85(match[1])
        )
        yield head, np.frombuffer(raw, np.uint8).reshape(*size, 3)


def _a85(text):
    return base64.a85decode(text.strip().removesuffix(b"~>"))


def test_the_pdf_prints_in_true_size_without_loss_and_unscaled(tmp_path, pictures):
    make_sheet(tmp_path, pictures[:2], A4)
    pdf = (tmp_path / "sheet.pdf").read_bytes()
    assert re.search(rb"/PrintScaling /None", pdf)
    (box,) = re.findall(rb"/MediaBox \[ ([^]]*) \]", pdf)
    assert [float(value) for value in box.split()] == pytest.approx([0, 0, 210 / 25.4 * 72, 297 / 25.4 * 72], abs=1e-3)
    found = list(objects(pdf))
    assert len(found) == 3
    assert all("/Interpolate false" in head for head, _ in found)
    for number, (_, pixels) in enumerate(found[1:]):
        assert np.array_equal(pixels, draw_slot(pictures[number], slot_layout(256, 256, number))[0])


def test_pictures_stand_in_the_pdf_where_the_page_has_them(pictures):
    _, pages = plan_sheet([Container("a", pictures[0])], A4, 600, {})
    pdf = write_pdf(pages, "t")
    streams = re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL)
    text = next(
        plain for stream in streams if b" Do" in (plain := zlib.decompress(_a85(stream)) if b"~>" in stream else b"")
    ).decode("latin-1")
    placed = re.findall(r"([\d.]+) 0 0 ([\d.]+) ([\d.]+) ([\d.]+) cm\s*/\S+ Do", text)
    unit = 72 / 150
    picture = pages[0].pictures[1]
    rows, columns = picture.pixels.shape[:2]
    expected = columns * unit, rows * unit, picture.x * unit, 297 / 25.4 * 72 - (picture.y + rows) * unit
    assert [float(value) for value in placed[1]] == pytest.approx(expected, abs=1e-3)


def test_too_many_containers_are_refused_with_the_number():
    many = [Container(f"{number}", np.zeros((8, 8, 3), np.uint8)) for number in range(74)]
    with pytest.raises(RequestError, match="74 containers are more than the 73"):
        plan_sheet(many, A4, 600, {})
    sheet, pages = plan_sheet(many[:73], A4, 600, {})
    assert len(pages) == sheet.pages > 1


def test_a_container_too_large_is_refused_with_what_would_fit():
    large = Container("large.png", np.zeros((1100, 1000, 3), np.uint8))
    with pytest.raises(
        RequestError, match=r"1000x1100 pixels, 1160x1260 with its markers; .* --dots (\d) fits"
    ) as error:
        plan_sheet([large], A4, 600, {})
    dots = int(re.search(r"--dots (\d)", str(error.value))[1])
    plan_sheet([large], Medium.of_paper("a4", 600 / dots), 600, {})
    with pytest.raises(RequestError):
        plan_sheet([large], Medium.of_paper("a4", 600 / (dots + 1)), 600, {})
    with pytest.raises(RequestError, match="so is one dot a pixel"):
        plan_sheet([large], Medium.of_paper("letter", 72), 72, {})
    with pytest.raises(RequestError, match=r"--screen (\d+)x(\d+)") as error:
        plan_sheet([large], SCREEN, 600, {})
    width, height = (int(side) for side in re.search(r"--screen (\d+)x(\d+)", str(error.value)).groups())
    plan_sheet([large], Medium.of_screen(width, height), 600, {})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such file"),
        ("{", "not a sheet.json that can be read"),
        ("[]", "not a sheet of bench capture"),
        ('{"schema": 9, "slots": []}', "version 9; this bench reads version 1"),
        ('{"schema": 1, "slots": [], "dictionary": "DICT_4X4_50"}', "markers of DICT_4X4_50"),
        ('{"schema": 1, "slots": [{}], "dictionary": "DICT_APRILTAG_36h11"}', "is damaged"),
        ('{"schema": 1, "slots": 5, "dictionary": "DICT_APRILTAG_36h11"}', "is damaged"),
        ('{"schema": 1, "slots": [], "dictionary": "DICT_APRILTAG_36h11", "more": 1}', "is damaged"),
    ],
)
def test_a_sheet_json_that_is_none_is_refused_in_one_line(tmp_path, content, said):
    path = tmp_path / "sheet.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(RequestError, match=said) as error:
        read_sheet(path)
    assert len(error.value.problems) == 1


def test_a_sheet_json_cannot_name_files_elsewhere(tmp_path, pictures):
    make_sheet(tmp_path, pictures[:1])
    text = (tmp_path / "sheet.json").read_text()
    for wrong in ("../../x.png", "/etc/x.png", "C:x.png", "a\\\\x.png", "x\\u0000.png", ""):
        (tmp_path / "sheet.json").write_text(text.replace("containers/p0.png", wrong))
        with pytest.raises(RequestError, match="is damaged"):
            read_sheet(tmp_path)


@pytest.mark.parametrize("given", [None, "text", "../x", -1, 0, 1.5, 10**6, 10**40, True, [], [[]], {}, {"a": "b"}])
def test_a_sheet_json_with_any_wrong_value_is_one_line_or_harmless(tmp_path, pictures, given):
    make_sheet(tmp_path, pictures[:1], A4)
    whole = json.loads((tmp_path / "sheet.json").read_text())
    numbers = ("slot", "page", "width", "height", "channels", "side", "at", "markers", "container", "file", "pixels")
    lines = []
    for inside, names in ((False, [*whole]), (True, numbers)):
        for name in names:
            wrong = json.loads(json.dumps(whole))
            (wrong["slots"][0] if inside else wrong)[name] = given
            (tmp_path / "sheet.json").write_text(json.dumps(wrong))
            try:
                found = read_sheet(tmp_path)
            except RequestError as error:
                lines.append(str(error))
                continue
            # What it says is still what a sheet can say: it can be written and read again.
            found.write(tmp_path / "sheet.json")
            assert read_sheet(tmp_path) == found
    assert len(lines) > 12
    assert all(line.startswith(f"{tmp_path}") and "\n" not in line for line in lines)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"width": 256', '"width": 257'),  # not where the markers stand
        ('"width": 256', '"width": 1e999'),
        ('"channels": 3', '"channels": 4'),
        ('"page": 1', '"page": 2'),
        ('"ppi": 150', '"ppi": NaN'),
        ('"made_from": {', '"made_from": {"settings": 5'),
        ('"run": "', '"run": "../'),
        ("{", '{"more": ' + "[" * 100_000),
    ],
)
def test_a_sheet_json_that_was_tampered_with_is_refused(tmp_path, pictures, before, after):
    make_sheet(tmp_path, pictures[:1], A4)
    text = (tmp_path / "sheet.json").read_text()
    assert before in text
    (tmp_path / "sheet.json").write_text(text.replace(before, after, 1))
    with pytest.raises(RequestError, match=r"is damaged|can be read") as error:
        read_sheet(tmp_path)
    assert len(str(error.value)) < 300


def test_a_slot_stands_on_a_sheet_once(tmp_path, pictures):
    make_sheet(tmp_path, pictures[:1], A4)
    whole = json.loads((tmp_path / "sheet.json").read_text())
    whole["slots"] *= 2
    (tmp_path / "sheet.json").write_text(json.dumps(whole))
    with pytest.raises(RequestError, match="two slots of one number"):
        read_sheet(tmp_path)


def test_a_page_too_large_for_memory_is_refused_before_it_is_drawn():
    with pytest.raises(RequestError, match=r"a page of 39685x56125, .* give --dots more"):
        Medium.of_paper("a4", 4800)
    with pytest.raises(RequestError, match=r"--screen 99999x99999: has more than"):
        Medium.of_screen(99_999, 99_999)
    large = Container("large.png", np.zeros((9000, 9000, 1), np.uint8))
    with pytest.raises(RequestError, match="so is one dot a pixel"):
        plan_sheet([large], Medium.of_paper("a4", 600), 1200, {})
