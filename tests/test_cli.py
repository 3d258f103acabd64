"""The command line: light to start, one clear line for bad input, exit codes, and what each command prints."""

import csv
import io
import json
import logging
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from bench_core.cli.main import main
from bench_core.store.queries import COLUMNS

HEAVY = (
    "torch",
    "pandas",
    "pyiqa",
    "torchvision",
    "cv2",
    "numpy",
    "PIL",
    "sqlalchemy",
    "alembic",
    "rich",
    "scipy",
    "skimage",
)


def imported(code):
    script = f"{code}\nimport sys; print('\\n'.join(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stderr.split()}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["list", "models"], ["list", "plugins"], ["list", "metrics", "--json"]]
)
def test_help_and_list_import_nothing_heavy(arguments):
    code = (
        "import contextlib\nfrom bench_core.cli.main import main\n"
        f"with contextlib.suppress(SystemExit):\n    main({arguments!r})"
    )
    assert imported(code) & set(HEAVY) == set()


def test_a_run_of_codecs_and_built_in_metrics_never_imports_torch(tmp_path):
    arguments = [
        "run",
        "-p",
        "lsb",
        "-d",
        "jpeg:40",
        "-m",
        "psnr",
        "-m",
        "ssim",
        "--limit",
        "2",
        "--db",
        str(tmp_path / "x.db"),
    ]
    code = (
        "import contextlib\nfrom bench_core.cli.main import main\n"
        f"with contextlib.suppress(SystemExit):\n    main({arguments!r})"
    )
    assert imported(code) & {"torch", "pyiqa", "torchvision", "pandas", "accelerate"} == set()


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(path)
    return path


