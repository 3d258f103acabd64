"""Runs of one task on one data set, side by side, as Markdown."""

from collections.abc import Sequence

from bench_core.cli.tables import figure
from bench_core.errors import RequestError
from bench_core.store.queries import RunInfo
from bench_core.summary import SummaryLine
from bench_core.task import TASKS


def report(runs: Sequence[RunInfo], lines: Sequence[SummaryLine], command: str, versions: str) -> str:
    """A table (a row a degradation and method, a column a pair and metric) and the facts it depends on.

    Raises:
        RequestError: where the runs are of several tasks, data sets or seeds, which no table should mix.
    """
    for what, values in {
        "tasks": {run.task for run in runs},
        "data sets": {f"{run.dataset} ({run.data_digest[:8]})" for run in runs},
        "seeds": {str(run.seed) for run in runs},
    }.items():
        if len(values) > 1:
            raise RequestError(
                f"these runs are of several {what}, which one table cannot mix: {', '.join(sorted(values))}"
            )
    first = runs[0]
    facts = [
        f"- task: {first.task}; seed {first.seed}",
        f"- data: `{first.dataset}`{_size(first)}, digest `{first.data_digest}`",
        *(f"- {run.method}: {_identity(run)}, run `{run.id}`" for run in runs),
        f"- {versions}",
    ]
    return "\n".join([table(runs, lines), "", *facts, "", "```sh", command, "```", ""])


def table(runs: Sequence[RunInfo], lines: Sequence[SummaryLine]) -> str:
    """Mean ± half of the 95 % interval (of a proportion or a whole set: the interval), n, and failures, as Markdown."""
    pairs = [pair.name for pair in TASKS[runs[0].task].pairs]
    columns = sorted(
        {(line.pair, line.metric) for line in lines}, key=lambda column: (pairs.index(column[0]), column[1])
    )
    found = {(line.degradation, line.run, line.pair, line.metric): line for line in lines}
    rows = [["degradation", "method", *(f"{pair} {metric}" for pair, metric in columns), "n"]]
    rows.append(["---", "---", *("---:" for _ in columns), "---:"])
    for degradation in dict.fromkeys(line.degradation for line in lines):
        for run in runs:
            cells = [found.get((degradation, run.id, *column)) for column in columns]
            if any(cells):
                counts = {line.summary.n for line in cells if line}
                n = "–".join(str(count) for count in sorted({min(counts), max(counts)}))
                rows.append([f"`{degradation}`", run.method, *(cell(line) for line in cells), n])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def cell(line: SummaryLine | None) -> str:
    """A figure with its interval, and how many cells failed."""
    if line is None:
        return "–"
    summary = line.summary
    if summary.n and summary.n == summary.n_identical:
        return "identical"
    text = figure(summary.mean, line.metric, summary.kind)
    if summary.low is not None and summary.high is not None:
        if summary.kind == "mean":
            text += f" ± {figure((summary.high - summary.low) / 2, line.metric)}"
        else:  # these intervals are not symmetric: 100 % may well be 76 % to 100 %
            low, high = (figure(end, line.metric, summary.kind) for end in (summary.low, summary.high))
            text += f" ({low} … {high})"
    return text + (f" †{line.failed} failed" if line.failed else "")


def _identity(run: RunInfo) -> str:
    weights = f"weights `{run.weights[:12]}`" if run.weights else "no weights"
    return f"plugin version {run.plugin_version}, {weights}, code `{run.code[:12]}`"


def _size(run: RunInfo) -> str:
    size, limit = run.request.get("size"), run.request.get("limit")
    return (f", size {size}" if size else "") + (f", the first {limit}" if limit else "")
