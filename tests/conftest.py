"""Fixtures for the harness's tests: the testbed plugin, alone, so that no result depends on what is installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parent / "support"
sys.path.insert(0, str(SUPPORT))


@pytest.fixture
def testbed(monkeypatch):
    """Only the testbed plugin is loaded, in this process and in those it starts."""
    from bench_core.plugins import registry

    monkeypatch.setenv("BENCH_LOAD_PLUGINS", "")
    monkeypatch.setenv("BENCH_PLUGINS", "bench_testbed")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(SUPPORT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.syspath_prepend(str(SUPPORT))
    registry.cache_clear()
    yield registry()
    registry.cache_clear()


@pytest.fixture
def trips_testbed(testbed, monkeypatch):
    """The testbed, and what knows more of a trip than its pictures."""
    from bench_core.plugins import registry

    monkeypatch.setenv("BENCH_PLUGINS", "bench_testbed,trips_testbed")
    registry.cache_clear()
    return registry()


@pytest.fixture
def database(tmp_path):
    from bench_core.store.database import open_database

    opened = open_database(str(tmp_path / "bench.db"))
    yield opened
    opened.close()


@pytest.fixture
def bench_command(tmp_path):
    """Run `bench …` as a user would: in a process of its own, in an empty folder."""

    def run(*arguments, env=None, check=None, timeout=120):
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **(env or {})}
        command = [sys.executable, "-m", "bench_core.cli.main", *map(str, arguments)]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=timeout)
        if check is not None:
            assert done.returncode == check, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return run


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """A leaderboard of runs of every kind, with the database it is made from."""
    import leaderboard_site

    yield from leaderboard_site.build(tmp_path_factory)
