"""A suite's table: what the paper reports and what runs measured, row beside row, read from the database alone.

Reported and measured figures meet only here, each cell with its origin; nothing is averaged or ranked over both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bench_core.statistics import Summary
from bench_core.store.database import Database
from bench_core.store.queries import Row, RunInfo, list_runs, long_rows
from bench_core.store.suites import ReportedFigure, StoredSuite, get_suite, linked_runs, reported_figures
from bench_core.suite import ENCODED_BYTES, UNMEASURED
from bench_core.suite_plan import CLEAN, Column
from bench_core.summary import SummaryLine, summarize_rows

FLOOR_MARGIN = 1.0
"""Decibels above the method that does nothing, up to which nothing is claimed."""


@dataclass(frozen=True)
class SuiteCell:
    """One figure, or none (`value` None). A measured one has its `line`; `mark` compares it with the floor.

    `kind` is the metric's, as far as a run tells it.
    """

    value: float | None = None
    line: SummaryLine | None = None
    mark: str = ""
    kind: str = "mean"

    @property
    def summary(self) -> Summary | None:
        """The statistics of a measured figure."""
        return self.line.summary if self.line else None


@dataclass(frozen=True)
class SuiteRow:
    """One row: `origin` is reported, measured or preset; `data` says in words what it was measured on."""

    label: str
    origin: str
    data: str
    cells: tuple[SuiteCell, ...]
    note: str = ""
    runs: tuple[RunInfo, ...] = ()


@dataclass(frozen=True)
class Panel:
    """One table of a suite: most have just one, the plots of a figure one each."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[SuiteRow, ...]


@dataclass(frozen=True)
class SuiteTable:
    """A suite with its panels, the lines about its data, and why methods were skipped, with what trains them."""

    suite: StoredSuite
    panels: tuple[Panel, ...]
    data_notes: tuple[str, ...]
    skipped: Mapping[str, tuple[str, str]]

    @property
    def runs(self) -> list[RunInfo]:
        """All runs in the table, each once."""
        rows = [row for panel in self.panels for row in panel.rows]
        return list({run.id: run for row in rows for run in row.runs}.values())


@dataclass
class _Measured:
    """The runs of one label on the same pictures, with their figures."""

    label: str
    runs: list[RunInfo] = field(default_factory=list)
    lines: dict[tuple[str, str, str], SummaryLine] = field(default_factory=dict)
    bytes: dict[str, float] = field(default_factory=dict)

    @property
    def by_level(self) -> bool:
        """Whether several models share the row, such as one for each level."""
        return len({(run.plugin, tuple(sorted(run.settings.items())), run.weights) for run in self.runs}) > 1

    def cell(self, column: Column) -> SuiteCell:
        if column.metric == ENCODED_BYTES:
            return SuiteCell(self.bytes.get(column.degradation))
        if self.by_level and not column.degradation:  # each model has a carrier of its own, and none stands for all
            return SuiteCell()
        for (degradation, pair, metric), line in self.lines.items():
            if (pair, metric) == (column.pair, column.metric) and column.degradation in ("", degradation):
                return SuiteCell(line.summary.mean, line, kind=line.summary.kind)
        return SuiteCell()


def read_suite_table(database: Database, name: str) -> SuiteTable:
    """The table of a suite; RequestError where it was never run into this database."""
    suite = get_suite(database, name)
    columns = [Column(**column) for column in suite.definition["columns"]]
    figures = reported_figures(database, name)
    measured, notes = _measured(database, suite)
    skipped = {name: (reason, train) for name, (reason, train) in suite.notes["skipped"].items()}
    titles = list(dict.fromkeys(column.panel for column in columns))
    panels = []
    for title in titles:
        of_panel = tuple(column for column in columns if column.panel == title)
        panels.append(Panel(title, of_panel, tuple(_rows(suite, of_panel, figures, measured))))
    return SuiteTable(suite, tuple(panels), tuple(notes), skipped)


def _measured(database: Database, suite: StoredSuite) -> tuple[list[_Measured], list[str]]:
    """What was measured, by label and pictures, in the suite's order; and the lines about the data, newest first."""
    infos = {run.id: run for run in list_runs(database)}
    links = linked_runs(database, suite.name)
    found: dict[tuple[str, str, str, int], _Measured] = {}
    for method in suite.definition["methods"]:
        newest: dict[tuple[str, str, int], Any] = {}
        for link in (link for link in links if link.method == method["key"]):
            run = infos[link.run_id]
            place = (run.dataset, run.data_digest, run.seed)
            identity = (run.plugin, run.settings, run.weights, run.code)
            # Runs of a method as it was before, with other weights or code, are superseded, not mixed in.
            if newest.setdefault(place, identity) == identity:
                group = found.setdefault((method["label"], *place), _Measured(method["label"]))
                _add(group, run, long_rows(database, [run.id]))
    return list(found.values()), list(dict.fromkeys(link.note for link in links))


def _add(group: _Measured, run: RunInfo, rows: Sequence[Row]) -> None:
    group.runs.append(run)
    for line in summarize_rows(rows, seed=run.seed):
        group.lines.setdefault((line.degradation, line.pair, line.metric), line)
    sizes: dict[str, dict[tuple[str, int], float]] = {}
    for row in rows:
        if ENCODED_BYTES in row.trip:
            sizes.setdefault(row.degradation, {})[row.image, row.repeat] = row.trip[ENCODED_BYTES]
    for degradation, files in sizes.items():
        group.bytes.setdefault(degradation, sum(files.values()) / len(files))


