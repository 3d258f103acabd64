"""Suites: a paper's table as a protocol that `bench run --suite` runs, with the figures that the paper prints.

A suite is a TOML file. It names the columns of the table (degradation, pair, metric), the methods that stand for its
rows, the data it was made on, every printed number, and what a reader must know before comparing them.
This module only reads: `bench list suites` uses it, so it imports nothing heavy.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from bench_core.errors import RequestError
from bench_core.plugins import Entry, load_string, registry
from bench_core.suite_reading import TableReader, twice
from bench_core.task import TASKS

HYPERPARAMETER = "hyper-parameter"
"""The pair of a printed hyper-parameter, which no picture can be measured for."""

PRINTED = "printed"
"""The pair of any other printed figure that no picture can be measured for: what observers said, a training loss."""

UNMEASURED = (HYPERPARAMETER, PRINTED)

ENCODED_BYTES = "encoded_bytes"
"""A column that is no metric: the mean size of the files that the channel wrote."""


@dataclass(frozen=True)
class DataChoice:
    """One data set that a suite can be measured on: the first of `datasets` that is here.

    `env` is a variable that may hold the folder, of the kind of the first one; `size` and `limit` are those of `bench
    run`.
    """

    name: str
    datasets: tuple[str, ...]
    env: str = ""
    size: str = ""
    limit: int | None = None


@dataclass(frozen=True)
class ColumnSpec:
    """One column of the table, or several: one for each channel that `degradations` stand for.

    No degradation is given for a pair that no channel can change. `{}` in a title is the channel's main parameter.
    `measured_only` columns are not in the paper's table. `panel` tells apart the tables of a figure. `hyperparameter`
    is the key of one, instead of a metric; `printed` names any other figure that nothing here can measure.
    """

    title: str
    pair: str
    metric: str
    degradations: tuple[str, ...] = ()
    measured_only: bool = False
    panel: str = ""
    hyperparameter: str = ""
    printed: str = ""

    @property
    def unmeasured(self) -> bool:
        """Whether no picture can be measured for it."""
        return self.pair in UNMEASURED


@dataclass(frozen=True)
class MethodSpec:
    """One method to run: a plugin with its settings and weights, and the reported row it stands for.

    Several methods of one `label` are one row of the table, such as a model for each level; each then names the
    `degradations` it is for. Without `weights` the plugin's own are used, and with `own_first` that file only
    where the plugin has none; `train` is the command that makes them.
    """

    label: str
    plugin: str
    row: str = ""
    settings: Mapping[str, str] | None = None
    weights: str = ""
    own_first: bool = False
    degradations: tuple[str, ...] = ()
    train: str = ""
    note: str = ""

    @property
    def key(self) -> str:
        """What tells the methods of a suite apart."""
        return " · ".join((self.label, *self.degradations))


@dataclass(frozen=True)
class ReportedRow:
    """The numbers that the paper prints in one row; None where it prints none."""

    row: str
    values: tuple[float | None, ...]
    note: str = ""


@dataclass(frozen=True)
class Caveat:
    """What a reader must know; `number` counts the ambiguities of the method's specification."""

    number: int
    text: str


@dataclass(frozen=True)
class Suite:
    """One suite as its file says it.

    `figure` marks a plot without printed numbers. `originals` asks for a row with the figures that the references
    themselves have; it names the reported row beside which that stands, if there is one. `floor` is the label of the
    method that does nothing: what comes no more than 1 dB above it, on `floor_pairs` in `floor_metrics`, is marked.
    `presets` of the method `presets_of` stand beside a table of hyper-parameters.
    """

    name: str
    title: str
    paper: str
    table: str
    task: str
    published_data: str
    data: tuple[DataChoice, ...]
    columns: tuple[ColumnSpec, ...]
    methods: tuple[MethodSpec, ...] = ()
    reported: tuple[ReportedRow, ...] = ()
    caveats: tuple[Caveat, ...] = ()
    seed: int = 0
    metrics: tuple[str, ...] = ()
    figure: bool = False
    originals: str = ""
    floor: str = ""
    floor_pairs: tuple[str, ...] = ()
    floor_metrics: tuple[str, ...] = ("psnr",)
    presets_of: str = ""
    presets: tuple[str, ...] = ()

    @property
    def of_hyperparameters(self) -> bool:
        """Whether the table holds hyper-parameters, so that there is nothing to measure."""
        return any(column.hyperparameter for column in self.columns)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def load_suite(name: str) -> Suite:
    """The suite of a registered name; RequestError where it is unknown, or one line for each mistake in its file."""
    entry = registry().suites.get(name)
    return read_entry(entry, name)


