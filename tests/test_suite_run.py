"""Running a suite: normal runs beside what the paper reports, which no average, ranking or comparison ever holds."""

import csv
import io
import json
import sqlite3
from types import SimpleNamespace

import pytest
from alembic import command as alembic_command
from alembic.config import Config
from PIL import Image
from sqlalchemy import create_engine
from suites_testbed import GRAY, SUITE

from bench_core.cli.main import main
from bench_core.errors import RequestError
from bench_core.plugins import registry
from bench_core.store.database import MIGRATIONS, open_database
from bench_core.store.queries import long_rows
from bench_core.store.suites import find_suite, reported_rows
from bench_core.suite import DataChoice, Suite
from bench_core.suite_plan import choose_data
from bench_core.suite_table import read_suite_table

RUN = ("run", "--suite", "file:tiny.toml")
REPORTED = {("Keeper", "shift:by=5"): 1000.5, ("Keeper", "plain"): 2000.25, ("Absent", "shift:by=5"): 3000.0}


@pytest.fixture(autouse=True)
def with_suites(testbed, monkeypatch, tmp_path):
    monkeypatch.setenv("BENCH_LOAD_PLUGINS", "reports,leaderboard,datasets")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text(SUITE)
    (tmp_path / "gray.toml").write_text(GRAY)
    registry.cache_clear()


@pytest.fixture
def bench(capsys):
    """Run `bench …` in this process: starting one costs more than most of these tests."""

    def run(*arguments, check=None):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        done = SimpleNamespace(returncode=ended.value.code or 0, stdout=said.out, stderr=said.err)
        assert check in (None, done.returncode), done
        return done

    return run


def export(bench, *arguments):
    text = bench("export", "--format", "csv", *arguments, check=0).stdout
    return list(csv.DictReader(io.StringIO(text)))


def test_a_suite_runs_what_is_here_and_says_what_is_not(bench, tmp_path):
    done = bench(*RUN, check=0)
    lines = done.stdout.splitlines()
    data = "A thousand photos is not here (give --dataset folder:PATH); measured on tiny, size 8, the first 4"
    assert lines[0] == f"file:tiny.toml: {data}"
    assert "keep: run " in done.stdout
    assert (
        "not measured: by level · plain: no weights runs/b/best.safetensors; train it: bench train keep --out runs/b"
        in lines
    )
    assert "not measured: gone: no method 'no-such-method' is installed" in lines
    assert any(line.startswith("not measured: unbuildable: --plugin unbuildable: cannot be set up") for line in lines)
    table = [line.split() for line in lines]
    assert ["Keeper", "reported", "1000.50", "2000.25", "–", "–"] in table
    assert ["Absent", "reported", "3000.00", "–", "–", "–"] in table
    measured = next(row for row in table if row[:2] == ["keep", "measured"])
    database = open_database(str(tmp_path / "bench.db"))
    rows = [row for row in long_rows(database) if row.plugin == "keep" and row.pair == "secret"]
    database.close()
    values = [row.value for row in rows if row.degradation == "shift:by=5"]
    assert len(values) == 4
    assert float(measured[2]) == pytest.approx(sum(values) / 4, abs=0.01)
    assert measured[5] == "7"


def test_it_is_made_of_normal_runs_and_continues(bench):
    bench("run", "-p", "keep", "--set", "level=7", "-d", "shift:5", "-m", "mean-error", "--dataset", "tiny",
                  "--size", "8", "--limit", "4", "-q", check=0)  # fmt: skip
    first = bench(*RUN, check=0).stdout
    assert "keep: run" in first
    assert "16 cells computed, 16 reused" in first  # the cells of the run by hand serve the suite
    again = bench(*RUN, check=0).stdout
    assert "0 cells computed, 32 reused" in again


def test_weights_that_are_there_are_used_and_rows_of_one_label_are_one(bench, tmp_path):
    for name in ("a", "b"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "best.safetensors").write_bytes(name.encode())
    bench(*RUN, "-p", "keep", check=0)
    database = open_database(str(tmp_path / "bench.db"))
    rows = {row.label: row for row in read_suite_table(database, "file:tiny.toml").panels[0].rows}
    database.close()
    assert len({run.weights for run in rows["by level"].runs}) == 2
    assert all(cell.value is not None for cell in rows["by level"].cells[:2])
    assert rows["by level"].cells[2].value is None, "each model has a container of its own"
    assert rows["by level"].note == "several models, each with a container of its own: see their runs"
    assert rows["keep"].cells[2].value is not None
    assert set(rows) == {"Keeper", "keep", "by level", "Absent"}


