"""The tables: one for each task and data set, a row a method, columns grouped by degradation."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import PurePath

from bench_core.errors import RequestError
from bench_core.records import WHOLE_SET
from bench_core.store.database import Database
from bench_core.store.queries import Row
from bench_core.suite_table import data_words
from bench_core.summary import SummaryLine, natural_order
from bench_core.task import TASKS, Pair
from bench_leaderboard import degradations
from bench_leaderboard.results import SHORT, MetricInfo, RunResult, read_results, run_labels

HEADLINES = {
    "steganography": ("container", "secret"),
    "invertible-grayscale": ("grayscale", "restored"),
    "colorization": ("colorized",),
}
"""The pairs that a table shows; a run's own page shows all of them."""

FIRST = ("psnr", "ssim")
"""The metrics whose names begin so stand before all others."""

CHROMA = {"colorization": ("rmse_ab",)}
"""What a task is ranked by where its runs have it: luminance is given there, and would outweigh the colors."""


@dataclass(frozen=True)
class Column:
    """One figure: a metric on a pair under a degradation; None for pairs that no degradation can change.

    `title` names the metric, with its version where a table has several. `pooled` columns are ranked by the figure of
    all pictures together.
    """

    key: str
    degradation: str | None
    pair: str
    metric: MetricInfo
    title: str
    pooled: bool = False

    @property
    def name(self) -> str:
        """The whole heading on one line."""
        under = f" under {degradations.label(self.degradation)}" if self.degradation is not None else ""
        return f"{self.pair} {self.title}{under}{', pooled' if self.pooled else ''}"


@dataclass(frozen=True)
class Cell:
    """One figure of a method, or the reason why there is none; `place` is where its run's page shows it."""

    line: SummaryLine | None
    reason: str = ""
    best: bool = False
    by_pooled: bool = False

    @property
    def place(self) -> str:
        """The run's page and the degradation's anchor in it."""
        return f"{self.line.run}.html#{degradations.anchor(self.line.degradation)}" if self.line else ""

    @property
    def mean(self) -> float | None:
        """The figure."""
        return self.line.summary.mean if self.line else None

    @property
    def pooled(self) -> float | None:
        """The figure of all pictures together, where the column is ranked by it."""
        return self.line.summary.pooled if self.line and self.by_pooled else None

    @property
    def score(self) -> float | None:
        """What it is ranked by; where nothing is left to pool, as all pictures are identical, the mean has a cap."""
        return self.mean if self.pooled is None else self.pooled

    @property
    def standing(self) -> int:
        """0 for a whole figure, 1 for one that leaves failures out, 2 for none: no rank is won by failing."""
        if self.line is None or self.mean is None:
            return 2
        return 1 if self.line.failed else 0


@dataclass(frozen=True)
class Entry:
    """One row: a method with its settings, weights, code and seed; its runs, newest first; a cell for each column.

    Several runs of a method are one row, because what they ask for is all that tells them apart: they share cells.
    """

    runs: Sequence[RunResult]
    label: str
    cells: Sequence[Cell]

    @property
    def run(self) -> RunResult:
        """The newest run."""
        return self.runs[0]


@dataclass(frozen=True)
class Group:
    """Neighboring columns under one heading."""

    title: str
    degradation: str | None
    columns: Sequence[Column]


@dataclass(frozen=True)
class Table:
    """One ranking: the methods of one task on exactly the same pictures, which `data` tells in words."""

    slug: str
    task: str
    data: str
    data_digest: str
    columns: Sequence[Column]
    entries: Sequence[Entry]
    sorted_by: Column | None

    @property
    def groups(self) -> list[Group]:
        """The columns by degradation."""
        found = []
        for degradation, columns in groupby(self.columns, key=lambda column: column.degradation):
            title = "carrier" if degradation is None else degradations.label(degradation)
            found.append(Group(title, degradation, list(columns)))
        return found

    @property
    def pooled(self) -> bool:
        """Whether any column is ranked by the figure of all pictures together."""
        return any(column.pooled for column in self.columns)

    @property
    def runs(self) -> list[RunResult]:
        """The runs, in the table's order."""
        return [run for entry in self.entries for run in entry.runs]

    @property
    def rows(self) -> list[Row]:
        """The long rows behind the table."""
        return [row for run in sorted(self.runs, key=lambda run: run.id) for row in run.rows]

    @property
    def images(self) -> int:
        """How many images were measured."""
        return len({row.image for run in self.runs for row in run.rows} - {WHOLE_SET})

    @property
    def degradations(self) -> list[str]:
        """The canonical ids of the columns, in their order."""
        return list(dict.fromkeys(column.degradation for column in self.columns if column.degradation is not None))


