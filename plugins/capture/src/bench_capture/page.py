"""Pages: where slots go on paper or on a screen, and what else is printed there."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import segno
from PIL import Image, ImageDraw, ImageFont

from bench_capture.markers import Array
from bench_core.errors import RequestError
from bench_core.images import MAX_PIXELS

MILLIMETERS = 25.4
PAPERS = {"a4": (210.0, 297.0), "letter": (215.9, 279.4)}
RULER_MM = 100.0
_MARGIN_MM = 10.0
_MODULE_MM = 1.0
_SCREEN_MARGIN, _SCREEN_MODULE = 16, 4
_QR_SIDE = 33
"""Modules of the page's code (version 2, EC level M), its white border included."""
_LABEL_MM, _SCREEN_LABEL = 4.0, 16


@dataclass(frozen=True)
class Medium:
    """What is drawn on: `width`×`height` container pixels, `ppi` of them on an inch (None on a screen)."""

    name: str
    width: int
    height: int
    ppi: float | None = None
    paper: str = ""
    size_mm: tuple[float, float] | None = None

    @classmethod
    def of_paper(cls, paper: str, ppi: float) -> "Medium":
        """A sheet of paper, on which a container pixel is 1/`ppi` inch; RequestError for a page too large to draw."""
        width, height = PAPERS[paper]
        across, down = int(width / MILLIMETERS * ppi), int(height / MILLIMETERS * ppi)
        if across * down > MAX_PIXELS:
            raise RequestError(
                f"{ppi:g} container pixels an inch make a page of {across}x{down}, more than the {MAX_PIXELS} pixels "
                "that a picture may have; give --dots more, or --dpi less, e.g. --dpi 600 --dots 4"
            )
        return cls("paper", across, down, ppi, paper, (width, height))

    @classmethod
    def of_screen(cls, width: int, height: int) -> "Medium":
        """A screen, on which a container pixel is a pixel; RequestError for one too large to draw."""
        if width * height > MAX_PIXELS:
            raise RequestError(
                f"--screen {width}x{height}: has more than the {MAX_PIXELS} pixels that a picture may have, "
                "e.g. --screen 1920x1080"
            )
        return cls("screen", width, height)

    def pixels(self, millimeters: float) -> int:
        """A length on paper in container pixels, rounded up."""
        return int(np.ceil(millimeters / MILLIMETERS * (self.ppi or 0)))

    @property
    def margin(self) -> int:
        """What is left free at every edge."""
        return self.pixels(_MARGIN_MM) if self.ppi else _SCREEN_MARGIN

    @property
    def module(self) -> int:
        """The side of a QR code's module: at least 1 mm on paper."""
        return self.pixels(_MODULE_MM) if self.ppi else _SCREEN_MODULE

    @property
    def label(self) -> int:
        """The height of the line of text under a slot."""
        return self.pixels(_LABEL_MM) if self.ppi else _SCREEN_LABEL

    @property
    def room(self) -> tuple[int, int, int, int]:
        """Where slots may stand: x0, y0, x1, y1."""
        top = self.margin + _QR_SIDE * self.module + self.margin // 4
        return self.margin, top, self.width - self.margin, self.height - self.margin


@dataclass(frozen=True)
class Picture:
    """Pixels (uint8 H×W×3) on a page, each `scale`×`scale` page pixels large."""

    x: int
    y: int
    pixels: Array
    scale: int = 1


@dataclass(frozen=True)
class Text:
    """A line of text; (x, y) is its top left corner, `size` its height, in page pixels."""

    x: float
    y: float
    text: str
    size: float


@dataclass(frozen=True)
class Bar:
    """A black rectangle, in page pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass
class Page:
    """One page: what is on it, in the order it is drawn."""

    medium: Medium
    pictures: list[Picture] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)

    def draw(self) -> Array:
        """The page as uint8 H×W×3, a pixel for every container pixel: what a screen shows."""
        canvas = np.full((self.medium.height, self.medium.width, 3), 255, dtype=np.uint8)
        for picture in self.pictures:
            large = np.kron(picture.pixels, np.ones((picture.scale, picture.scale, 1), dtype=np.uint8))
            canvas[picture.y : picture.y + large.shape[0], picture.x : picture.x + large.shape[1]] = large
        for bar in self.bars:
            x, y = round(bar.x), round(bar.y)
            canvas[y : max(y + 1, round(bar.y + bar.height)), x : max(x + 1, round(bar.x + bar.width))] = 0
        image = Image.fromarray(canvas)
        pen = ImageDraw.Draw(image)
        for text in self.texts:
            pen.text((text.x, text.y), text.text, fill=(0, 0, 0), font=ImageFont.load_default(max(8, text.size)))
        return np.asarray(image)


@dataclass(frozen=True)
class Place:
    """Where a slot's sheet stands: its page, from 1, and its first pixel there."""

    page: int
    x: int
    y: int


