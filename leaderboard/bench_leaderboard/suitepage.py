"""A suite's page: what its paper reports beside what was measured, row by row, each marked as what it is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from statistics import multimode

from bench_core.statistics import SMALL_N
from bench_core.store.database import Database
from bench_core.store.queries import Row, long_rows
from bench_core.store.suites import reported_rows, suite_names
from bench_core.suite import ENCODED_BYTES, HYPERPARAMETER, UNMEASURED
from bench_core.suite_plan import Column
from bench_core.suite_table import Panel, SuiteCell, SuiteRow, SuiteTable, cell_text, read_suite_table
from bench_leaderboard.degradations import anchor

ORIGINS = {
    "reported": "as the paper prints it, on the paper's data",
    "measured": "by the runs that the figures link to",
    "preset": "as our training command has it",
}
"""What each origin means, in words."""


@dataclass(frozen=True)
class SuitePage:
    """A suite with its file's name and the long rows behind it."""

    slug: str
    table: SuiteTable
    rows: Sequence[Row]

    @property
    def reported(self) -> int:
        """How many figures the paper prints."""
        return sum(row.origin == "reported" for row in self.rows)

    @property
    def origins(self) -> dict[str, str]:
        """The origins on this page, with what they mean."""
        shown = {row.origin for panel in self.table.panels for row in panel.rows}
        return {origin: text for origin, text in ORIGINS.items() if origin in shown}


def read_suites(database: Database) -> list[SuitePage]:
    """The suites that were run into a database, by name."""
    pages: list[SuitePage] = []
    for name in suite_names(database):
        table = read_suite_table(database, name)
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "suite"
        while slug in {page.slug for page in pages}:
            slug += "-"
        runs = [run.id for run in table.runs]
        pages.append(
            SuitePage(slug, table, reported_rows(database, [name]) + (long_rows(database, runs) if runs else []))
        )
    return pages


def column_words(column: Column) -> str:
    """What a column holds, in small print: the pair and the metric; the title names the channel."""
    if column.pair in UNMEASURED:
        return column.metric
    return "mean file size" if column.metric == ENCODED_BYTES else f"{column.pair} {column.metric}"


def channel_words(column: Column) -> str:
    """The channel of a column in full; nothing where none is measured."""
    if column.pair in UNMEASURED:
        return ""
    return f"under {column.degradation}" if column.degradation else "before the channel"


def row_words(row: SuiteRow) -> str:
    """What a row was measured on, with the number of images; * marks one below 20."""
    counts = sorted({cell.summary.n for cell in row.cells if cell.summary})
    if not counts:
        return row.data
    number = "–".join(str(n) for n in dict.fromkeys((counts[0], counts[-1])))
    return f"{row.data}, n\u00a0{number}{'*' if counts[0] < SMALL_N else ''}"


def figure_words(cell: SuiteCell, column: Column, decimals: int | None = None) -> str:
    """The figure alone, without its mark; a reported one with all its own digits, and zeros up to `decimals`."""
    if decimals is None or cell.value is None or column.pair == HYPERPARAMETER:
        return cell_text(replace(cell, mark=""), column)
    number = _printed(cell)
    return f"{number:.{max(decimals, _decimals(number))}f}{' %' if cell.kind == 'proportion' else ''}"


def reported_decimals(panel: Panel) -> list[int]:
    """The decimals that most of each column's reported figures have: a number does not keep the zeros at its end."""
    reported = [row.cells for row in panel.rows if row.origin == "reported"]
    columns = ([cells[at] for cells in reported] for at in range(len(panel.columns)))
    return [max(multimode(_decimals(_printed(cell)) for cell in cells if cell.value is not None), default=0)
            for cells in columns]  # fmt: skip


def _printed(cell: SuiteCell) -> Decimal:
    return Decimal(repr(cell.value)) * (100 if cell.kind == "proportion" else 1)


def _decimals(number: Decimal) -> int:
    return len(f"{number.normalize():f}".partition(".")[2])


def place(cell: SuiteCell) -> str:
    """Where the run's page shows a measured figure."""
    return f"{cell.line.run}.html#{anchor(cell.line.degradation)}" if cell.line else ""
