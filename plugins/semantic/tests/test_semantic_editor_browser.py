"""The editor in headless Chromium, by real mouse and keyboard.

Needs a Chromium or Chrome that is installed, or playwright's own; without one these tests are skipped.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from skimage import data

from bench_semantic.colorize import Colorizer
from bench_semantic.editor.export import EDITS
from bench_semantic.editor.serve import _listening, _server
from bench_semantic.editor.strokes import fill, stroke
from bench_semantic.editor.workplace import Workplace
from bench_semantic.edits import read_edits
from bench_semantic.label_sets import ClassMap
from bench_semantic.weights import SdcNetworks, save_weights

HEIGHT, WIDTH = 90, 120
SECONDS = 60  # the longest that anything may take, on a machine that is busy


def chromium() -> str | None:
    """The browser of the machine, or None for playwright's own."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = chromium()
        if path is None and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("no Chromium is installed: apt install chromium, or playwright install chromium")
        # Without a sandbox, because tests may run as root; the only page it opens is our own.
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two photos."""
    for name, photo in (("one", data.astronaut()), ("two", data.coffee())):
        Image.fromarray(photo[40 : 40 + 2 * HEIGHT : 2, 120 : 120 + 2 * WIDTH : 2]).save(tmp_path / f"{name}.png")
    return [tmp_path / "one.png", tmp_path / "two.png"]


@pytest.fixture
def work(networks60: SdcNetworks, files: list[Path], tmp_path: Path) -> Iterator[Workplace]:
    place = Workplace(Colorizer(networks60), files, tmp_path / "edits")
    yield place
    place.close()


@dataclass
class Desk:
    """The page with a photo on it, and what lies behind it."""

    page: Page
    work: Workplace
    asked: list[str]

    @property
    def classes(self) -> ClassMap:
        return self.work.open(1)[1].classes

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where the middle of a pixel of the map is on the page."""
        box = self.page.locator("#map").bounding_box()
        assert box is not None
        return box["x"] + (x + 0.5) * box["width"] / WIDTH, box["y"] + (y + 0.5) * box["height"] / HEIGHT

    def move(self, x: float, y: float) -> None:
        self.page.mouse.move(*self.at(x, y))

    def click(self, x: float, y: float) -> None:
        self.page.mouse.click(*self.at(x, y))

    def stroke(self, *points: tuple[int, int]) -> None:
        self.move(*points[0])
        self.page.mouse.down()
        for point in points[1:]:
            self.move(*point)
        self.page.mouse.up()

    def colored(self, revision: int) -> None:
        """Wait until the result of a revision is shown."""
        expect(self.page.locator(f'body[data-revision="{revision}"][data-colored="{revision}"]')).to_be_attached()
        expect(self.page.locator("#result-stage")).to_have_attribute("aria-busy", "false")

    def canvas(self) -> np.ndarray[Any, Any]:
        """The colors of the classes as they are shown, H×W×3."""
        script = "() => { const c = document.getElementById('overlay');"
        script += " return Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data); }"
        return np.array(self.page.evaluate(script), np.uint8).reshape(HEIGHT, WIDTH, 4)[..., :3]

    def result(self) -> np.ndarray[Any, Any]:
        """The picture that is shown as the result, H×W×3."""
        script = """async () => {
            const image = document.getElementById('result');
            await image.decode();
            const c = new OffscreenCanvas(image.naturalWidth, image.naturalHeight).getContext('2d');
            c.drawImage(image, 0, 0);
            return Array.from(c.getImageData(0, 0, image.naturalWidth, image.naturalHeight).data);
        }"""
        return np.array(self.page.evaluate(script), np.uint8).reshape(HEIGHT, WIDTH, 4)[..., :3]


@pytest.fixture
def desk(browser: Browser, work: Workplace) -> Iterator[Desk]:
    listening = _listening(0)
    port = listening.getsockname()[1]
    server = _server(work, port, "a-token")
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    context = browser.new_context(viewport={"width": 1000, "height": 640}, reduced_motion="reduce")
    context.set_default_timeout(SECONDS * 1000)
    expect.set_options(timeout=SECONDS * 1000)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if "Content Security Policy" in line.text else None)
    found = Desk(page, work, [])
    page.on("request", lambda request: found.asked.extend(request.url.split("/api/")[1:]))
    page.goto(f"http://127.0.0.1:{port}/?token=a-token")
    found.colored(0)
    yield found
    context.close()
    server.should_exit = True
    thread.join(SECONDS)
    listening.close()
    assert not thread.is_alive()
    assert wrong == []


def test_a_stroke_of_the_mouse_changes_map_and_result_there(desk: Desk) -> None:
    page, before = desk.page, desk.classes
    assert "token" not in page.url
    assert (desk.canvas() == desk.work.labels.palette[before]).all()
    automatic = desk.result()
    assert (automatic == desk.work.automatic(1)).all()
    page.keyboard.type("50")
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
    page.keyboard.down("c")
    expect(page.locator("#result-title")).to_have_text("Result before your edits")
    page.wait_for_function("document.getElementById('result').complete")
    page.wait_for_timeout(300)
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

    page.keyboard.type("31")
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
    networks60: SdcNetworks, files: list[Path], tmp_path: Path
) -> None:
    save_weights(tmp_path / "sdc.safetensors", networks60, {})
    arguments = [str(files[0]), "--weights", str(tmp_path / "sdc.safetensors"), "--device", "cpu", "--no-browser"]
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