@dataclass(frozen=True)
class Board:
    """All runs, newest first, and the tables they stand in."""

    runs: Sequence[RunResult]
    tables: Sequence[Table] = field(default_factory=list)


def read_board(database: Database, *, name: str = "the database") -> Board:
    """Read a database.

    Raises:
        RequestError: it holds no run.
    """
    runs = read_results(database)
    if not runs:
        raise RequestError(
            f"no runs in {PurePath(name).name if '://' not in name else name}; "
            "make one with: bench run --plugin riis --degrade jpeg:40"
        )
    together: dict[tuple[str, str, str], list[RunResult]] = {}
    for run in runs:
        together.setdefault((run.info.task, run.info.dataset, run.info.data_digest), []).append(run)
    tasks = [*TASKS, *sorted({run.info.task for run in runs} - set(TASKS))]
    keys = sorted(together, key=lambda key: (tasks.index(key[0]), key[1], key[2]))
    return Board(runs, [make_table(together[key]) for key in keys])


def make_table(runs: Sequence[RunResult]) -> Table:
    """The table of runs that share a task and its pictures."""
    info = runs[0].info
    columns = _columns(runs)
    methods: dict[str, list[RunResult]] = {}
    for run in runs:
        methods.setdefault(run.method, []).append(run)
    labels = run_labels([found[0] for found in methods.values()])
    entries = [
        Entry(found, labels[found[0].id], [_best_known(found, column) for column in columns])
        for found in methods.values()
    ]
    sorted_by = _main_column(info.task, columns, entries)
    if sorted_by is not None:
        at = columns.index(sorted_by)
        sign = -1 if sorted_by.metric.direction == "higher" else 1
        entries.sort(key=lambda entry: (entry.cells[at].standing, sign * (entry.cells[at].score or 0), entry.label))
    slug = re.sub(r"[^a-z0-9]+", "-", f"{info.task} {info.dataset}".lower()).strip("-")[:60]
    return Table(
        slug=f"{slug}-{info.data_digest[:SHORT]}",
        task=info.task,
        # Runs may have asked for the same pictures in different words, such as a limit that the set does not reach.
        data=min((data_words(run.info) for run in runs), key=lambda words: (len(words), words)),
        data_digest=info.data_digest,
        columns=columns,
        entries=_mark_best(columns, entries),
        sorted_by=sorted_by,
    )


def headline_pairs(task: str) -> list[Pair]:
    """The pairs a task's table shows."""
    pairs = TASKS[task].pairs if task in TASKS else ()
    return [pair for pair in pairs if pair.name in HEADLINES[task]]


def _columns(runs: Sequence[RunResult]) -> list[Column]:
    """Metrics with different versions stand in different columns: their figures must not be ranked together."""
    asked = {metric.implementation: metric for run in runs for metric in run.metrics.values()}
    metrics = dict(sorted(asked.items(), key=lambda item: (not item[0].startswith(FIRST), item[0])))
    channels = sorted({degradation for run in runs for degradation in run.degradations}, key=natural_order)
    found: list[tuple[str | None, str, MetricInfo]] = []
    task = runs[0].info.task
    pairs = headline_pairs(task)
    for pair in pairs:
        if pair.before_channel:
            found += [(None, pair.name, metric) for metric in metrics.values()]
    for channel in channels:
        found += [
            (channel, pair.name, metric) for pair in pairs if not pair.before_channel for metric in metrics.values()
        ]
    # Some metrics score only some pairs. One that has no figure at all yet may still get them anywhere.
    scored = {(pair, run.metrics[name].implementation) for run in runs for _, pair, name in run.by_key}
    begun = {implementation for _, implementation in scored}
    found = [
        (channel, pair, metric)
        for channel, pair, metric in found
        if (pair, metric.implementation) in scored or metric.implementation not in begun
    ]
    versions = Counter(metric.name for metric in metrics.values())
    return [
        Column(
            f"c{index}",
            channel,
            pair,
            metric,
            metric.name if versions[metric.name] == 1 else metric.implementation,
            # Identical pictures count as the cap in a mean: in colorization a few gray ones would decide the rank.
            pooled=task == "colorization" and metric.name.startswith("psnr"),
        )
        for index, (channel, pair, metric) in enumerate(found)
    ]


