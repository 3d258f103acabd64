"""`bench report`: the figures of the store, side by side, and never of things that cannot be compared."""

import json
import re

import pytest


@pytest.fixture(autouse=True)
def with_reports(testbed, monkeypatch):
    monkeypatch.setenv("BENCH_LOAD_PLUGINS", "reports")


RUN = ("run", "-p", "keep", "-p", "dice", "-d", "plain", "-d", "shift:5", "-m", "mean-error", "--dataset", "tiny", "-q")


def ids(bench_command):
    return [run["id"] for run in json.loads(bench_command("runs", "--json", check=0).stdout)]


def test_every_figure_is_that_of_show(bench_command):
    bench_command(*RUN, check=0)
    text = bench_command("report", *ids(bench_command), check=0).stdout
    rows = [re.split(r"\s*\|\s*", line.strip("| ")) for line in text.splitlines() if line.startswith("|")]
    header = rows[0]
    pairs = [f"{pair} mean-error" for pair in ("container", "secret", "host", "channel")]
    assert header == ["degradation", "method", *pairs, "n"]
    assert len(rows) == 2 + 2 * 2
    figures = {(row[0].strip("`"), row[1].split()[0]): row for row in rows[2:]}
    for run_id in ids(bench_command):
        shown = json.loads(bench_command("show", run_id, "--json", check=0).stdout)
        for line in shown["summary"]:
            cell = figures[line["degradation"], line["plugin"]][header.index(f"{line['pair']} mean-error")]
            assert float(cell.split(" ± ")[0]) == pytest.approx(line["mean"], abs=0.01)
    assert "bench run -p keep" in text
    assert "seed 0" in text


def test_only_what_was_asked_for_is_shown(bench_command):
    bench_command(*RUN, check=0)
    text = bench_command("report", "--pair", "secret", check=0).stdout
    assert "secret mean-error" in text
    assert "host" not in text.splitlines()[0]
    done = bench_command("report", "--pair", "secrte")
    assert done.returncode == 2
    assert "--pair secrte: these runs have none; they have: channel, container, host, secret" in done.stderr


def test_runs_on_different_data_are_not_mixed(bench_command):
    bench_command(*RUN, check=0)
    bench_command(*RUN, "--limit", "3", check=0)
    done = bench_command("report", *ids(bench_command))
    assert done.returncode == 2
    assert "several data sets" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_failures_are_marked(bench_command):
    bench_command("run", "-p", "bad", "-d", "plain", "-m", "mean-error", "--dataset", "tiny", "-q", check=0)
    assert re.search(r"†\d+ failed", bench_command("report", check=0).stdout)


def test_an_interval_that_is_not_symmetric_is_given_by_its_ends(bench_command, trips_testbed):
    bench_command("run", "-p", "keep", "-d", "plain", "-m", "brightness", "--dataset", "tiny", "-q", check=0)
    text = bench_command("report", "--pair", "host", check=0).stdout
    assert "| 0.0000 (-1.0000 … 1.0000) | 8 |" in text