def _rows(
    suite: StoredSuite, columns: Sequence[Column], figures: Sequence[ReportedFigure], measured: Sequence[_Measured]
) -> list[SuiteRow]:
    row_of = {method["label"]: method["row"] for method in suite.definition["methods"]}
    kinds = {(pair, metric): line.summary.kind for group in measured for (_, pair, metric), line in group.lines.items()}
    rows = []
    for reported in suite.definition["reported"]:
        rows.append(_reported_row(suite, reported, columns, figures, kinds))
        of_row = [group for group in measured if row_of[group.label] == reported["row"]]
        rows += [_measured_row(suite, group, columns, measured) for group in of_row]
    rest = [group for group in measured if not row_of[group.label]]
    rows += [_measured_row(suite, group, columns, measured) for group in rest]
    if beside := suite.definition.get("originals"):
        at = next((at for at, row in enumerate(rows, 1) if (row.label, row.origin) == (beside, "reported")), len(rows))
        rows[at:at] = _originals(columns, measured)
    for preset in suite.definition["presets"]:
        values = tuple(SuiteCell(preset["values"].get(column.metric)) for column in columns)
        rows.append(SuiteRow(preset["label"], "preset", "", values))
    # A row without a figure in this panel says nothing here; a measured one says that it failed.
    return [row for row in rows if row.origin == "measured" or any(cell.value is not None for cell in row.cells)]


def _reported_row(
    suite: StoredSuite,
    reported: Mapping[str, str],
    columns: Sequence[Column],
    figures: Sequence[ReportedFigure],
    kinds: Mapping[tuple[str, str], str],
) -> SuiteRow:
    values = {
        (figure.degradation, figure.pair, figure.metric): figure.value
        for figure in figures
        if figure.row == reported["row"]
    }
    cells = (
        SuiteCell(
            None if column.measured_only else values.get((stored_degradation(column), column.pair, column.metric)),
            kind=kinds.get((column.pair, column.metric), "mean"),
        )
        for column in columns
    )
    return SuiteRow(reported["row"], "reported", suite.definition["published_data"], tuple(cells), reported["note"])


def _measured_row(
    suite: StoredSuite, group: _Measured, columns: Sequence[Column], measured: Sequence[_Measured]
) -> SuiteRow:
    place = _place(group)
    floors = [other for other in measured if other.label == suite.definition["floor"] and _place(other) == place]
    cells = []
    for column in columns:
        cell = group.cell(column)
        if floors and floors[0] is not group and _has_floor(suite, column):
            cell = replace(cell, mark=_mark(cell.value, floors[0].cell(column).value))
        cells.append(cell)
    notes = {method["label"]: method["note"] for method in suite.definition["methods"]}
    note = notes[group.label]
    if group.by_level and (before := [column.title for column in columns if not column.degradation]):
        note = "; ".join(filter(None, (note, f"several models, each with a {before[0]} of its own: see their runs")))
    return SuiteRow(group.label, "measured", data_words(group.runs[0]), tuple(cells), note, tuple(group.runs))


def _originals(columns: Sequence[Column], measured: Sequence[_Measured]) -> list[SuiteRow]:
    """For each set of pictures a row of the references' own figures, which every run of it found alike."""
    rows = []
    for place in dict.fromkeys(_place(group) for group in measured):
        groups = [group for group in measured if _place(group) == place]
        found = (next((c for group in groups if _of_reference(c := group.cell(column)) is not None), SuiteCell())
                 for column in columns)  # fmt: skip
        cells = tuple(SuiteCell(_of_reference(cell), kind=cell.kind) for cell in found)
        rows.append(SuiteRow("the originals", "measured", data_words(groups[0].runs[0]), cells, runs=()))
    return rows


def _of_reference(cell: SuiteCell) -> float | None:
    return cell.summary.reference if cell.summary else None


def _place(group: _Measured) -> tuple[str, str, int]:
    return group.runs[0].dataset, group.runs[0].data_digest, group.runs[0].seed


def _has_floor(suite: StoredSuite, column: Column) -> bool:
    return column.pair in suite.definition["floor_pairs"] and column.metric in suite.definition["floor_metrics"]


def _mark(value: float | None, floor: float | None) -> str:
    if value is None or floor is None or value > floor + FLOOR_MARGIN:
        return ""
    return "≈ gray" if value >= floor - FLOOR_MARGIN else "< gray"


def stored_degradation(column: Column) -> str:
    """Under which degradation a column's reported figures are stored: the clean channel where none can change them."""
    return "" if column.pair in UNMEASURED else column.degradation or CLEAN


def data_words(run: RunInfo) -> str:
    """What a run was measured on: the set, the size, how many of it."""
    size, limit = run.request.get("size"), run.request.get("limit")
    seed = f", seed {run.seed}" if run.seed else ""
    return f"{run.dataset}{f', size {size}' if size else ''}{f', the first {limit}' if limit else ''}{seed}"


def cell_text(cell: SuiteCell, column: Column) -> str:
    """A figure as tables print it, `–` for none; bytes in full, hyper-parameters as they are written."""
    from bench_core.cli.tables import figure

    if cell.value is None:
        return "–"
    if column.pair in UNMEASURED:
        return f"{cell.value:g}"
    if column.metric == ENCODED_BYTES:
        return f"{cell.value:.0f}"
    text = figure(cell.value, column.metric, cell.kind)
    return f"{text} {cell.mark}" if cell.mark else text
