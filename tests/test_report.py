"""`bench report`: the figures of the store, side by side, and never of things that cannot be compared."""

import json
import re

import pytest
from suites_testbed import SUITE


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


def suite_report(bench_command, tmp_path, text=SUITE, name="tiny.toml"):
    (tmp_path / name).write_text(text)
    bench_command("run", "--suite", f"file:{name}", "-q", check=0)
    return bench_command("report", "--suite", f"file:{name}", check=0).stdout


def test_a_suite_shows_reported_beside_measured(bench_command, tmp_path):
    text = suite_report(bench_command, tmp_path)
    rows = [re.split(r"\s*\|\s*", line.strip("| ")) for line in text.splitlines() if line.startswith("|")]
    assert rows[0] == ["method", "origin", "data", "five", "plain", "container", "bytes"]
    assert rows[2] == ["*Keeper* (as cited)", "reported", "a thousand photos", "1000.50", "2000.25", "–", "–"]
    assert [row[:2] for row in rows[2:]] == [
        ["*Keeper* (as cited)", "reported"],
        ["keep", "measured"],
        ["*Absent*", "reported"],
        ["own (not in the paper)", "measured"],
    ]
    (run,) = [run for run in json.loads(bench_command("runs", "--json").stdout) if run["plugin"] == "keep"]
    shown = json.loads(bench_command("show", run["id"], "--json", check=0).stdout)["summary"]
    (mean,) = [line["mean"] for line in shown if (line["degradation"], line["pair"]) == ("shift:by=5", "secret")]
    assert float(rows[3][3].split(" ± ")[0]) == pytest.approx(mean, abs=0.01)
    assert rows[3][2] == "tiny, size 8, the first 4, n = 4"
    assert rows[3][6] == "7"
    assert "Table 1 of Somebody: Something. Somewhere, 2020" in text
    assert "- 4: photos are not noise" in text
    assert "A thousand photos is not here (give --dataset folder:PATH); measured on tiny" in text
    assert "no weights runs/a/best.safetensors; train it: `bench train keep --out runs/a`" in text
    assert f"- run `{run['id']}`: keep" in text


def test_a_figure_without_numbers_says_so_and_its_panels_are_tables(bench_command, tmp_path):
    plot = re.sub(r"reported = \[.*?\n\]\n", "", SUITE, flags=re.DOTALL)
    plot = re.sub(r'row = ".*"\n', "", plot).replace('title = "five", ', 'panel = "over | shifts", ')
    text = suite_report(bench_command, tmp_path, "figure = true\n" + plot)
    assert "The paper prints no number for this figure" in text
    assert "### over \\| shifts" in text
    assert text.count("| method | origin |") == 2
    assert "reported |" not in text


def test_a_suite_takes_no_other_choice_and_must_have_run(bench_command, tmp_path):
    suite_report(bench_command, tmp_path)
    for arguments, message in (
        (("last",), "--suite file:tiny.toml: takes no RUN"),
        (("--pair", "secret"), "--suite file:tiny.toml: takes no --pair"),
    ):
        done = bench_command("report", "--suite", "file:tiny.toml", *arguments)
        assert (done.returncode, message in done.stderr) == (2, True)
    done = bench_command("report", "--suite", "riis-table3")
    assert done.returncode == 2
    assert "suite 'riis-table3' was not run into this database (it has: file:tiny.toml)" in done.stderr
