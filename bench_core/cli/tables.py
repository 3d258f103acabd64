"""Tables on a terminal."""

from collections.abc import Sequence

from bench_core.store.queries import Row
from bench_core.summary import SummaryLine, summarize_rows

WIDTH = 140
"""Columns where there is no terminal to ask."""


def print_table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = (), title: str = ""
) -> None:
    """Print a table; columns named in `right` are aligned to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, title=Text(title) if title else None, title_justify="left", pad_edge=False)
    for header in headers:
        table.add_column(header, justify="right" if header in right else "left", no_wrap=header in right)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    console.print(table)


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