def test_the_plugins_own_weights_come_first_and_the_file_where_it_has_none(bench, tmp_path, monkeypatch):
    (tmp_path / "needy.py").write_text(
        "from bench_core import hookimpl\n"
        "from bench_testbed import Keep\n"
        "class Needy(Keep):\n"
        "    def setup(self):\n"
        "        self.needed_weights()\n"
        "@hookimpl\n"
        "def register_models(register): register('needy', 'needy:Needy')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("BENCH_PLUGINS", "bench_testbed,needy")
    registry.cache_clear()
    (tmp_path / "tiny.toml").write_text(
        SUITE.replace('plugin = "dice"', 'plugin = "needy"\ntrain = "bench train needy"')
    )
    weights = tmp_path / "runs" / "dice" / "best.safetensors"
    said = bench(*RUN, "-p", "needy", check=0).stdout
    missing = "needy needs weights and ships none, and there is no runs/dice/best.safetensors"
    assert f"not measured: own: {missing}; train it: bench train needy" in said.splitlines()
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"w")
    said = bench(*RUN, "-p", "needy", check=0).stdout
    assert "own: run" in said
    assert "not measured: own" not in said
    bench(*RUN, "-p", "keep", check=0)
    assert {run["weights"] != "" for run in json.loads(bench("runs", "--json").stdout)} == {True, False}


def test_what_is_given_explicitly_wins(bench):
    stdout = bench(*RUN, "-p", "keep", "--dataset", "tiny-broken", "--limit", "2", "--size", "6", "--seed", "5",
                           "-d", "plain", "-m", "mean-error", check=0).stdout  # fmt: skip
    assert stdout.startswith("file:tiny.toml: measured on tiny-broken, as given, size 6, the first 2\n")
    (run,) = json.loads(bench("runs", "--json", check=0).stdout)
    assert (run["dataset"], run["seed"], run["request"]["degradations"]) == ("tiny-broken", 5, ["plain"])
    assert (run["request"]["size"], run["request"]["limit"]) == ("6", 2)


def test_a_set_named_by_a_variable_is_the_papers(bench, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    for name in "abc":
        Image.new("RGB", (16, 16), f"#{ord(name):06x}").save(tmp_path / "elsewhere" / f"{name}.png")
    monkeypatch.setenv("BENCH_THOUSAND", str(tmp_path / "elsewhere"))
    stdout = bench(*RUN, "-p", "keep", "--size", "8", check=0).stdout
    assert stdout.splitlines()[0] == f"file:tiny.toml: measured on folder:{tmp_path}/elsewhere, size 8"


def test_a_variable_that_names_no_pictures_is_not_passed_over(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_THOUSAND", str(tmp_path / "unmounted"))
    done = bench(*RUN, check=2)
    assert done.stderr.startswith(f"Error: BENCH_THOUSAND: folder:{tmp_path}/unmounted: there is no such folder")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "bench.db").exists()
    bench(*RUN, "--dataset", "tiny", "-p", "keep", check=0)  # what is given explicitly wins


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('degradations = "plain" },', 'degradations = "shift:5" },',
         "columns: secret mean-error under shift:by=5 is there twice"),
        ('degradations = "plain"\nweights', 'degradations = "plian"\nweights',
         "methods 'by level': degradations: unknown degradation 'plian'"),
    ],
)  # fmt: skip
def test_a_mistake_that_only_the_plugins_show_is_one_line(bench, tmp_path, old, new, message):
    assert old in SUITE
    (tmp_path / "tiny.toml").write_text(SUITE.replace(old, new, 1))
    done = bench(*RUN, check=2)
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "bench.db").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--suite", "file:none.toml"), "suite 'file:none.toml': there is no such file"),
        (("--suite", "tiny"), "unknown suite 'tiny'"),
        ((*RUN[1:], "-p", "lsb"), "suite 'file:tiny.toml' has no such method; it has dice, keep, no-such-method"),
        ((*RUN[1:], "--dataset", "tinny"), "--dataset: unknown dataset 'tinny'"),
        ((*RUN[1:], "-m", "psnrr"), "--metric: unknown metric 'psnrr'"),
        ((*RUN[1:], "-d", "shift:900"), "by must be an integer from 0 to 50"),
        ((*RUN[1:], "--size", "big"), "--size: 'big' is not a size"),
        ((*RUN[1:], "--weights", "x"), "--weights: suite 'file:tiny.toml' would run 6 methods with them"),
        ((*RUN[1:], "--set", "color=red"), "unknown parameter 'color' for keep"),
        ((), "Missing option '-p' / '--plugin'"),
    ],
)
def test_a_wrong_request_is_one_line_and_writes_nothing(bench, tmp_path, arguments, message):
    done = bench("run", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "bench.db").exists()