def read_entry(entry: Entry, name: str = "") -> Suite:
    """The suite behind a registration.

    Its target is `package:path/to/file.toml`, or a loader: called without arguments (a family's: with the text after
    the colon) it returns a path.
    """
    name = name or entry.name
    what = f"suite '{name}' of plugin '{entry.plugin}'"
    if not isinstance(entry.target, str):
        raise RequestError(f"{what} stands for several: {', '.join(entry.target)}; name one of them")
    module, _, attribute = entry.target.partition(":")
    if attribute.endswith(".toml"):
        try:
            place = files(module).joinpath(attribute)
        except (ModuleNotFoundError, TypeError) as error:  # TypeError: a module that is no package
            raise RequestError(f"{what} cannot be loaded from {entry.target}: {error}") from error
        return read_suite(place, name)
    loader = load_string(entry.target, what)
    rest = name.partition(":")[2]
    if entry.name.endswith(":") and not rest:
        raise RequestError(f"suite '{name}' needs something after the colon: {entry.summary}")
    return read_suite(loader(rest) if entry.name.endswith(":") else loader(), name)


def read_suite(file: Path | Traversable, name: str) -> Suite:
    """Read one file; RequestError with one line for each mistake."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"suite '{name}': {file} cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise RequestError(f"suite '{name}': {file.name} is no TOML: {error}") from None
    problems: list[str] = []
    suite = _suite(TableReader(table, "", problems), name)
    if not problems:
        _check(suite, problems)
    if problems:
        raise RequestError(f"suite '{name}': {file.name}: {problem}" for problem in problems)
    return suite


def _suite(top: TableReader, name: str) -> Suite:
    suite = Suite(
        name=name,
        title=top.text("title", example='"Secrets through noise and JPEG"'),
        paper=top.text("paper", example='"Authors: Title. Venue, year"'),
        table=top.text("table", example='"Table 3"'),
        task=top.text("task", example=f'"{next(iter(TASKS))}"'),
        published_data=top.text("published_data", example='"DIV2K validation"'),
        data=tuple(_data(table) for table in top.tables("data")),
        columns=tuple(_column(table) for table in top.tables("columns")),
        methods=tuple(_method(table) for table in top.tables("methods")),
        reported=tuple(_reported(table) for table in top.tables("reported")),
        caveats=tuple(_caveat(table) for table in top.tables("caveats")),
        seed=top.integer("seed", 0) or 0,
        metrics=top.texts("metrics"),
        figure=top.flag("figure"),
        originals=top.text("originals", ""),
        floor=top.text("floor", ""),
        floor_pairs=top.texts("floor_pairs"),
        floor_metrics=top.texts("floor_metrics") or ("psnr",),
        presets_of=top.text("presets_of", ""),
        presets=top.texts("presets"),
    )
    top.done()
    return suite


def _data(table: TableReader) -> DataChoice:
    found = DataChoice(
        name=table.text("name", example='"DIV2K validation"'),
        datasets=table.texts("datasets", required=True),
        env=table.text("env", ""),
        size=table.text("size", ""),
        limit=table.integer("limit", None, low=1),
    )
    table.done()
    return found


def _column(table: TableReader) -> ColumnSpec:
    unmeasured = {"hyperparameter": HYPERPARAMETER, "printed": PRINTED}
    kind = next((pair for key, pair in unmeasured.items() if key in table.table), "")
    found = ColumnSpec(
        title=table.text("title", example='"λ1"') if kind else table.text("title", ""),
        pair=kind or table.text("pair", example='"secret"'),
        metric=table.text("metric", "psnr"),
        degradations=table.texts("degradations"),
        measured_only=table.flag("measured_only"),
        panel=table.text("panel", ""),
        hyperparameter=table.text("hyperparameter", ""),
        printed=table.text("printed", ""),
    )
    table.done()
    return found


def _method(table: TableReader) -> MethodSpec:
    found = MethodSpec(
        label=table.text("label", example='"RIIS"'),
        plugin=table.text("plugin", example='"riis"'),
        row=table.text("row", ""),
        settings=table.settings("settings"),
        weights=table.text("weights", ""),
        own_first=table.flag("own_first"),
        degradations=table.texts("degradations"),
        train=table.text("train", ""),
        note=table.text("note", ""),
    )
    table.done()
    return found


def _reported(table: TableReader) -> ReportedRow:
    found = ReportedRow(table.text("row", example='"HiNet"'), table.numbers("values"), table.text("note", ""))
    table.done()
    return found


def _caveat(table: TableReader) -> Caveat:
    found = Caveat(table.integer("number", low=1) or 0, table.text("text", example='"…"'))
    table.done()
    return found


def _check(suite: Suite, problems: list[str]) -> None:
    """What each table may be right in by itself, but not together."""
    if suite.task not in TASKS:
        problems.append(f"task: must be one of {', '.join(TASKS)}, not '{suite.task}'")
        return
    if not suite.columns:
        problems.append(
            'columns: must name at least one, e.g. columns = [{ pair = "secret", degradations = "jpeg:40" }]'
        )
    pairs = {pair.name: pair for pair in TASKS[suite.task].pairs}
    for at, column in enumerate(suite.columns, 1):
        if column.unmeasured:
            continue
        if column.pair not in pairs:
            problems.append(f"columns[{at}].pair: '{column.pair}' is none of {suite.task}'s: {', '.join(pairs)}")
        elif not column.degradations and not pairs[column.pair].before_channel:
            problems.append(f'columns[{at}].degradations: is missing, e.g. degradations = "jpeg:40"')
    if not suite.of_hyperparameters and not suite.data:
        problems.append('data: must name at least one, e.g. data = [{ name = "photos", datasets = "sample" }]')
    if suite.of_hyperparameters and not suite.presets_of:
        problems.append("presets_of: is missing; it names the method whose presets stand beside the hyper-parameters")
    _check_rows(suite, problems)


def _check_rows(suite: Suite, problems: list[str]) -> None:
    rows = [reported.row for reported in suite.reported]
    if not rows and not suite.figure:
        problems.append("reported: is missing; a plot without printed numbers says figure = true")
    if rows and suite.figure:
        problems.append("figure: is true, so nothing may be reported: no number is read off a plot")
    problems.extend(f"reported: '{row}' is there twice" for row in twice(rows))
    problems.extend(f"methods: '{key}' is there twice" for key in twice(method.key for method in suite.methods))
    printed = sum(not column.measured_only for column in suite.columns)
    problems.extend(
        f"reported '{reported.row}': has {len(reported.values)} values for {printed} columns; "
        'write "-" where the paper prints none'
        for reported in suite.reported
        if len(reported.values) != printed
    )
    problems.extend(
        f"methods '{method.label}': row '{method.row}' is not reported; rows: {', '.join(rows) or 'none'}"
        for method in suite.methods
        if method.row and method.row not in rows
    )
    if suite.floor and suite.floor not in {method.label for method in suite.methods}:
        problems.append(f"floor: '{suite.floor}' is the label of no method")
