"""Painting in the editor's page, by real mouse, finger and keyboard.

Needs a Chromium or Chrome that is installed, or playwright's own; without one these tests are skipped.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from editor_desk import HEIGHT, SECONDS, WIDTH, Desk
from PIL import Image
from playwright.sync_api import expect

from bench_semantic.colorize import Colorizer
from bench_semantic.editor.export import EDITS
from bench_semantic.editor.strokes import fill, stroke
from bench_semantic.edits import read_edits
from bench_semantic.label_sets import ClassMap


def test_a_stroke_of_the_mouse_changes_map_and_result_there(desk: Desk) -> None:
    page, before = desk.page, desk.classes
    assert "token" not in page.url
    assert (desk.canvas() == desk.work.labels.palette[before]).all()
    automatic = desk.result()
    assert (automatic == desk.work.automatic(1)).all()
    desk.number("50")
    expect(page.locator("#active-name")).to_have_text("sky")
    desk.asked.clear()
    points = [(10, 12), (60, 15), (70, 40)]
    desk.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        desk.move(*point)
    # Not released yet: the page shows what is painted, and asks for nothing.
    expected = stroke(before, points, 20, 50)
    assert (desk.canvas() == desk.work.labels.palette[expected]).all()
    assert (desk.asked, (desk.classes == before).all()) == ([], True)
    page.mouse.up()
    desk.colored(1)
    assert desk.asked == ["photos/1/operations", "photos/1/map", "photos/1/result.png?revision=1"]
    assert (desk.classes == expected).all()
    assert (desk.canvas() == desk.work.labels.palette[expected]).all()
    result = desk.result()
    assert (result == desk.work.colorizer.paint(desk.work.open(1)[1].gray, expected)).all()
    changed = np.abs(result.astype(int) - automatic).mean(axis=2)
    assert changed[expected != before].mean() > 3 * changed[60:, 90:].mean()
    # The other picture, while the button is held, and then this one again.
    shown = page.get_attribute("#result", "src")
    page.keyboard.down("c")
    expect(page.locator("#result-title")).to_have_text("Result before your edits")
    page.wait_for_function("old => document.getElementById('result').src !== old", arg=shown)
    assert (desk.result() == automatic).all()
    page.keyboard.up("c")
    assert (desk.result() == result).all()


def test_brush_eyedropper_fill_and_history(desk: Desk) -> None:
    page, before = desk.page, desk.classes
    side = page.locator("#side-shown")
    expect(side).to_have_text("20 px")
    desk.move(40, 40)
    outline = page.locator("#outline")
    for action, text in (
        (lambda: page.mouse.wheel(0, -100), "21 px"),
        (lambda: page.mouse.wheel(0, 100), "20 px"),
        (lambda: page.keyboard.press("]"), "21 px"),
        (lambda: page.keyboard.press("["), "20 px"),
        (lambda: [page.keyboard.press("Shift+BracketLeft") for _ in range(3)], "0 px"),
        (lambda: [page.keyboard.press("Shift+BracketRight") for _ in range(11)], "100 px"),
        (lambda: [page.keyboard.press("Shift+BracketLeft") for _ in range(9)], "10 px"),
    ):
        action()  # type: ignore[no-untyped-call]
        expect(side).to_have_text(text)
    box, stage = outline.bounding_box(), page.locator("#map").bounding_box()
    assert box is not None
    assert stage is not None
    assert box["width"] == pytest.approx(10 * stage["width"] / WIDTH, abs=1)
    assert box["x"] == pytest.approx(desk.at(34.5, 0)[0], abs=1)

    desk.number("31")
    desk.click(40, 40)
    desk.colored(1)
    painted = stroke(before, [(40, 40)], 10, 31)
    assert (desk.classes == painted).all()
    page.keyboard.type("2")
    page.keyboard.press("e")
    desk.click(40, 40)
    expect(page.locator("#active-name")).to_have_text("door")
    assert (desk.classes == painted).all()
    page.keyboard.press("e")  # a toggle
    expect(page.locator("[data-tool=brush]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#active-name")).to_have_text("fence")
    page.keyboard.press("f")
    desk.click(41, 41)
    desk.colored(2)
    filled = fill(painted, 41, 41, 32)
    assert (filled != painted).sum() >= 100
    assert (desk.classes == filled).all()
    for keys, revision, expected in (
        ("Control+z", 3, painted),
        ("Control+z", 4, before),
        ("Control+Shift+z", 5, painted),
        ("Control+y", 6, filled),
    ):
        page.keyboard.press(keys)
        desk.colored(revision)
        assert (desk.classes == expected).all()
        assert (desk.canvas() == desk.work.labels.palette[expected]).all()
    page.click("#reset")
    desk.colored(7)
    assert (desk.classes == before).all()
    expect(page.locator("#reset")).to_be_disabled()


def test_a_number_that_no_class_has_begins_a_new_one(desk: Desk) -> None:
    assert len(desk.work.labels) == 60
    desk.number("1235")  # 1, 12, 3, 35
    expect(desk.page.locator("#active-name")).to_have_text(desk.work.labels.classes[35].name)


def test_a_wheel_is_read_by_how_far_it_turns(desk: Desk) -> None:
    side = desk.page.locator("#side-shown")
    for turns, mode, pause, expected in (
        ([3] * 67, 0, 16, 18),  # a touchpad: one step where it begins, and one for about every 100 pixels
        ([-3] * 34, 0, 16, 19),
        ([-3, -3, 3], 0, 16, 20),
        ([-120, -80, -53], 0, 16, 23),  # notches of a mouse, in three browsers
        ([240], 0, 16, 21),
        ([4, 4, 4], 0, 300, 18),  # and on a Mac, slowly
        ([3, -1], 1, 16, 18),  # in lines
    ):
        desk.swipe(*turns, mode=mode, pause=pause)
        expect(side).to_have_text(f"{expected} px")


def test_a_second_finger_draws_no_line(desk: Desk) -> None:
    client = desk.page.context.new_cdp_session(desk.page)

    def touch(kind: str, **fingers: tuple[float, float]) -> None:
        points = [
            {"x": x, "y": y, "id": ord(name)} for name, (x, y) in ((n, desk.at(*at)) for n, at in fingers.items())
        ]
        client.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})

    touch("Start", a=(13, 13))
    touch("Move", a=(17, 13))
    touch("Start", a=(17, 13), b=(100, 70))
    touch("Move", a=(18, 13), b=(90, 60))
    touch("End", b=(90, 60))
    touch("Move", a=(18, 20))
    touch("End")
    desk.colored(1)
    points = [point for done in desk.work.open(1)[1].operations for point in done["points"]]
    assert points == [[13, 13], [17, 13], [18, 13], [18, 20]]


def test_all_of_it_by_keyboard(desk: Desk) -> None:
    page, before = desk.page, desk.classes
    page.keyboard.press("/")
    page.keyboard.type("WATER")
    expect(page.locator("#classes li:visible")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("#active-name")).to_have_text("water")
    expect(page.locator("#map")).to_be_focused()
    for key in ("ArrowLeft", "Shift+ArrowUp", "Space"):
        page.keyboard.press(key)
    desk.colored(1)
    assert (desk.classes == stroke(before, [(WIDTH // 2 - 1, HEIGHT // 2 - 10)], 20, 57)).all()
    page.keyboard.press("m")
    expect(page.locator("#opacity-shown")).to_have_text("0 %")
    page.keyboard.press("m")
    expect(page.locator("#opacity-shown")).to_have_text("50 %")
    page.keyboard.press("n")
    expect(page.locator("#photos option:checked")).to_have_text("two.png")
    expect(page.locator("#photos option").first).to_have_text("● one.png (edited)")
    expect(page.locator("#next")).to_be_disabled()
    desk.colored(0)
    page.keyboard.press("p")
    desk.colored(1)
    page.keyboard.press("Control+s")
    expect(page.locator("#status")).to_have_text("1 edit saved")
    expect(page.locator("#save")).to_have_text("Saved")
    assert desk.work.out is not None
    saved = read_edits(desk.work.out / EDITS, desk.work.labels)
    assert np.array_equal(saved.find(desk.work.open(1)[1].gray), desk.classes)


def test_labels_do_not_drift_and_come_back_from_an_export(desk: Desk, tmp_path: Path) -> None:
    page, drifting = desk.page, [1, 2, 7, 9, 14, 31]
    for place, label in enumerate(drifting):
        page.click(f"#class-{label}")
        desk.click(20 * place + 10, 10)
    for step in range(20):
        desk.stroke((5 * step, 60), (5 * step + 8, 70))
        if step % 5 == 0:
            desk.colored(7 + step)
    desk.colored(26)
    assert desk.classes[10, 10::20].tolist() == drifting
    page.click("#export summary")
    with page.expect_download() as download:
        page.click("#get-labels")
    path = tmp_path / "labels.png"
    download.value.save_as(path)
    assert download.value.suggested_filename == "one-labels.png"
    exported = np.array(Image.open(path))
    assert (exported == desk.work.labels.numbers(desk.classes)).all()
    page.click("#reset")
    desk.colored(27)
    page.set_input_files("#map-file", path)
    desk.colored(28)
    assert (desk.work.labels.numbers(desk.classes) == exported).all()


def test_a_newer_stroke_supersedes_an_older_result(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go, colored = threading.Event(), threading.Event(), []
    original: Callable[..., Any] = Colorizer.paint

    def slow(self: Colorizer, gray: Any, classes: ClassMap) -> Any:
        colored.append(classes)
        begun.set()
        assert go.wait(SECONDS)
        return original(self, gray, classes)

    monkeypatch.setattr(Colorizer, "paint", slow)
    desk.stroke((10, 10), (20, 10))
    assert begun.wait(SECONDS)
    expect(desk.page.locator("#result-stage")).to_have_attribute("aria-busy", "true")
    expect(desk.page.locator("#status")).to_have_text("Coloring…")
    for y in (30, 50, 70):  # all of them while the first is still being colored
        desk.stroke((10, y), (20, y))
        expect(desk.page.locator(f'body[data-revision="{(y + 10) // 20}"]')).to_be_attached()
    go.set()
    desk.colored(4)
    assert len(colored) == 2
    assert np.array_equal(colored[-1], desk.classes)
    expect(desk.page.locator("#status")).to_have_text("")


def test_a_failure_is_one_line_and_the_next_try_works(desk: Desk) -> None:
    page = desk.page
    page.route("**/operations", lambda route: route.abort())
    before, classes = desk.canvas(), desk.classes
    desk.stroke((50, 50), (60, 60))
    expect(page.locator("#error")).to_have_text("the editor does not answer; is bench sdc edit still running?")
    assert (desk.canvas() == before).all()  # what was not done is not shown
    page.unroute("**/operations")
    out_and_in = [(115, 80), (119, 95), (125, 60)]  # of the picture, too
    desk.stroke(*out_and_in)
    desk.colored(1)
    expect(page.locator("#error")).to_have_text("")
    assert (desk.classes == stroke(classes, out_and_in, 20, 0)).all()