def test_reported_figures_are_exported_and_marked(bench):
    bench(*RUN, check=0)
    rows = export(bench)
    reported = [row for row in rows if row["origin"] == "reported"]
    assert {(row["plugin"], row["degradation"]): float(row["value"]) for row in reported} == REPORTED
    assert {row["run"] for row in reported} == {"suite:file:tiny.toml"}
    assert {(row["status"], row["dataset"], row["task"]) for row in reported} == {
        ("ok", "a thousand photos", "steganography")
    }
    details = json.loads(reported[0]["details"])
    assert details == {"citation": "Somebody: Something. Somewhere, 2020", "note": "as cited", "table": "Table 1"}
    assert {row["origin"] for row in rows} == {"reported", "measured"}
    assert export(bench, "suite:file:tiny.toml") == reported
    run = next(row["run"] for row in rows if row["origin"] == "measured")
    assert {row["origin"] for row in export(bench, run)} == {"measured"}
    assert "suite 'other' was not run into this database" in bench("export", "suite:other").stderr


def test_no_average_ranking_or_comparison_holds_a_reported_figure(bench, tmp_path):
    bench(*RUN, check=0)
    bench(*RUN, "--seed", "0", "-p", "keep", "--set", "level=9", check=0)
    runs = {
        run["settings"].get("level"): run["id"]
        for run in json.loads(bench("runs", "--json", check=0).stdout)
        if run["plugin"] == "keep"
    }
    for run in runs.values():
        shown = json.loads(bench("show", run, "--json", check=0).stdout)
        assert all(line["mean"] is None or line["mean"] < 256 for line in shown["summary"])
    compared = json.loads(bench("compare", runs[7], runs[9], "--json", check=0).stdout)
    assert compared
    assert all(abs(line["mean_a"]) < 256 for line in compared)
    bench("leaderboard", "build", check=0)
    assert "1000.5" not in (tmp_path / "leaderboard-site" / "index.html").read_text()
    data = (tmp_path / "leaderboard-site" / "data").iterdir()
    assert not any(
        ",reported," in file.read_text() for file in data if file.suffix == ".csv" and "suite" not in file.name
    )


def test_what_is_near_the_method_that_does_nothing_is_marked(bench, tmp_path):
    stdout = bench("run", "--suite", "file:gray.toml", check=0).stdout
    line = next(line for line in stdout.splitlines() if "same as the floor   measured" in line)
    assert "≈ gray" in line
    assert not any("≈" in line for line in stdout.splitlines() if line.strip().startswith("floor"))


def test_a_suite_read_anew_replaces_its_figures_and_keeps_its_runs(bench, tmp_path):
    bench(*RUN, check=0)
    (tmp_path / "tiny.toml").write_text(SUITE.replace("1000.5", "1001.5"))
    bench(*RUN, "-p", "keep", check=0)
    database = open_database(str(tmp_path / "bench.db"))
    values = [row.value for row in reported_rows(database)]
    rows = [row.label for row in read_suite_table(database, "file:tiny.toml").panels[0].rows]
    skipped = find_suite(database, "file:tiny.toml").notes["skipped"]
    database.close()
    assert values == [1001.5, 2000.25, 3000.0]
    assert rows == ["Keeper", "keep", "Absent", "own"]
    assert "gone" in skipped  # what was skipped before still is


def test_an_old_database_gains_the_tables(bench, tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'bench.db'}")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic_command.upgrade(config, "0001")
    engine.dispose()
    with sqlite3.connect(tmp_path / "bench.db") as connection:
        connection.execute("INSERT INTO models VALUES (1, 'd', 'keep', 'testbed', '1', 'steganography', '{}', '', 'c')")
    connection.close()
    bench(*RUN, check=0)
    with sqlite3.connect(tmp_path / "bench.db") as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0002",)]
        assert connection.execute("SELECT digest FROM models WHERE id = 1").fetchall() == [("d",)]
        assert connection.execute("SELECT count(*) FROM reported").fetchall() == [(3,)]
        assert connection.execute("SELECT count(*) FROM suite_runs").fetchall() == [(2,)]
    connection.close()


def test_a_table_of_hyper_parameters_stands_beside_the_presets(bench, monkeypatch, tmp_path):
    (tmp_path / "bench_fake").mkdir()
    (tmp_path / "bench_fake" / "hyperparameters.toml").write_text(
        'presets = { small = "s", paper = "p" }\n'
        '[weight_a]\ngroup = "training"\nsmall = 2.5\npaper = 3.0\npublished = "3"\nsource = "P"\nhelp = "a"\n'
    )
    (tmp_path / "bench_fake" / "__init__.py").write_text(
        "from bench_core import hookimpl\n@hookimpl\ndef register_models(register):\n"
        "    register('fake', 'bench_fake.method:Fake')\n"
    )
    (tmp_path / "weights.toml").write_text(
        'title = "Weights"\npaper = "P"\ntable = "Table II"\ntask = "steganography"\npublished_data = "none"\n'
        'presets_of = "fake"\npresets = ["paper", "small"]\n'
        'columns = [{ title = "a", hyperparameter = "weight_a" }]\nreported = [{ row = "Us", values = [3] }]\n'
    )
    monkeypatch.setenv("BENCH_PLUGINS", "bench_testbed,bench_fake")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.cache_clear()
    lines = bench("run", "--suite", "file:weights.toml", check=0).stdout.splitlines()
    assert lines[0] == "file:weights.toml: a table of hyper-parameters; nothing is measured"
    table = [line.split() for line in lines]
    assert ["Us", "reported", "3"] in table
    assert ["fake,", "preset", "paper", "preset", "3"] in table
    assert ["fake,", "preset", "small", "preset", "2.5"] in table
    (row,) = export(bench)
    assert (row["pair"], row["metric"], row["value"]) == ("hyper-parameter", "weight_a", "3.0")