def arrange(sizes: Sequence[tuple[int, int]], medium: Medium) -> list[Place]:
    """Places for slots of these sizes (width, height), in rows from the top left, on as many pages as it takes.

    Each must fit the medium's room; `check_fits` says so of one that does not.
    """
    x0, y0, x1, y1 = medium.room
    places: list[Place] = []
    page, x, y, row = 1, x0, y0, 0
    for width, height in sizes:
        if x > x0 and x + width > x1:
            x, y, row = x0, y + row, 0
        if y > y0 and y + height + medium.label > y1:
            page, x, y, row = page + 1, x0, y0, 0
        places.append(Place(page, x, y))
        x, row = x + width + medium.label, max(row, height + medium.label)
    return places


def check_fits(name: str, size: tuple[int, int], sheet: tuple[int, int], medium: Medium, dpi: int) -> None:
    """Whether a container of `size` fits, whose slot with markers is `sheet` (width, height) pixels.

    Raises:
        RequestError: it does not; with what would.
    """
    x0, y0, x1, y1 = medium.room
    if sheet[0] <= x1 - x0 and sheet[1] + medium.label <= y1 - y0:
        return
    what = f"{name} is {size[0]}x{size[1]} pixels, {sheet[0]}x{sheet[1]} with its markers"
    if medium.ppi is None:
        room = f"{max(x1 - x0, 0)}x{max(y1 - y0 - medium.label, 0)}"
        least = f"{sheet[0] + 2 * medium.margin}x{sheet[1] + y0 + 2 * medium.margin}"
        raise RequestError(
            f"{what}; on a screen of {medium.width}x{medium.height} there is room for {room}; e.g. --screen {least}"
        )
    # The room in millimeters hardly depends on the resolution; the next whole number of dots that fits is looked for.
    here = f"at {dpi} dpi and {round(dpi / medium.ppi)} dots a pixel"
    for dots in range(round(dpi / medium.ppi) - 1, 0, -1):
        try:
            other = Medium.of_paper(medium.paper, dpi / dots)
        except RequestError:  # too large a page to draw, and so are those of fewer dots
            break
        left, top, right, bottom = other.room
        if sheet[0] <= right - left and sheet[1] + other.label <= bottom - top:
            raise RequestError(f"{what}; {here} that is too large for {medium.paper}; --dots {dots} fits")
    raise RequestError(
        f"{what}; {here} that is too large for {medium.paper}, and so is one dot a pixel; cut it smaller"
    )


def code_text(run: str, page: int) -> str:
    """What a page's QR code says: `bench1:<run>:<page>:<crc8>`."""
    text = f"bench1:{run}:{page}"
    return f"{text}:{_crc8(text):02x}"


def read_code(text: str) -> tuple[str, int] | None:
    """The run and the page that a QR code names; None where it is none of ours, or damaged."""
    body, _, check = text.rpartition(":")
    # Photos may show any code: its run is printed, and its page a number.
    match = re.fullmatch(r"bench1:([A-Za-z0-9_-]{1,32}):([0-9]{1,4})", body)
    return (match[1], int(match[2])) if match and check == f"{_crc8(body):02x}" else None


def _crc8(text: str) -> int:
    """CRC-8 with the polynomial x⁸ + x² + x + 1, starting from 0."""
    value = 0
    for byte in text.encode():
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ 0x07) & 0xFF if value & 0x80 else value << 1
    return value


def code_pixels(text: str) -> Array:
    """A QR code, EC level M, as uint8 H×W×3, a pixel a module, with its border of four."""
    code = segno.make_qr(text, error="m", boost_error=False)
    modules = np.array([list(row) for row in code.matrix_iter(border=4)], dtype=bool)
    return np.repeat(np.where(modules, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def begin_page(medium: Medium, run: str, page: int, pages: int, lines: Sequence[str]) -> Page:
    """A page with its head: the code, what it is, and on paper a ruler of 100 mm."""
    made = Page(medium)
    code = code_pixels(code_text(run, page))
    made.pictures.append(Picture(medium.margin, medium.margin, code, medium.module))
    x = medium.margin + code.shape[1] * medium.module + medium.module * 2
    size = medium.module * 3
    y = float(medium.margin + 4 * medium.module)
    for number, line in enumerate((f"bench {run}   page {page} of {pages}", *lines)):
        made.texts.append(Text(x, y, line, size * (1.2 if number == 0 else 1)))
        y += size * 1.6
    if medium.ppi:
        _add_ruler(made, x, medium.margin + code.shape[0] * medium.module - 8 * medium.module)
    return made


def _add_ruler(page: Page, x: float, y: float) -> None:
    module, mm = page.medium.module, (page.medium.ppi or 0) / MILLIMETERS
    thin = mm * 0.25
    page.bars.append(Bar(x, y, RULER_MM * mm, thin))
    for step in range(0, int(RULER_MM) + 1, 10):
        height = (4 if step % 50 == 0 else 2.5) * mm
        # Ends count from outer edge to outer edge.
        inset = thin if step == RULER_MM else 0.0 if step == 0 else thin / 2
        page.bars.append(Bar(x + step * mm - inset, y - height, thin, height))
    page.texts.append(Text(x, y + module, "measure me: 100 mm from end to end, or the print was scaled", module * 2.5))
