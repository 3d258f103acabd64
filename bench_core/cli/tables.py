"""Tables on a terminal."""

import sys
from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

from bench_core.store.queries import Row
from bench_core.summary import SummaryLine, summarize_rows

if TYPE_CHECKING:
    from rich.table import Table

WIDTH = 140
"""The least width of a table where there is no terminal to ask."""

_WORDS = 8
"""The least width of a column of words, which figures would press to nothing."""


def print_table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = (), title: str = ""
) -> None:
    """Print a table; columns named in `right` hold figures: they are aligned to the right, and never cut."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, title=Text(title) if title else None, title_justify="left", pad_edge=False)
    for header in headers:
        figures = header in right
        table.add_column(header, justify="right" if figures else "left", no_wrap=figures, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console()
    wanted = Measurement.get(console, console.options.update(max_width=sys.maxsize), table).maximum
    if not console.is_terminal:
        console.width = max(WIDTH, wanted)
    elif console.width < wanted:
        # What is wider still is broken by the terminal, and not lost.
        console.width = max(console.width, _squeeze(table))
    console.print(table)


def _squeeze(table: "Table") -> int:
    """Let titles of figures wrap over their figures, and words in their columns; the least width of the table then."""
    from rich.cells import cell_len

    table.collapse_padding = True
    for column in table.columns:
        header, cells = str(column.header), [str(cell) for cell in column.cells]
        if column.no_wrap:
            column.min_width = max(map(cell_len, [*header.split(), *cells]))
            column.header = fill(header, column.min_width)
        else:
            column.min_width = min(_WORDS, max(map(cell_len, [header, *cells])))
    return sum((column.min_width or 0) + 2 for column in table.columns)


def print_summary(rows: Sequence[Row], *, seed: int) -> None:
    """Print mean, 95 % interval, n and failures for every degradation, pair and metric."""
    lines = summarize_rows(rows, seed=seed)
    several = len({line.run for line in lines}) > 1
    headers = (
        ["degradation", "pair", "metric"] + ["plugin"] * several + ["mean", "95 % interval", "n", "failed", "notes"]
    )
    cells = [
        [line.degradation, line.pair, line.metric]
        + [line.plugin] * several
        + [
            figure(line.summary.mean, line.metric, line.summary.kind),
            _interval(line),
            str(line.summary.n),
            str(line.failed or ""),
            ", ".join([notes(line)] * bool(notes(line)) + _pooled(line)),
        ]
        for line in lines
    ]
    print_table(headers, cells, right=["mean", "95 % interval", "n", "failed"])


def figure(value: float | None, metric: str, kind: str = "mean") -> str:
    """A value as tables print it: 2 decimals for dB and colorfulness, 4 for indices, per cent for proportions.

    A mean squared error of values in 0..1 is small, and gets 5.
    """
    if value is None:
        return "–"
    if kind == "proportion":
        return f"{100 * value:.1f} %"
    if metric == "mse":
        return f"{value:.5f}"
    return f"{value:.2f}" if metric.startswith(("psnr", "cci")) or abs(value) >= 10 else f"{value:.4f}"


def notes(line: SummaryLine) -> str:
    """What a reader must know of a figure: few images, identical pictures, the reference's own value, failures."""
    summary = line.summary

    def said(value: float) -> str:
        return figure(value, line.metric, summary.kind)

    parts = [f"{count} {status}" for status, count in summary.failures.items()]
    if summary.worst is not None:
        parts.append(f"worst {said(summary.worst)}")
    if summary.small_n and summary.n:
        parts.append("small n")
    if summary.n_identical:
        parts.append(f"{summary.n_identical} identical, counted as {summary.cap:g}")
    if summary.reference is not None:
        parts.append(f"reference {said(summary.reference)}")
    return ", ".join(parts)


def _pooled(line: SummaryLine) -> list[str]:
    pooled = line.summary.pooled
    return [f"pooled {figure(pooled, line.metric)}"] if pooled is not None and line.summary.n > 1 else []


def _interval(line: SummaryLine) -> str:
    low, high = (figure(end, line.metric, line.summary.kind) for end in (line.summary.low, line.summary.high))
    return "–" if line.summary.low is None else f"{low} … {high}"