def test_what_observers_said_is_reported_and_never_measured(bench, tmp_path):
    (tmp_path / "study.toml").write_text(
        'title = "A study"\npaper = "P"\ntable = "the study"\ntask = "steganography"\npublished_data = "none"\n'
        "columns = [\n"
        '  { title = "liked", printed = "liking" },\n'
        '  { title = "error", pair = "secret", metric = "mean-error", degradations = "plain" },\n'
        ']\ndata = [{ name = "tiny", datasets = "tiny", size = "8", limit = 4 }]\n'
        'reported = [{ row = "Us", values = [7.5, 12] }]\n'
        '[[methods]]\nlabel = "keep"\nrow = "Us"\nplugin = "keep"\n'
    )
    table = [line.split() for line in bench("run", "--suite", "file:study.toml", check=0).stdout.splitlines()]
    assert ["Us", "reported", "7.5", "12.00"] in table
    measured = next(row for row in table if row[:2] == ["keep", "measured"])
    assert measured[2] == "–"
    assert float(measured[3]) > 0
    reported = [row for row in export(bench) if row["origin"] == "reported"]
    assert {(row["pair"], row["metric"], row["value"]) for row in reported} == {
        ("printed", "liking", "7.5"),
        ("secret", "mean-error", "12.0"),
    }
    bench("report", "--suite", "file:study.toml", check=0)
    bench("leaderboard", "build", "-o", "site", check=0)
    assert "liking" in (tmp_path / "site" / "suites" / "file-study-toml.html").read_text()


def test_a_variable_names_data_of_the_kind_that_the_suite_has_first():
    choice = DataChoice("CIFAR-10", ("qr:nowhere",), env="BENCH_SOMEWHERE")
    made = Suite("s", "", "", "", "steganography", "", (choice, DataChoice("tiny", ("tiny",))), ())
    assert choose_data(made, None, {}).dataset == "tiny"
    with pytest.raises(RequestError, match="BENCH_SOMEWHERE: qr: 'elsewhere' is no option"):
        choose_data(made, None, {"BENCH_SOMEWHERE": "elsewhere"})


def test_the_originals_stand_beside_the_row_that_the_paper_has_of_them(bench, monkeypatch, tmp_path):
    monkeypatch.setenv("BENCH_LOAD_PLUGINS", "reports,leaderboard,datasets,metrics")
    registry.cache_clear()
    (tmp_path / "color.toml").write_text(
        'title = "Color"\npaper = "P"\ntable = "T"\ntask = "colorization"\npublished_data = "none"\n'
        'originals = "Truth"\n'
        "columns = [\n"
        '  { title = "CCI", pair = "colorized", metric = "cci", degradations = "plain" },\n'
        '  { title = "in range", pair = "colorized", metric = "cci_ratio", degradations = "plain" },\n'
        ']\ndata = [{ name = "tiny", datasets = "tiny", size = "8", limit = 4 }]\n'
        'reported = [{ row = "Truth", values = [40, 0.0425] }, { row = "Us", values = [30, 0.2] }]\n'
        '[[methods]]\nlabel = "paint"\nrow = "Us"\nplugin = "paint"\n'
    )
    lines = bench("run", "--suite", "file:color.toml", check=0).stdout.splitlines()
    table = [line.split() for line in lines]
    at = table.index(["Truth", "reported", "40.00", "4.2", "%"])
    original, us, paint = table[at + 1 : at + 4]
    assert original[:3] == ["the", "originals", "measured"]
    assert float(original[3]) > 0
    assert us == ["Us", "reported", "30.00", "20.0", "%"]
    assert paint[:3] == ["paint", "measured", "0.00"]
    report = bench("report", "--suite", "file:color.toml", check=0).stdout
    assert f"| the originals | measured | tiny, size 8, the first 4 | {original[3]} |" in report
    bench("leaderboard", "build", "-o", "site", check=0)
    assert "the originals" in (tmp_path / "site" / "suites" / "file-color-toml.html").read_text()
