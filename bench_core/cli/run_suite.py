"""`bench run --suite NAME`: every method of a suite as a normal run, beside what its paper reports."""

from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import files
from typing import Any

import click

from bench_core.errors import RequestError
from bench_core.plugins import registry
from bench_core.store.database import Database
from bench_core.store.suites import ReportedFigure, StoredSuite, find_suite, record_suite
from bench_core.suite import HYPERPARAMETER, Suite
from bench_core.suite_plan import Column, Options, Planned, Skipped, columns_of, plan_suite
from bench_core.suite_table import SuiteTable, cell_text, stored_degradation
from bench_core.training.hyperparameters import Hyperparameters


def plan(suite: Suite, options: Options) -> tuple[str, list[Planned], list[Skipped]]:
    """The line about the data, the methods that can run, and those that cannot; RequestError for a wrong request."""
    if suite.of_hyperparameters:
        columns_of(suite, registry().degradations)
        return f"{suite.name}: a table of hyper-parameters; nothing is measured", [], []
    chosen, planned, skipped = plan_suite(suite, options)
    return chosen.note, planned, skipped


def record(database: Database, suite: Suite, note: str, planned: Sequence[Planned], skipped: Sequence[Skipped]) -> None:
    """Store the suite, what its paper reports, the line about its data, and which methods are skipped."""
    columns = columns_of(suite, registry().degradations)
    keys = {method.key for method in suite.methods} - {plan.method.key for plan in planned}
    before = find_suite(database, suite.name)
    earlier = before.notes.get("skipped", {}) if before else {}
    reasons = {**earlier, **{skip.method.key: [skip.reason, skip.train] for skip in skipped}}
    stored = StoredSuite(
        name=suite.name,
        title=suite.title,
        citation=suite.paper,
        source=suite.table,
        task=suite.task,
        definition=definition(suite, columns),
        notes={"data": note, "skipped": {key: reason for key, reason in reasons.items() if key in keys}},
    )
    record_suite(database, stored, figures(suite, columns))


def definition(suite: Suite, columns: Sequence[Column]) -> dict[str, Any]:
    """What a page of the suite needs, as plain values."""
    return {
        "columns": [asdict(column) for column in columns],
        "published_data": suite.published_data,
        "methods": [
            {"key": method.key, "label": method.label, "row": method.row, "note": method.note}
            for method in suite.methods
        ],
        "reported": [{"row": reported.row, "note": reported.note} for reported in suite.reported],
        "caveats": [asdict(caveat) for caveat in suite.caveats],
        "figure": suite.figure,
        "originals": suite.originals,
        "floor": suite.floor,
        "floor_pairs": list(suite.floor_pairs),
        "floor_metrics": list(suite.floor_metrics),
        "presets": presets(suite, columns),
    }


def figures(suite: Suite, columns: Sequence[Column]) -> list[ReportedFigure]:
    """Every number that the paper prints."""
    printed = [column for column in columns if not column.measured_only]
    return [
        ReportedFigure(
            reported.row, suite.published_data, stored_degradation(column), column.pair, column.metric, value,
            reported.note,
        )
        for reported in suite.reported
        for column, value in zip(printed, reported.values, strict=True)
        if value is not None
    ]  # fmt: skip


def presets(suite: Suite, columns: Sequence[Column]) -> list[dict[str, Any]]:
    """The hyper-parameters of the plugin's presets that stand beside the paper's; none where it is not installed."""
    entry = registry().models.find(suite.presets_of) if suite.presets_of else None
    if entry is None or not isinstance(entry.target, str):
        return []
    try:
        file = files(entry.target.partition(".")[0].partition(":")[0]) / "hyperparameters.toml"
        known = Hyperparameters.read(file).values
    except (OSError, ModuleNotFoundError, ValueError) as error:
        raise RequestError(f"suite '{suite.name}': no hyper-parameters of {suite.presets_of}: {error}") from None
    keys = [column.metric for column in columns if column.pair == HYPERPARAMETER]
    return [
        {
            "label": f"{suite.presets_of}, preset {preset}",
            "values": {key: float(known[preset][key]) for key in keys if key in known[preset]},
        }
        for preset in suite.presets
        if preset in known
    ]


def print_suite(table: SuiteTable) -> None:
    """Print what is reported and what was measured, marked by origin, and where the caveats are."""
    from bench_core.cli.tables import print_table

    suite = table.suite
    several = len({row.data for panel in table.panels for row in panel.rows if row.origin == "measured"}) > 1
    for panel in table.panels:
        title = f"{suite.source}: {suite.title}" + (f" · {panel.title}" if panel.title else "")
        headers = ["method", "origin", *(column.title for column in panel.columns)]
        rows = []
        for row in panel.rows:
            data = f" on {row.data}" if several and row.origin == "measured" else ""
            cells = (cell_text(cell, column) for cell, column in zip(row.cells, panel.columns, strict=True))
            rows.append([f"{row.label}{data}", row.origin, *cells])
        print_table(headers, rows, right=headers[2:], title=title)
    for name, (reason, train) in table.skipped.items():
        click.echo(f"not measured: {name}: {reason}{f'; train it: {train}' if train else ''}")
    origin = "no number is printed in the paper" if suite.definition["figure"] else f"reported: {suite.citation}"
    click.echo(f"{origin}; on: {suite.definition['published_data']}")
    count = len(suite.definition["caveats"])
    if count:
        click.echo(f"{count} caveat{'s' * (count != 1)}: bench report --suite {suite.name}")
