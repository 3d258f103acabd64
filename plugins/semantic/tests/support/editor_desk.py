"""The editor's page in a browser, as the tests of it use it: by real mouse and keyboard."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from bench_semantic.editor.serve import _listening, _server
from bench_semantic.editor.workplace import Workplace
from bench_semantic.label_sets import ClassMap

HEIGHT, WIDTH = 90, 120
SECONDS = 60  # the longest that anything may take, on a machine that is busy


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

    def number(self, digits: str) -> None:
        """Type a class's number: in one go, as digits that come too late are a number of their own."""
        script = "keys => { for (const key of keys) "
        script += "document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true })); }"
        self.page.evaluate(script, list(digits))

    def swipe(self, *turns: float, mode: int = 0, pause: int = 16) -> None:
        """Turn the wheel over the map: an event each, a while after the last swipe and `pause` milliseconds apart."""
        script = """([turns, deltaMode, pause]) => {
            window.swiped = (window.swiped ?? performance.now()) + 5000;
            for (const deltaY of turns) {
                const event = new WheelEvent('wheel', { deltaY, deltaMode, cancelable: true });
                Object.defineProperty(event, 'timeStamp', { value: window.swiped += pause });
                document.getElementById('map').dispatchEvent(event);
            }
        }"""
        self.page.evaluate(script, [turns, mode, pause])

    def opened(self, number: int) -> None:
        """Wait until a photo lies on the desk, colored by the prediction."""
        expect(self.page.locator(f'body[data-photo="{number}"]')).to_be_attached()
        self.colored(0)

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


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser of the machine, or playwright's own; without one the test is skipped."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    with sync_playwright() as playwright:
        if path is None and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("no Chromium is installed: apt install chromium, or playwright install chromium")
        # Without a sandbox, because tests may run as root; the only page it opens is our own.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, work: Workplace) -> Iterator[Desk]:
    """The page over `work`, with its first photo colored; in the end no script may have failed."""
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
    desk = Desk(page, work, [])
    page.on("request", lambda request: desk.asked.extend(request.url.split("/api/")[1:]))
    page.goto(f"http://127.0.0.1:{port}/?token=a-token")
    desk.opened(1)
    yield desk
    context.close()
    server.should_exit = True
    thread.join(SECONDS)
    listening.close()
    assert not thread.is_alive()
    assert wrong == []