BAD = [
    (["run"], "bench run: Missing option '-p' / '--plugin'"),
    (["run", "-p", "lbs"], "--plugin: unknown model 'lbs'. Did you mean 'lsb'"),
    (["run", "-p", "lsb", "-d", "jpg:40"], "--degrade: unknown degradation 'jpg'. Did you mean 'jpeg'"),
    (["run", "-p", "lsb", "-d", "jpeg:101"], "--degrade jpeg:101: quality must be an integer from 1 to 100"),
    (["run", "-p", "lsb", "-d", "jpeg"], "--degrade jpeg: quality is required, e.g. jpeg:40"),
    (["run", "-p", "lsb", "-m", "psrn"], "--metric: unknown metric 'psrn'. Did you mean 'psnr'"),
    (["run", "-p", "lsb", "--dataset", "smaple"], "--dataset: unknown dataset 'smaple'. Did you mean 'sample'"),
    (["run", "-p", "lsb", "--dataset", "folder:nowhere"], "--dataset: folder:nowhere: there is no such folder"),
    (["run", "-p", "lsb", "--secrets", "folder:nowhere"], "--secrets: folder:nowhere: there is no such folder"),
    (["run", "-p", "lsb", "--size", "huge"], "--size"),
    (["run", "-p", "lsb", "--limit", "0"], "Invalid value for '--limit': 0 is not in the range x>=1"),
    (["run", "-p", "lsb", "--set", "bits"], "--set bits: must be KEY=VALUE"),
    (["run", "-p", "lsb", "--set", "bits=9"], "--set: bits must be"),
    (["run", "-p", "lsb", "--set", "colour=1"], "--set: unknown parameter 'colour' for lsb; known: bits"),
    (["run", "-p", "riis", "--weights", "nowhere.safetensors"], "--weights nowhere.safetensors: no such file"),
    (["run", "-p", "riis", "--weights", "photo.png", "--limit", "2"], "photo.png"),
    (["run", "-p", "lsb", "--db", "no/such/folder/x.db"], "--db no/such/folder/x.db: not a place for a database file"),
    (["run", "-p", "lsb", "--nonsense"], "bench run: No such option '--nonsense'"),
    (["rnu"], "bench: No such command 'rnu'"),
    (["list", "things"], "'things' is not one of"),
    (["export"], "--db bench.db: no such database"),
    (["show", "abc"], "--db bench.db: no such database"),
    (["export", "--format", "parquet", "--db", "photo.png"], "--format parquet: needs a file"),
    (["encode", "lsb", "photo.png", "-o", "out.png"], "lsb takes a host and 1 secret(s), so 2 file(s), not 1"),
    (["encode", "lsb", "photo.png", "missing.png", "-o", "out.png"], "missing.png"),
    (["encode", "lsb", "photo.png", "photo.png", "-o", "out.jpg"], "out.jpg"),
    (["encode", "lsb", "photo.png", "photo.png", "-o", "photo"], "-o photo: photo.png is PICTURE itself"),
    (["decode", "lsb", "missing.png", "-o", "out"], "missing.png"),
    (["degrade", "photo.png", "out.png", "-d", "jpeg:0"], "quality must be an integer from 1 to 100"),
    (["measure", "photo.png", "missing.png"], "missing.png"),
    (["measure", "photo.png", "photo.png", "-m", "nope"], "unknown metric 'nope'"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=[" ".join(arguments) for arguments, _ in BAD])
def test_bad_input_gets_one_clear_line_exit_code_2_and_leaves_nothing(
    bench_command, picture, tmp_path, arguments, message
):
    done = bench_command(*arguments)
    assert done.returncode == 2, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("Error: ")
    assert message in lines[0]
    assert done.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.png"]


def test_all_mistakes_are_shown_together(bench_command):
    done = bench_command("run", "-p", "lbs", "-d", "jpg:40", "-d", "jpeg:0", "-m", "psrn")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 4


def test_a_run_prints_its_figures_and_its_rows_are_exported(bench_command, tmp_path):
    done = bench_command("run", "-p", "lsb", "-d", "clean", "-d", "jpeg:40", "--limit", "3", "--size", "64", check=0)
    for word in (
        "identity",
        "jpeg:q=40,ss=420",
        "container",
        "secret",
        "channel",
        "psnr",
        "ssim",
        "95 % interval",
        "small n",
    ):
        assert word in done.stdout
    rows = list(csv.DictReader(io.StringIO(bench_command("export", "--format", "csv", check=0).stdout)))
    expected = list(COLUMNS[:14])
    assert list(rows[0])[: len(expected)] == expected
    assert {row["status"] for row in rows} == {"ok"}
    assert {row["origin"] for row in rows} == {"measured"}
    as_json = json.loads(bench_command("export", "--format", "json", check=0).stdout, parse_constant=pytest.fail)
    assert len(as_json) == len(rows)
    identical = [row for row in as_json if row["value"] is None]
    assert identical, "the clean channel changes nothing"
    assert all(row["pair"] == "channel" and row["details"]["identical"] and row["status"] == "ok" for row in identical)
    bench_command("export", "-o", "rows.parquet", check=0)
    import pyarrow.parquet as pq

    table = pq.read_table(tmp_path / "rows.parquet")
    assert table.num_rows == len(rows)
    assert table.column_names[: len(expected)] == expected
    assert {name: str(table.schema.field(name).type) for name in ("repeat", "value")} == {
        "repeat": "int64",
        "value": "double",
    }
    assert table["value"].null_count == len(identical)
    assert json.loads(table["details"][0].as_py()) == as_json[0]["details"]


def test_runs_and_show(bench_command):
    bench_command("run", "-p", "lsb", "-d", "jpeg:40", "--limit", "2", "--size", "64", "-q", check=0)
    runs = json.loads(bench_command("runs", "--json", check=0).stdout)
    assert [run["plugin"] for run in runs] == ["lsb"]
    run_id = runs[0]["id"]
    assert run_id in bench_command("runs", check=0).stdout
    shown = json.loads(bench_command("show", run_id[:5], "--json", check=0).stdout)
    versions = shown["executions"][0]["provenance"]["versions"]
    assert {"python", "numpy", "pillow", "pillow:libjpeg_turbo", "pillow:webp"} <= set(versions)
    assert shown["executions"][0]["command"].startswith("bench run -p lsb")
    assert {line["pair"] for line in shown["summary"]} >= {"container", "secret", "channel"}
    text = bench_command("show", check=0).stdout
    assert run_id in text
    assert "provenance:" in text


def test_strict_turns_failed_cells_into_exit_code_3(bench_command, tmp_path):
    pictures = tmp_path / "photos"
    pictures.mkdir()
    rng = np.random.default_rng(2)
    for name in ("a", "b", "c"):
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(pictures / f"{name}.png")
    (pictures / "torn.png").write_bytes((pictures / "a.png").read_bytes()[:200])
    arguments = ("run", "-p", "lsb", "--dataset", "folder:photos")
    done = bench_command(*arguments, check=0)
    assert "FAILED" in done.stdout
    assert "decode_failed" in done.stdout
    bench_command(*arguments, "--strict", check=3)
    text = bench_command("show", check=0).stdout
    assert "torn.png" in text


def test_show_counts_one_failed_cell_as_one(bench_command):
    bench_command("run", "-p", "lsb", "-d", "clean", "-m", "steg0", "--limit", "2", "-q", check=0)
    assert "\n1 cell skipped_unsupported: steg0 needs 10 pictures" in bench_command("show", check=0).stdout


def test_a_trip_by_hand_gives_the_figures_of_a_run(bench_command, tmp_path):
    pictures = tmp_path / "photos"
    pictures.mkdir()
    rng = np.random.default_rng(3)
    for name in ("a", "b"):
        smooth = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize(
            (64, 64), Image.Resampling.BICUBIC
        )
        smooth.save(pictures / f"{name}.png")
    bench_command("encode", "lsb", "photos/a.png", "photos/b.png", "-o", "container.png", check=0)
    bench_command("degrade", "container.png", "received.png", "-d", "jpeg:90", check=0)
    done = bench_command("decode", "lsb", "received.png", "-o", "out", check=0)
    assert "secret.png" in done.stdout
    by_hand = json.loads(bench_command("measure", "out/secret.png", "photos/b.png", "--json", check=0).stdout)
    bench_command("run", "-p", "lsb", "-d", "jpeg:90", "--dataset", "folder:photos", "-q", check=0)
    rows = json.loads(bench_command("export", "--format", "json", check=0).stdout)
    found = {row["metric"]: row["value"] for row in rows if row["image"] == "a.png" and row["pair"] == "secret"}
    assert by_hand["psnr"]["value"] == pytest.approx(found["psnr"], abs=1e-9)
    assert by_hand["ssim"]["value"] == pytest.approx(found["ssim"], abs=1e-9)


def test_every_option_has_its_environment_variable(bench_command):
    env = {"BENCH_RUN_PLUGIN": "lsb", "BENCH_RUN_LIMIT": "2", "BENCH_RUN_SIZE": "64", "BENCH_DB": "other.db"}
    assert "in other.db" in bench_command("run", env=env, check=0).stdout
    assert "lsb" in bench_command("runs", env={"BENCH_DB": "other.db"}, check=0).stdout


def all_options(command, path=()):
    import click

    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from all_options(command.get_command(context, name), (*path, name))
    for option in command.params:
        if isinstance(option, click.Option):
            yield path, option


def test_the_variable_of_an_option_is_its_name():
    from bench_core.cli.main import bench

    for path, option in all_options(bench):
        names = {text.lstrip("-").replace("-", "_").upper() for text in option.opts if text.startswith("--")}
        variable = option.envvar or f"BENCH_{'_'.join(path)}_{option.name}".upper().replace("-", "_")
        assert any(variable.endswith(f"_{name}") for name in names), f"bench {' '.join(path)} {option.opts}: {variable}"


def test_a_command_called_from_python_leaves_no_log_handler_behind():
    before = list(logging.getLogger("bench").handlers)
    with pytest.raises(SystemExit):
        main(["list", "suites"])
    assert logging.getLogger("bench").handlers == before