def _best_known(runs: Sequence[RunResult], column: Column) -> Cell:
    """The cell of a method: that of the run with the most to say, of equals the newest."""
    cells = [_cell(run, column) for run in runs]
    return max(cells, key=lambda cell: cell.line.summary.n_ok if cell.line else -1)


def _cell(run: RunResult, column: Column) -> Cell:
    lines = [
        (index, line)
        for index, degradation in enumerate(run.degradations)
        if column.degradation in (None, degradation)
        and (line := run.by_key.get((degradation, column.pair, column.metric.name))) is not None
        and run.metrics[line.metric].implementation == column.metric.implementation
    ]
    if not lines:
        return Cell(None, _why_missing(run, column))
    # What no degradation can change was measured once. Where some trips failed, the fullest count is the one to show.
    _, line = max(lines, key=lambda found: (found[1].summary.n_ok, -found[0]))
    reason = "" if line.summary.mean is not None else _why_failed(run, line)
    return Cell(line, reason, by_pooled=column.pooled)


def _why_missing(run: RunResult, column: Column) -> str:
    if column.metric.implementation not in {metric.implementation for metric in run.metrics.values()}:
        return f"this run did not ask for {column.metric.implementation}"
    if column.degradation is not None and column.degradation not in run.degradations:
        return f"this run did not ask for {column.degradation}"
    if any(key[0] == column.degradation for key in run.by_key):
        return f"this method gives no picture for '{column.pair}'"
    return "not computed: the run was stopped before it came to this; the same command continues it"


def _why_failed(run: RunResult, line: SummaryLine) -> str:
    for row in run.rows:
        wanted = (row.degradation, row.pair, row.metric) == (line.degradation, line.pair, line.metric)
        if wanted and row.status != "ok":
            return f"all {line.summary.n_total} failed, the first with {row.status}: {row.error}"
    return f"no value for any of {line.summary.n_total} cells"


def _main_column(task: str, columns: Sequence[Column], entries: Sequence[Entry]) -> Column | None:
    """What a table is ranked by at first: the recovered picture, where most runs have a figure."""
    counts = [
        (
            sum(entry.cells[at].mean is not None for entry in entries),
            column.metric.name in CHROMA.get(task, ()),
            column.degradation not in (None, "identity"),
            -at,
        )
        for at, column in enumerate(columns)
        if column.degradation is not None and column.metric.direction != "none"
    ]
    return columns[-max(counts)[-1]] if counts else None


def _mark_best(columns: Sequence[Column], entries: Sequence[Entry]) -> list[Entry]:
    """Mark each column's best figure where there is something to compare.

    A mean that leaves failures out cannot win.
    """
    marked = [list(entry.cells) for entry in entries]
    for at, column in enumerate(columns):
        complete = [
            (score, cells)
            for cells in marked
            if (line := cells[at].line) is not None and not line.failed and (score := cells[at].score) is not None
        ]
        if len(complete) < 2 or column.metric.direction == "none":
            continue
        best = (max if column.metric.direction == "higher" else min)(score for score, _ in complete)
        for score, cells in complete:
            if score == best:
                cells[at] = replace(cells[at], best=True)
    return [Entry(entry.runs, entry.label, cells) for entry, cells in zip(entries, marked, strict=True)]
