"""The charts of a table: degradation curves, dots where there is no curve, and the price of hiding.

Every chart carries its figures in words as well, in its description and in the tooltips of its points.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from xml.etree.ElementTree import Element

from markupsafe import Markup

from bench_core.cli.tables import figure
from bench_core.summary import SummaryLine
from bench_leaderboard import svg
from bench_leaderboard.board import Column, Entry, Table, headline_pairs
from bench_leaderboard.degradations import Family, families, label
from bench_leaderboard.results import MetricInfo

LEFT, RIGHT, TOP, BOTTOM = 58, 16, 34, 44
"""Margins around a plot, in pixels."""
PLOT = 220
"""The height of a curve's plot."""
INSET = 12
"""Air between the axis and the first point."""
LEGEND = 18
"""The height of a line of the legend."""
LOG_FROM = 30
"""Levels that differ by this factor or more stand on a logarithmic axis."""


@dataclass(frozen=True)
class Chart:
    """One figure of a page."""

    key: str
    title: str
    svg: Markup


@dataclass(frozen=True)
class ChartGroup:
    """The charts of one metric."""

    metric: MetricInfo
    title: str
    charts: Sequence[Chart]


def table_charts(table: Table) -> list[ChartGroup]:
    """All charts of a table by metric; metrics that have none are left out."""
    curves = families(table.degradations)
    covered = {degradation for family in curves for _, degradation in family.levels}
    rest = [degradation for degradation in table.degradations if degradation not in covered]
    groups = []
    for at, (metric, title) in enumerate({(column.metric, column.title): None for column in table.columns}):
        charts: list[Chart | None] = []
        for pair in dict.fromkeys(column.pair for column in table.columns if column.degradation is not None):
            painter = _Painter(table, pair, metric, title, f"{table.slug}-m{at}-{pair}")
            charts += [painter.curve(number, family) for number, family in enumerate(curves)]
            charts += [painter.dots(rest), painter.trade_off()]
        if drawn := [chart for chart in charts if chart is not None]:
            groups.append(ChartGroup(metric, title, drawn))
    return groups


