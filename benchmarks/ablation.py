"""What each part of a method buys: the same training for every row of a table, and the figures beside each other.

`python benchmarks/ablation.py riis-parts --data folder:photos --out runs/ablation --steps 500 --dataset folder:kodak24
--size 256` trains each row of the table `[riis-parts]` of `ablations.toml`, one after another, measures it with
`bench run`, and prints Markdown. The same command again goes on where it stopped; rows that are finished cost nothing.
The seed is the same in every row, so all see the same crops and meet the same noise. Short trainings show what a part
buys early; they say nothing about where a long one would end.
"""

import argparse
import json
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench_core.provenance import file_digest
from bench_core.store.database import open_database
from bench_core.store.queries import list_runs, long_rows
from bench_core.summary import summarize_rows
from bench_core.training import load_tensors

TABLES = Path(__file__).with_name("ablations.toml")


@dataclass(frozen=True)
class Table:
    """One table: what is trained, with which settings in each row, and what is measured."""

    title: str
    train: str
    run: str
    degrade: tuple[str, ...]
    pairs: tuple[str, ...]
    rows: Mapping[str, tuple[str, ...]]


def read_tables(path: Path = TABLES) -> dict[str, Table]:
    """Every table of the file; a row's settings follow those that all rows have in common."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        name: Table(
            table["title"],
            table["train"],
            table["run"],
            tuple(table["degrade"]),
            tuple(table["pairs"]),
            {label: (*table.get("common", ()), *settings) for label, settings in table["rows"].items()},
        )
        for name, table in tables.items()
    }


def folder_name(label: str) -> str:
    """A row's label as the name of its folder."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in label).strip("-")


def bench(*arguments: str) -> None:
    """One command of this installation's `bench`; what it prints goes to stderr, so that the table stands alone."""
    subprocess.run([sys.executable, "-m", "bench_core.cli.main", *arguments], check=True, stdout=sys.stderr)


def train_row(table: Table, settings: Sequence[str], out: Path, options: argparse.Namespace) -> None:
    """Train one row; a finished one returns at once."""
    lists = [("--data", options.data), ("--val", options.val), ("--set", [*settings, *options.set])]
    repeated = [text for option, values in lists for value in values for text in (option, value)]
    start = ["--init", str(options.init)] if options.init else []
    bench(
        "train", table.train, "--preset", options.preset, "--out", str(out), "--seed", str(options.seed),
        "--device", options.device, "--mixed-precision", options.mixed_precision, "--set", f"steps={options.steps}",
        "--validate-every", str(options.steps), *repeated, *start,
    )  # fmt: skip


def measure_row(
    table: Table, weights: Path, database: Path, options: argparse.Namespace
) -> dict[tuple[str, str], float]:
    """Mean PSNR by (pair, degradation) of one row's weights."""
    degrade = [text for spec in table.degrade for text in ("-d", spec)]
    bench(
        "run", "-p", table.run, "--weights", str(weights), *degrade, "-m", "psnr", "--dataset", options.dataset,
        "--size", options.size, "--db", str(database), "--keep", "0", "--quiet",
    )  # fmt: skip
    store = open_database(str(database), create=False)
    try:
        asked = (file_digest(weights), options.dataset, options.size)
        run = next(run for run in list_runs(store) if (run.weights, run.dataset, run.request.get("size")) == asked)
        lines = summarize_rows(long_rows(store, [run.id]), seed=run.seed)
    finally:
        store.close()
    return {(line.pair, line.degradation): line.summary.mean for line in lines if line.summary.mean is not None}


def trained_facts(weights: Path) -> dict[str, Any]:
    """Parameters, steps and seconds of a weights file."""
    tensors, metadata = load_tensors(weights)
    record = next(json.loads(text) for key, text in metadata.items() if key != "format")
    training = record.get("training", {})
    return {
        "parameters": sum(tensor.numel() for tensor in tensors.values() if tensor.is_floating_point()),
        "steps": training.get("done_steps"),
        "seconds": training.get("seconds"),
    }


def markdown(table: Table, found: Mapping[str, Mapping[tuple[str, str], float]], facts: Mapping[str, Any]) -> str:
    """A row a label; the container needs one column, since no degradation reaches it."""
    columns = sorted({key for figures in found.values() for key in figures if key[0] in table.pairs}, key=_order(table))
    carried = {pair for pair, _ in columns if pair in ("container", "grayscale")}
    shown = [key for key in columns if key[0] not in carried or key[1] == "identity"]
    head = ["row", *(pair if pair in carried else f"{pair} {degradation}" for pair, degradation in shown)]
    lines = [[*head, "parameters", "seconds"], ["---", *("---:" for _ in shown), "---:", "---:"]]
    for label, figures in found.items():
        cells = [f"{figures[key]:.2f}" if key in figures else "–" for key in shown]
        lines.append([label, *cells, f"{facts[label]['parameters']:,}", str(facts[label]["seconds"])])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _order(table: Table) -> Any:
    return lambda key: (table.pairs.index(key[0]), key[1] != "identity", key[1])


def main() -> None:
    tables = read_tables()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=sorted(tables))
    parser.add_argument("--data", action="append", required=True, help="photos to train on: folder:PATH; repeatable")
    parser.add_argument("--val", action="append", default=[], help="photos that training validates on; repeatable")
    parser.add_argument("--out", type=Path, required=True, help="folder of the trainings and of the database")
    parser.add_argument("--steps", type=int, default=500, help="of every row")
    parser.add_argument("--preset", default="small")
    parser.add_argument("--init", type=Path, help="weights that every row starts from")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of every row")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--mixed-precision", default="no")
    parser.add_argument("--dataset", default="sample", help="pictures to measure on")
    parser.add_argument("--size", default="256")
    options = parser.parse_args()
    table = tables[options.table]
    found, facts = {}, {}
    for label, settings in table.rows.items():
        out = options.out / options.table / folder_name(label)
        train_row(table, settings, out, options)
        found[label] = measure_row(table, out / "last.safetensors", options.out / "ablation.db", options)
        facts[label] = trained_facts(out / "last.safetensors")
        print(f"{label}: done", file=sys.stderr)
    print(f"{table.title}; {options.steps} steps each, PSNR in dB on {options.dataset}, {options.size}\n")
    print(markdown(table, found, facts))


if __name__ == "__main__":
    main()
