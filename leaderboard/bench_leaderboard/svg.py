"""A few SVG shapes: an axis pair with ticks, markers, a legend. Colors and type are the style sheet's.

Charts are made of elements, never of text, so that no name in them can break out of its place.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

NAMESPACE = "http://www.w3.org/2000/svg"

WIDTH = 520
COLORS = 8
DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 2", "12 4 2 4 2 4")
_MARKERS = (
    "M{r},0A{r},{r} 0 1 1 -{r},0A{r},{r} 0 1 1 {r},0Z",  # circle
    "M-{s},-{s}H{s}V{s}H-{s}Z",  # square
    "M0,-{b}L{b},{s}H-{b}Z",  # triangle
    "M0,-{b}L{b},0L0,{b}L-{b},0Z",  # diamond
    "M0,{b}L{b},-{s}H-{b}Z",  # triangle, point down
    "M-{b},0H{b}M0,-{b}V{b}",  # plus
    "M-{s},-{s}L{s},{s}M-{s},{s}L{s},-{s}",  # cross
    "M-{b},-{s}L0,{s}L{b},-{s}",  # wedge
)
CHARACTER = 6.3
"""About how wide a character of the charts' type is."""


@dataclass(frozen=True)
class Scale:
    """From values to pixels; logarithmic where asked."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The position of a value, to a tenth of a pixel."""
        low, high, value = (math.log(x) if self.log else x for x in (self.low, self.high, value))
        return round(self.start + (value - low) / (high - low) * (self.end - self.start), 1)

    def ticks(self, count: int = 6) -> list[float]:
        """About `count` round numbers inside (Heckbert's 1-2-5 steps)."""
        step = _nice((self.high - self.low) / max(1, count - 1))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(index * step, 10) for index in range(first, last + 1)]


def span(values: Sequence[float], margin: float = 0.06) -> tuple[float, float]:
    """The range of values with a little air; never empty."""
    low, high = min(values), max(values)
    air = (high - low) * margin or max(abs(high) * 0.05, 0.5)
    return low - air, high + air


def number(value: float) -> str:
    """A tick's label, without digits that say nothing."""
    return f"{value:.4f}".rstrip("0").rstrip(".") or "0"


def chart(key: str, title: str, description: str, height: float, width: float = WIDTH) -> Element:
    """An empty chart with its accessible name and description."""
    root = Element(
        "svg",
        {
            "xmlns": NAMESPACE,
            "viewBox": f"0 0 {width:g} {height:g}",
            "width": f"{width:g}",
            "height": f"{height:g}",
            "role": "img",
            "class": "chart",
            "aria-labelledby": f"{key}-title {key}-desc",
        },
    )
    SubElement(root, "title", {"id": f"{key}-title"}).text = title
    SubElement(root, "desc", {"id": f"{key}-desc"}).text = description
    return root


def markup(root: Element) -> str:
    """The chart as text."""
    return tostring(root, encoding="unicode")


def text(parent: Element, x: float, y: float, content: str, kind: str = "tick", anchor: str = "start") -> Element:
    """A line of text; `kind` is its class."""
    element = SubElement(parent, "text", {"x": f"{x:g}", "y": f"{y:g}", "class": kind, "text-anchor": anchor})
    element.text = content
    return element


def line(parent: Element, x1: float, y1: float, x2: float, y2: float, kind: str) -> Element:
    """A straight line."""
    points = {"x1": f"{x1:g}", "y1": f"{y1:g}", "x2": f"{x2:g}", "y2": f"{y2:g}"}
    return SubElement(parent, "line", {**points, "class": kind})


def path(
    parent: Element, points: Sequence[tuple[float, float]], kind: str, *, closed: bool = False, dash: str = ""
) -> None:
    """A path through points."""
    d = "M" + "L".join(f"{x:g},{y:g}" for x, y in points) + ("Z" if closed else "")
    SubElement(parent, "path", {"d": d, "class": kind, **({"stroke-dasharray": dash} if dash else {})})


def marker(parent: Element, x: float, y: float, series: int, tip: str = "", size: float = 4.2) -> None:
    """A series' own shape at a point, with a tooltip."""
    shape = _MARKERS[(series + series // COLORS) % len(_MARKERS)]
    d = shape.format(r=f"{size:g}", s=f"{size * 0.88:.1f}", b=f"{size * 1.25:.1f}")
    element = SubElement(parent, "path", {"d": d, "class": "marker", "transform": f"translate({x:g},{y:g})"})
    if tip:
        SubElement(element, "title").text = tip


def series(parent: Element, index: int, run: str) -> Element:
    """The group of one run's marks; the page's script hides it together with the run's row."""
    return SubElement(parent, "g", {"class": f"series s{index % COLORS}", "data-run": run})


def dash(index: int) -> str:
    """The dash pattern of a series: with the marker, what tells it apart without color."""
    return DASHES[index % len(DASHES)]


def x_axis(root: Element, scale: Scale, y: float, ticks: Sequence[tuple[float, str]], label: str, top: float) -> None:
    """The horizontal axis with grid lines; ticks that would touch are left without their label."""
    line(root, scale.start, y, scale.end, y, "axis")
    free = -math.inf
    for value, name in ticks:
        at, half = scale(value), len(name) * CHARACTER / 2
        line(root, at, top, at, y, "grid")
        if at - half > free:
            text(root, at, y + 17, name, anchor="middle")
            free = at + half + 4
    text(root, (scale.start + scale.end) / 2, y + 36, label, "label", "middle")


def y_axis(root: Element, scale: Scale, x: float, end: float, label: str) -> None:
    """The vertical axis with grid lines, its label above it, where it reads without a turned head."""
    for value in scale.ticks():
        line(root, x, scale(value), end, scale(value), "grid")
        text(root, x - 7, scale(value) + 4, number(value), anchor="end")
    line(root, x, scale.start, x, scale.end, "axis")
    text(root, x - 34, scale.end - 12, label, "label")


def legend(root: Element, labels: Sequence[tuple[int, str, str]], y: float, pitch: float, x: float = 48) -> None:
    """A line for each (series, run, label): marker, dash, name."""
    for row, (index, run, name) in enumerate(labels):
        at = y + pitch * row
        group = series(root, index, run)
        path(group, [(x, at), (x + 28, at)], "curve", dash=dash(index))
        marker(group, x + 14, at, index)
        text(group, x + 38, at + 4, clip(name, int((WIDTH - x - 44) / CHARACTER)), "name")


def clip(name: str, characters: int) -> str:
    """A name cut to its room."""
    return name if len(name) <= characters else name[: characters - 1] + "…"


def _nice(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * 0.999)
