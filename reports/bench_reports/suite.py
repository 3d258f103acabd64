"""A suite as Markdown: what its paper reports and what was measured, row beside row, with the caveats below."""

import re

from bench_core.suite import UNMEASURED
from bench_core.suite_plan import Column
from bench_core.suite_table import Panel, SuiteCell, SuiteRow, SuiteTable, cell_text
from bench_reports.markdown import cell as measured_cell


def suite_report(table: SuiteTable) -> str:
    """Every panel as a table (reported rows in italics), then where the figures come from, and the caveats."""
    suite = table.suite
    parts = [f"## {escape(suite.title)}", "", f"{escape(suite.source)} of {escape(suite.citation)}"]
    if suite.definition["figure"]:
        parts += ["", "The paper prints no number for this figure, so none is shown as reported."]
    for panel in table.panels:
        parts += ["", *([f"### {escape(panel.title)}", ""] if panel.title else []), panel_table(panel)]
    parts += ["", *_facts(table)]
    if caveats := suite.definition["caveats"]:
        parts += ["", "Caveats, numbered as in the method's specification:", ""]
        parts += [f"- {caveat['number']}: {escape(caveat['text'])}" for caveat in caveats]
    return "\n".join([*parts, ""])


def panel_table(panel: Panel) -> str:
    """One Markdown table; a column a figure, a row a method and origin."""
    rows = [
        ["method", "origin", "data", *(escape(column.title) for column in panel.columns)],
        ["---", "---", "---", *("---:" for _ in panel.columns)],
    ]
    rows += [_row(row, panel.columns) for row in panel.rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _row(row: SuiteRow, columns: tuple[Column, ...]) -> list[str]:
    cells = [_cell(cell, column) for cell, column in zip(row.cells, columns, strict=True)]
    label = f"*{escape(row.label)}*" if row.origin == "reported" else escape(row.label)
    note = f" ({escape(row.note)})" if row.note else ""
    counts = {cell.summary.n for cell in row.cells if cell.summary}
    images = f", n = {'–'.join(str(n) for n in sorted({min(counts), max(counts)}))}" if counts else ""
    return [f"{label}{note}", row.origin, f"{escape(row.data)}{images}" or "–", *cells]


def _cell(cell: SuiteCell, column: Column) -> str:
    if cell.line is None or column.pair in UNMEASURED:
        return cell_text(cell, column)
    return f"{measured_cell(cell.line)} {cell.mark}".rstrip()


def _facts(table: SuiteTable) -> list[str]:
    suite = table.suite
    facts = [f"- reported: as printed, on: {escape(suite.definition['published_data'])}"]
    facts += [f"- {escape(note)}" for note in table.data_notes]
    facts += [
        f"- run `{run.id}`: {escape(run.plugin)}"
        + (f", weights `{run.weights[:12]}`" if run.weights else "")
        + f", seed {run.seed}, data digest `{run.data_digest[:12]}`"
        for run in table.runs
    ]
    facts += [
        f"- not measured: {escape(name)}: {escape(reason)}" + (f"; train it: `{train}`" if train else "")
        for name, (reason, train) in table.skipped.items()
    ]
    if suite.definition["floor"]:
        facts.append(
            f"- ≈ gray: within 1 dB of “{escape(suite.definition['floor'])}” on the same pictures; < gray: worse than "
            "that. No robustness is claimed there. Reported figures are of other pictures and not marked"
        )
    return facts


def escape(text: str) -> str:
    """A text in which Markdown finds no markup of its own."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", text)
