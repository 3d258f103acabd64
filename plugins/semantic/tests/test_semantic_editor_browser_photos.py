"""The editor's page and its photos: going from one to the next, adding and removing, and those that cannot be read.

Needs a Chromium or Chrome that is installed, or playwright's own; without one these tests are skipped.
"""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from editor_desk import HEIGHT, SECONDS, WIDTH, Desk
from PIL import Image
from playwright.sync_api import expect

from bench_semantic.editor.export import EDITS
from bench_semantic.weights import SdcNetworks, save_weights


def test_strangers_photos_are_added_shown_as_text_and_removed(desk: Desk, tmp_path: Path) -> None:
    page = desk.page
    name = "<img src=x onerror=alert(1)>.png"
    content = Path(tmp_path / "two.png").read_bytes()
    page.set_input_files("#photo-file", {"name": name, "mimeType": "image/png", "buffer": content})
    expect(page.locator("#photos option:checked")).to_have_text(name)
    assert (desk.work.open(3)[1].gray == desk.work.open(2)[1].gray).all()
    page.set_input_files("#photo-file", {"name": "x.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(page.locator("#error")).to_contain_text("x.png: no photo that is read here")
    page.click("#remove")
    expect(page.locator("#photos option")).to_have_count(2)
    expect(page.locator("#photos option:checked")).to_have_text("two.png")
    expect(page.locator("#error")).to_have_text("")


@pytest.fixture
def damaged(desk: Desk, desk_photos: list[Path]) -> Desk:
    """Three photos, of which the second is none; the third is open."""
    content = desk_photos[1].read_bytes()
    desk_photos[1].write_bytes(b"no picture")
    desk.page.set_input_files("#photo-file", {"name": "three.png", "mimeType": "image/png", "buffer": content})
    desk.opened(3)
    return desk


def refused(desk: Desk, name: str = "two.png") -> None:
    expect(desk.page.locator("#error")).to_contain_text(f"{name}: no photo that is read here")


def test_the_list_names_the_photo_on_the_desk_where_another_cannot_be_read(damaged: Desk) -> None:
    page, before = damaged.page, damaged.canvas()
    page.select_option("#photos", label="two.png")
    refused(damaged)
    expect(page.locator("#photos option:checked")).to_have_text("three.png")
    assert (damaged.canvas() == before).all()
    damaged.stroke((50, 50), (60, 60))
    damaged.colored(1)
    assert damaged.work.find(3).edited
    expect(page.locator("#error")).to_have_text("")


def test_photos_behind_a_damaged_one_are_reached(damaged: Desk) -> None:
    page, shown = damaged.page, damaged.page.locator("#photos option:checked")
    page.keyboard.press("p")
    refused(damaged)
    expect(shown).to_have_text("three.png")
    expect(page.locator("#next")).to_be_disabled()
    page.keyboard.press("p")
    damaged.opened(1)
    expect(shown).to_have_text("one.png")
    expect(page.locator("#error")).to_have_text("")
    page.click("#next")
    refused(damaged)
    expect(shown).to_have_text("one.png")
    expect(page.locator("#previous")).to_be_disabled()
    page.click("#next")
    damaged.opened(3)


def test_the_photo_that_was_asked_for_last_is_shown(desk: Desk, desk_photos: list[Path]) -> None:
    page, asked = desk.page, []
    desk_photos[1].write_bytes(b"no picture")
    page.route("**/api/photos/2", lambda route: asked.append(route))  # which does not answer yet
    page.keyboard.press("n")
    expect(page.locator("#photos option:checked")).to_have_text("two.png")
    expect(page.locator("#status")).to_contain_text("Reading the photo")
    page.keyboard.press("p")
    expect(page.locator("#photos option:checked")).to_have_text("one.png")
    expect(page.locator("#status")).to_have_text("")
    desk.stroke((50, 50), (60, 60))
    desk.colored(1)
    page.unroute("**/api/photos/2")
    page.keyboard.press("n")
    refused(desk)
    assert len(asked) == 1


def test_good_files_are_taken_beside_bad_ones_which_are_named(desk: Desk, desk_photos: list[Path]) -> None:
    page, good = desk.page, desk_photos[1].read_bytes()
    page.set_input_files(
        "#photo-file",
        [
            {"name": f"{name}.png", "mimeType": "image/png", "buffer": content}
            for name, content in (("a", b""), ("b", good), ("c", b"no picture"), ("d", good))
        ],
    )
    expect(page.locator("#photos option")).to_have_text(["one.png", "two.png", "b.png", "d.png"])
    desk.opened(4)
    expect(page.locator("#photos option:checked")).to_have_text("d.png")
    for name in ("a.png", "c.png"):
        refused(desk, name)


def test_a_removed_photo_leaves_the_desk_even_if_no_other_can_be_read(damaged: Desk) -> None:
    page = damaged.page
    page.click("#remove")
    refused(damaged)
    assert not damaged.canvas().any()
    assert page.locator("#gray").get_attribute("src") is None
    assert page.input_value("#photos") == ""
    for name in ("#remove", "#export"):
        expect(page.locator(name)).to_be_hidden()
    damaged.asked.clear()
    damaged.stroke((50, 50), (60, 60))
    page.keyboard.press("Control+z")
    assert damaged.asked == []
    page.keyboard.press("p")
    damaged.opened(1)


def test_a_first_photo_that_cannot_be_read_does_not_keep_out_the_others(desk: Desk, desk_photos: list[Path]) -> None:
    desk_photos[0].write_bytes(b"no picture")
    desk.work.find(1).document = None
    desk.page.reload()
    refused(desk, "one.png")
    assert desk.page.input_value("#photos") == ""
    desk.page.keyboard.press("n")
    desk.opened(2)


def test_a_large_photo_has_a_larger_brush(desk: Desk, tmp_path: Path) -> None:
    page, side = desk.page, desk.page.locator("#side-shown")
    Image.new("L", (704, 60), 90).save(tmp_path / "wide.png")
    page.set_input_files("#photo-file", tmp_path / "wide.png")
    desk.opened(3)
    for key, expected in (("]", 22), ("[", 20), *(("Shift+BracketRight", most) for most in range(40, 201, 20))):
        page.keyboard.press(key)
        expect(side).to_have_text(f"{expected} px")
    page.keyboard.press("]")
    expect(side).to_have_text("200 px")
    expect(page.locator("#side")).to_have_value("200")
    box = page.locator("#map").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(990, box["y"] + 5)  # as far outside as the brush reaches from
    page.mouse.up()
    desk.colored(1)
    done = desk.work.open(3)[1].operations[-1]
    assert (done["side"], done["points"][-1][0]) == (200, 704 + 200 - 1)
    page.keyboard.press("p")
    expect(side).to_have_text("100 px")


def test_it_fits_narrow_windows_too(desk: Desk) -> None:
    for width in (1280, 700, 380):
        desk.page.set_viewport_size({"width": width, "height": 800})
        assert desk.page.evaluate("document.documentElement.scrollWidth") <= width
        left, right = (desk.page.locator(name).bounding_box() for name in ("#map", "#result-stage"))
        assert left is not None
        assert right is not None
        assert (left["width"], left["height"]) == (right["width"], right["height"])
        assert left["width"] / left["height"] == pytest.approx(WIDTH / HEIGHT, rel=0.02)


def test_the_command_prints_its_address_and_saves_when_it_ends(
    networks60: SdcNetworks, desk_photos: list[Path], tmp_path: Path
) -> None:
    save_weights(tmp_path / "sdc.safetensors", networks60, {})
    arguments = [str(desk_photos[0]), "--weights", str(tmp_path / "sdc.safetensors"), "--device", "cpu", "--no-browser"]
    code = "from bench_core.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "sdc", "edit", *arguments, "--out", str(tmp_path / "edits")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        base = address.partition("/?token=")[0]
        assert base.startswith("http://127.0.0.1:")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor())
        assert b"Map editor" in opener.open(address, timeout=SECONDS).read()
        painted = urllib.request.Request(
            f"{base}/api/photos/1/operations",
            json.dumps({"kind": "stroke", "points": [[5, 5]], "side": 9, "label": 59}).encode(),
            {"Content-Type": "application/json", "Origin": base},
        )
        assert json.load(opener.open(painted, timeout=SECONDS))["unsaved"]
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == 0
        assert f"{tmp_path / 'edits'}: 1 edit saved" in said
        assert (tmp_path / "edits" / EDITS).is_file()
    finally:
        process.kill()
        process.wait()