@dataclass(frozen=True)
class _Painter:
    """Draws one pair and metric of a table. A series is an entry of the table, known by its index."""

    table: Table
    pair: str
    metric: MetricInfo
    title: str
    key: str

    def curve(self, number: int, family: Family) -> Chart | None:
        """The metric over the levels of a family: a line a run, its 95 % interval as a band."""
        found = {
            index: [(level, line) for level, name in family.levels if (line := self._figure(entry, name)) is not None]
            for index, entry in enumerate(self.table.entries)
        }
        curves = {index: points for index, points in found.items() if points}
        if sum(map(len, curves.values())) < 2:
            return None
        levels = [level for level, _ in family.levels]
        log = levels[0] > 0 and levels[-1] / levels[0] >= LOG_FROM
        x = svg.Scale(levels[0], levels[-1], LEFT + INSET, svg.WIDTH - RIGHT - INSET, log)
        bounds = [bound for points in curves.values() for _, line in points for bound in _bounds(line)]
        y = svg.Scale(*svg.span(bounds), TOP + PLOT, TOP)
        told = (
            f"{self._name(index)}: " + ", ".join(f"{self._text(line)} at {svg.number(level)}" for level, line in points)
            for index, points in curves.items()
        )
        chart = self._chart(
            f"f{number}",
            f"{self.pair}: {self.title} over {family.title}",
            f"Mean {self._what} against {family.axis}, {self.metric.better}, with 95 % intervals.",
            told,
            PLOT,
            len(curves),
        )
        ticks = levels if len(levels) <= 12 or log else x.ticks(8)
        svg.x_axis(chart.root, x, TOP + PLOT, [(tick, svg.number(tick)) for tick in ticks], family.axis, TOP)
        svg.y_axis(chart.root, y, LEFT, svg.WIDTH - RIGHT, self._axis)
        for index, points in curves.items():
            group = self._series(chart.root, index)
            band = [(x(level), *map(y, _bounds(line))) for level, line in points]
            around = [(at, high) for at, _, _, high in band] + [(at, low) for at, low, _, _ in reversed(band)]
            svg.path(group, around, "band", closed=True)
            svg.path(group, [(at, mean) for at, _, mean, _ in band], "curve", dash=svg.dash(index))
            for (at, _, mean, _), (_, line) in zip(band, points, strict=True):
                svg.marker(group, at, mean, index, self._tip(index, line))
        return chart.done(self, curves)

    def dots(self, degradations: Sequence[str]) -> Chart | None:
        """The metric under degradations that make no curve: a row each, a dot a run, its interval as whiskers."""
        found = {
            (row, index): line
            for row, name in enumerate(degradations)
            for index, entry in enumerate(self.table.entries)
            if (line := self._figure(entry, name)) is not None
        }
        if not found:
            return None
        indices = sorted({index for _, index in found})
        names = [label(degradation) for degradation in degradations]
        pitch = max(28, 13 * len(indices) + 10)
        left = min(190.0, 24 + svg.CHARACTER * max(map(len, names)))
        foot = TOP + pitch * len(names)
        bounds = [bound for line in found.values() for bound in _bounds(line)]
        x = svg.Scale(*svg.span(bounds), left, svg.WIDTH - RIGHT)
        chart = self._chart(
            "dots",
            f"{self.pair}: {self.title} by degradation",
            f"Mean {self._what}, {self.metric.better}, with 95 % intervals.",
            (self._tip(index, line) for (_, index), line in found.items()),
            pitch * len(names),
            len(indices),
        )
        svg.x_axis(chart.root, x, foot, [(tick, svg.number(tick)) for tick in x.ticks()], self._axis, TOP - INSET)
        for row, name in enumerate(names):
            top = TOP + pitch * row
            room = int((left - 14) / svg.CHARACTER)
            svg.text(chart.root, left - 10, top + pitch / 2 + 4, svg.clip(name, room), anchor="end")
            if row:
                svg.line(chart.root, 8, top, svg.WIDTH - RIGHT, top, "grid")
        for place, index in enumerate(indices, start=1):
            group = self._series(chart.root, index)
            for row in range(len(names)):
                if (figures := found.get((row, index))) is not None:
                    at = TOP + pitch * row + pitch * place / (len(indices) + 1)
                    low, mean, high = map(x, _bounds(figures))
                    svg.line(group, low, at, high, at, "whisker")
                    svg.marker(group, mean, at, index, self._tip(index, figures))
        return chart.done(self, indices)

    def trade_off(self) -> Chart | None:
        """What hiding costs the carrier, across, against what survives, up; a run's channels stand above each other."""
        early = next((pair.name for pair in headline_pairs(self.table.task) if pair.before_channel), None)
        if early is None or self.metric.direction == "none":
            return None
        points: dict[int, tuple[SummaryLine, list[SummaryLine]]] = {}
        for index, entry in enumerate(self.table.entries):
            carrier = self._figure(entry, None, early)
            saved = [line for name in self.table.degradations if (line := self._figure(entry, name)) is not None]
            if carrier is not None and saved:
                points[index] = (carrier, sorted(saved, key=_mean))
        if len(points) < 2:
            return None
        across = svg.span([_mean(carrier) for carrier, _ in points.values()], 0.15)
        x = svg.Scale(*across, LEFT + INSET, svg.WIDTH - RIGHT - INSET)
        y = svg.Scale(*svg.span([_mean(line) for _, saved in points.values() for line in saved], 0.1), TOP + PLOT, TOP)
        told = (
            f"{self._name(index)}: {early} {self._text(carrier)}, {self.pair} "
            + ", ".join(f"{self._text(line)} ({label(line.degradation)})" for line in saved)
            for index, (carrier, saved) in points.items()
        )
        chart = self._chart(
            "trade",
            f"{early} against {self.pair}: {self.title}",
            f"Mean {self._what} of the {early}, across, and of the {self.pair}, up; {self.metric.better}.",
            told,
            PLOT,
            len(points),
        )
        ticks = [(tick, svg.number(tick)) for tick in x.ticks()]
        svg.x_axis(chart.root, x, TOP + PLOT, ticks, f"{early}, {self._what} {self.metric.arrow}", TOP)
        svg.y_axis(chart.root, y, LEFT, svg.WIDTH - RIGHT, self._axis)
        for index, (carrier, saved) in points.items():
            group = self._series(chart.root, index)
            at, heights = x(_mean(carrier)), [y(_mean(line)) for line in saved]
            svg.path(group, [(at, heights[0]), (at, heights[-1])], "curve", dash=svg.dash(index))
            for height, line in zip(heights, saved, strict=True):
                svg.marker(group, at, height, index, self._tip(index, line))
            svg.text(group, at, heights[-1] - 9, label(saved[-1].degradation), "point", "middle")
            if len(saved) > 1:
                svg.text(group, at, heights[0] + 17, label(saved[0].degradation), "point", "middle")
        return chart.done(self, points)

    @property
    def _what(self) -> str:
        return f"{self.title} ({self.metric.unit})" if self.metric.unit else self.title

    @property
    def _axis(self) -> str:
        return f"{self.pair}, {self._what} {self.metric.arrow}".rstrip()

    def _figure(self, entry: Entry, degradation: str | None, pair: str = "") -> SummaryLine | None:
        """An entry's figure; None where there is none to draw."""
        at = self._places.get((degradation, pair or self.pair))
        if at is None:  # the metric does not score this pair
            return None
        line = entry.cells[at].line
        return line if line is not None and line.summary.mean is not None else None

    @cached_property
    def _places(self) -> Mapping[tuple[str | None, str], int]:
        columns: Sequence[Column] = self.table.columns
        return {
            (column.degradation, column.pair): at for at, column in enumerate(columns) if column.metric == self.metric
        }

    def _chart(
        self, kind: str, title: str, about: str, told: Iterable[str], height: float, series: int
    ) -> "_Unfinished":
        total = TOP + height + BOTTOM + 14 + LEGEND * series
        key = f"{self.key}-{kind}"
        return _Unfinished(key, title, svg.chart(key, title, f"{about} {'; '.join(told)}.", total), TOP + height)

    def _series(self, root: Element, index: int) -> Element:
        return svg.series(root, index, self.table.entries[index].run.id)

    def _name(self, index: int) -> str:
        return self.table.entries[index].label

    def _text(self, line: SummaryLine) -> str:
        return figure(line.summary.mean, line.metric, line.summary.kind)

    def _tip(self, index: int, line: SummaryLine) -> str:
        low, high = (figure(end, line.metric, line.summary.kind) for end in (line.summary.low, line.summary.high))
        where = f"{self._name(index)}, {label(line.degradation)}"
        return f"{where}: {self._text(line)} ({low} … {high}), n {line.summary.n}"


@dataclass(frozen=True)
class _Unfinished:
    """A chart without its legend."""

    key: str
    title: str
    root: Element
    foot: float

    def done(self, painter: _Painter, indices: Iterable[int]) -> Chart:
        """Add the legend."""
        entries = painter.table.entries
        names = [(index, entries[index].run.id, entries[index].label) for index in indices]
        svg.legend(self.root, names, self.foot + BOTTOM + 12, LEGEND)
        return Chart(self.key, self.title, Markup(svg.markup(self.root)))  # noqa: S704 - elements, escaped as such


def _bounds(line: SummaryLine) -> tuple[float, float, float]:
    """Low, mean, high."""
    mean = _mean(line)
    low, high = line.summary.low, line.summary.high
    return (mean if low is None else low, mean, mean if high is None else high)


def _mean(line: SummaryLine) -> float:
    if line.summary.mean is None:
        raise ValueError("a line without a figure cannot be drawn")
    return line.summary.mean
