"""`bench plugin check`: every broken rule is found, and a good method passes; `bench plugin new` writes one."""

import json
import os
import subprocess
import sys

import pytest

from bench_core.conformance import check_model
from bench_core.plan import Request


def broken(plugin):
    request = Request(plugin, degrade=("plain",), dataset="tiny", limit=3, size="16", metrics=("mean-error",))
    return {check.rule: check.detail for check in check_model(request) if not check.passed}


@pytest.mark.usefixtures("testbed")
@pytest.mark.parametrize("plugin", ["dice", "told", "graykeep", "paint", "two"])
def test_a_good_method_passes(plugin):
    # What there is to say against them: the testbed is one module for brevity, and its classes have few docstrings.
    found = broken(plugin)
    assert set(found) <= {"its hooks import nothing heavy", "it declares what it is"}
    assert ("it declares what it is" in found) == (plugin in ("graykeep", "paint"))
    assert "bench_testbed imports numpy" in found["its hooks import nothing heavy"]


@pytest.mark.usefixtures("testbed")
@pytest.mark.parametrize(
    ("plugin", "rule", "detail"),
    [
        ("leaky", "a fresh object in another process decodes alike", "other than the received picture reaches decode"),
        ("forgetful", "decoding again gives the same pictures", "'secret' of picture 0 differs"),
        ("secretive", "it draws only if it says so", "set `stochastic = True`"),
        (
            "square",
            "it takes odd sizes, or says that it does not",
            "carrier has shape (40, 64, 3), expected (45, 67, 3)",
        ),
        ("bad", "it decodes what arrives", "RuntimeError: no luck"),
    ],
)
def test_a_broken_rule_is_found(plugin, rule, detail):
    assert detail in broken(plugin)[rule]


@pytest.mark.usefixtures("testbed")
def test_the_exit_code_says_whether_a_rule_is_broken(bench_command, monkeypatch):
    monkeypatch.setenv("BENCH_LOAD_PLUGINS", "degradations,metrics")
    options = ("--dataset", "tiny", "--size", "16", "--json")
    done = bench_command("plugin", "check", "leaky", *options, check=1)
    assert {check["rule"] for check in json.loads(done.stdout) if not check["passed"]} >= {
        "a fresh object in another process decodes alike"
    }
    assert bench_command("plugin", "check", "nonsense").returncode == 2


def test_a_built_in_method_passes(bench_command):
    done = bench_command("plugin", "check", "lsb", check=0)
    assert "FAIL" not in done.stdout
    assert done.stdout.count("ok  ") == 11


def test_a_new_plugin_works_and_keeps_the_rules(bench_command, tmp_path):
    done = bench_command("plugin", "new", "my-method", check=0)
    folder = tmp_path / "bench-my-method"
    assert {path.name for path in folder.iterdir()} == {"bench_my_method", "pyproject.toml", "README.md", "tests"}
    assert "bench plugin check my-method" in done.stdout
    env = {**os.environ, "BENCH_PLUGINS": "bench_my_method", "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    again = bench_command("plugin", "new", "my-method")
    assert again.returncode == 2
    assert "is there already" in again.stderr
    bad = bench_command("plugin", "new", "My_Method")
    assert bad.returncode == 2
    assert "lower-case" in bad.stderr
