"""Stopping and going on: a killed run, two runs at once, the same command again."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, closing

import pytest

pytestmark = pytest.mark.usefixtures("testbed")

RUN = ["run", "-p", "dice", "-d", "plain", "-d", "noise:5", "--repeats", "2", "--dataset", "tiny", "-m", "mean-error"]
CELLS = 8 * (2 + 2) * 4


def exported(bench_command, db):
    rows = json.loads(bench_command("export", "--format", "json", "--db", db, check=0).stdout)
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


def computed(db):
    with closing(sqlite3.connect(db)) as connection:
        return [row[0] for row in connection.execute("SELECT computed FROM executions ORDER BY id")]


def count(db, what="scores"):
    try:
        with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as connection:
            return connection.execute(f"SELECT count(*) FROM {what}").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


@pytest.fixture
def start(tmp_path):
    """Start the run and come back while it is still going."""
    with ExitStack() as running:

        def begin(db, sleep):
            command = [sys.executable, "-m", "bench_core.cli.main", *RUN, "--db", db, "--batch-size", "1"]
            environment = {**os.environ, "TESTBED_SLEEP": str(sleep)}
            process = subprocess.Popen(
                command,
                cwd=tmp_path,
                env=environment,
                stdout=subprocess.DEVNULL,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell in the background ignores it
                stderr=subprocess.PIPE,
            )
            running.enter_context(process)
            running.callback(process.kill)
            return process

        yield begin


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_continues_and_ends_with_the_rows_of_an_undisturbed_one(bench_command, start, tmp_path, workers):
    bench_command(*RUN, "--db", "whole.db", "--batch-size", "4", check=0)
    process = start("killed.db", sleep=0.3)
    deadline = time.monotonic() + 60
    while count(tmp_path / "killed.db") < 3 * 16 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    done = count(tmp_path / "killed.db")
    assert 3 * 16 <= done < CELLS, "the run was to be killed in the middle"
    assert done % 16 == 0, "a slice is written whole or not at all"
    bench_command(*RUN, "--db", "killed.db", "--workers", workers, check=0)
    assert computed(tmp_path / "killed.db") == [0, CELLS - done]
    assert exported(bench_command, "killed.db") == exported(bench_command, "whole.db")
    bench_command(*RUN, "--db", "killed.db", check=0)
    assert computed(tmp_path / "killed.db")[-1] == 0


def test_two_processes_with_one_database_lose_nothing(bench_command, start):
    bench_command(*RUN, "--db", "whole.db", check=0)
    processes = [start("shared.db", sleep=0.05) for _ in range(2)]
    for process in processes:
        assert process.wait(60) == 0, process.stderr.read().decode()
    assert exported(bench_command, "shared.db") == exported(bench_command, "whole.db")


def test_a_stopped_run_says_so_and_keeps_what_it_had(start, tmp_path):
    process = start("stopped.db", sleep=0.3)
    deadline = time.monotonic() + 60
    while count(tmp_path / "stopped.db") < 16 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 1
    assert process.stderr.read().decode().strip().startswith("Error: interrupted; what was finished is stored")
    assert 0 < count(tmp_path / "stopped.db") < CELLS


def test_the_rows_do_not_depend_on_batches_or_workers(bench_command, tmp_path):
    for number, options in enumerate([("--batch-size", 1), ("--batch-size", 8), ("--batch-size", 3, "--workers", 2)]):
        bench_command(*RUN, "--db", f"{number}.db", *options, check=0)
    first = exported(bench_command, "0.db")
    assert len(first) == CELLS
    assert exported(bench_command, "1.db") == first
    assert exported(bench_command, "2.db") == first
