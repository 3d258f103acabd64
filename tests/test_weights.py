"""Where weights lie, what `find` says when they do not, and what `bench weights` prints."""

import hashlib
import json
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from bench_core import weights as known
from bench_core.errors import CellFailure, RequestError
from bench_core.plugins import Entry, registry
from bench_core.weights import PyPI, Url, WeightsFile, find, offline, torch_hub

CONTENT = b"weights, to the last byte"
SHA = hashlib.sha256(CONTENT).hexdigest()
SMALL = WeightsFile(
    "small", "small-1.bin", SHA, len(CONTENT), "CC0", (Url("https://example.invalid/small.bin"),), needed_by=("m",)
)

PLUGIN = f"""
from bench_core import hookimpl
from bench_core.weights import PyPI, WeightsFile

FIRST = WeightsFile(
    "first", "first-1.bin", {SHA!r}, {len(CONTENT)}, "CC0",
    (PyPI("tiny-weights==1.0", "tiny_weights-1.0-py3-none-any.whl", {{archive!r}}, "tiny/first.bin"),),
    needed_by=("some-metric",),
)
SECOND = WeightsFile(
    "second", "second-1.bin", {SHA!r}, {len(CONTENT)}, "CC0",
    (PyPI("tiny-weights==1.0", "tiny_weights-1.0-py3-none-any.whl", {{archive!r}}, "tiny/second.bin"),),
)


@hookimpl
def register_weights(register):
    register("first", "bench_wtest:FIRST", summary="for tests")
    register("second", "bench_wtest:SECOND")
"""


@pytest.fixture
def small(monkeypatch, tmp_path):
    """One registered file of weights, and a cache of its own."""
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path / "cache"))
    monkeypatch.setattr(Entry, "load", lambda self: SMALL)
    monkeypatch.setitem(registry().weights._entries, "small", Entry("weights", "small", "x:y", "test"))
    return tmp_path / "cache" / "small-1.bin"


def test_missing_weights_are_a_status_with_the_command_that_gets_them(small):
    with pytest.raises(CellFailure) as failure:
        find("small")
    assert failure.value.status == "weights_missing"
    assert failure.value.reason.endswith("bench weights fetch small")


def test_what_is_there_is_found_if_it_is_what_it_should_be(small):
    small.parent.mkdir()
    small.write_bytes(CONTENT)
    assert find("small") == small
    small.write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(CellFailure, match=r"small-1\.bin is damaged .*: bench weights fetch small") as failure:
        find("small")
    assert failure.value.status == "weights_missing"


def test_unknown_weights_are_called_weights():
    with pytest.raises(RequestError, match=r"unknown weights 'lpips-alx'\. Did you mean 'lpips-alex'"):
        find("lpips-alx")


def test_what_a_plugin_registers_must_be_a_weights_file(monkeypatch):
    monkeypatch.setattr(Entry, "load", lambda self: "a string")
    monkeypatch.setitem(registry().weights._entries, "small", Entry("weights", "small", "x:y", "test"))
    with pytest.raises(RequestError, match="'small' are registered as str"):
        known.lookup("small")


def test_folders_follow_the_environment(monkeypatch, tmp_path):
    shared = WeightsFile("t", "t-1.pth", SHA, 1, "", (Url("https://example.invalid/t-1.pth"),), hub="checkpoints")
    for name in ("BENCH_WEIGHTS", "TORCH_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert torch_hub() == tmp_path / "xdg/torch/hub"
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    hub = tmp_path / "torch/hub/checkpoints"
    (own,) = SMALL.folders
    assert (own.name, own.parent.name) == ("weights", "bench")
    assert shared.folders == (hub, own)
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path / "mine"))
    assert SMALL.folders == (tmp_path / "mine",)
    assert shared.folders == (tmp_path / "mine", hub)
    # Torch's own copy serves, wherever new files would go.
    hub.mkdir(parents=True)
    (hub / "t-1.pth").write_bytes(b"x")
    assert shared.path == hub / "t-1.pth"


def test_torchs_folder_is_torchs(monkeypatch, tmp_path):
    import torch

    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    for home in (str(tmp_path), None):
        if home:
            monkeypatch.setenv("TORCH_HOME", home)
        else:
            monkeypatch.delenv("TORCH_HOME")
        assert torch_hub() == Path(torch.hub.get_dir())


@pytest.mark.parametrize(("text", "meant"), [("1", True), ("true", True), ("0", False), ("", False), ("off", False)])
def test_bench_offline_is_read_as_meant(monkeypatch, text, meant):
    monkeypatch.setenv("BENCH_OFFLINE", text)
    assert offline() is meant


def test_names_of_published_files():
    inside = PyPI("a==1", "a-1.tar.gz", SHA, "a-1/a/deep/w.ckpt")
    assert WeightsFile("a", "a.bin", SHA, 1, "", (inside,)).original == "w.ckpt"
    assert SMALL.original == "small.bin"
    assert inside.advice == "pip download --no-deps a==1"


@pytest.fixture
def bench(bench_command, tmp_path):
    """`bench` with a plugin that has two weights in one wheel, and no index but a folder with that wheel."""
    wheel = tmp_path / "wheels" / "tiny_weights-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny/first.bin", CONTENT)
        archive.writestr("tiny/second.bin", CONTENT)
        archive.writestr(
            "tiny_weights-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n"
        )
        archive.writestr(
            "tiny_weights-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tiny_weights-1.0.dist-info/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (tmp_path / "bench_wtest.py").write_text(PLUGIN.format(archive=digest))
    base = {
        "BENCH_LOAD_PLUGINS": "",
        "BENCH_PLUGINS": "bench_wtest",
        "PYTHONPATH": str(tmp_path),
        "BENCH_WEIGHTS": str(tmp_path / "cache"),
        "BENCH_OFFLINE": "",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheel.parent),
        "PIP_CONFIG_FILE": "/dev/null",
    }

    def run(*arguments, check=0, **env):
        return bench_command("weights", *arguments, env={**base, **env}, check=check)

    return run


def test_pip_gets_an_archive_once_and_what_is_in_it_lands_in_the_cache(bench, tmp_path):
    before = json.loads(bench("list", "--json").stdout)
    assert [(row["name"], row["present"], row["size"]) for row in before] == [
        ("first", False, len(CONTENT)),
        ("second", False, len(CONTENT)),
    ]
    assert before[0]["needed_by"] == ["some-metric"]
    assert before[0]["summary"] == "for tests"
    assert before[0]["path"] == str(tmp_path / "cache" / "first-1.bin")
    done = bench("fetch", "--all")
    assert done.stdout.splitlines() == [f"{name}: {tmp_path}/cache/{name}-1.bin" for name in ("first", "second")]
    assert (tmp_path / "cache/first-1.bin").read_bytes() == CONTENT
    assert all(row["present"] for row in json.loads(bench("list", "--json").stdout))
    table = bench("list").stdout
    assert "first" in table
    assert "yes" in table
    # What is there needs neither pip nor the network.
    assert (
        bench("fetch", "first", BENCH_OFFLINE="1", PIP_FIND_LINKS="/nowhere").stdout == done.stdout.splitlines(True)[0]
    )
    assert bench("path", "first").stdout == f"{tmp_path}/cache/first-1.bin\n"


def test_what_pip_cannot_get_is_one_line_that_says_how_to_get_it_by_hand(bench, tmp_path):
    done = bench("fetch", "first", check=1, PIP_FIND_LINKS=str(tmp_path / "cache"))
    assert len(done.stderr.splitlines()) == 1
    assert "pip cannot get tiny-weights==1.0: No matching distribution" in done.stderr
    assert (
        "pip download --no-deps tiny-weights==1.0; here: bench weights fetch first --from tiny_weights" in done.stderr
    )
    assert not (tmp_path / "cache/first-1.bin").exists()


def test_another_archive_of_that_name_is_thrown_away_unread(bench, tmp_path):
    with zipfile.ZipFile(tmp_path / "wheels/tiny_weights-1.0-py3-none-any.whl", "a") as archive:
        archive.writestr("tiny/more.bin", b"more")
    done = bench("fetch", "first", check=1)
    assert "pip cannot get tiny-weights==1.0" in done.stderr
    assert not (tmp_path / "cache/first-1.bin").exists()


def test_offline_is_one_line_and_files_at_hand_still_serve(bench, tmp_path):
    done = bench("fetch", "first", check=2, BENCH_OFFLINE="1")
    assert len(done.stderr.splitlines()) == 1
    assert "BENCH_OFFLINE forbids fetching 'first'" in done.stderr
    bench("fetch", "--all", "--from", str(tmp_path / "wheels"), BENCH_OFFLINE="1")
    assert (tmp_path / "cache/second-1.bin").read_bytes() == CONTENT


def test_path_of_missing_weights_fails_with_the_command(bench):
    done = bench("path", "first", check=1)
    assert (
        done.stderr == "Error: the weights 'first' are not on this machine; get them with: bench weights fetch first\n"
    )


@pytest.mark.parametrize("arguments", [[], ["first", "--all"]])
def test_either_names_or_all(bench, arguments):
    assert "bench weights fetch lpips-alex" in bench("fetch", *arguments, check=2).stderr


def test_two_processes_at_once_do_no_harm(bench, tmp_path):
    outcomes = []
    threads = [threading.Thread(target=lambda: outcomes.append(bench("fetch", "--all").returncode)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [0, 0, 0]
    names = sorted(path.name for path in (tmp_path / "cache").iterdir())
    assert names == [".partial", "first-1.bin", "second-1.bin"]
    assert (tmp_path / "cache/first-1.bin").read_bytes() == CONTENT


def test_the_page_lists_all_that_the_plugins_of_the_house_register():
    page = (Path(__file__).parents[1] / "docs" / "weights.md").read_text(encoding="utf-8")
    for weights in known.every():
        needed = ", ".join(f"`{name}`" for name in weights.needed_by)
        assert f"| `{weights.name}` | {weights.size / 1e6:.1f} MB | {needed} | " in page
        assert f"| {weights.license} |" in page


def test_weights_that_cannot_be_loaded_are_a_warning_and_the_others_are_there(monkeypatch, caplog):
    before = [weights.name for weights in known.every()]
    broken = Entry("weights", "broken", "no_such_module:W", "someone's")
    monkeypatch.setitem(registry().weights._entries, "broken", broken)
    assert [weights.name for weights in known.every()] == before
    assert "weights 'broken' of plugin 'someone's' cannot be loaded" in caplog.text


def test_looking_imports_neither_torch_nor_what_fetches():
    code = (
        "import sys; from bench_core import weights; [w.path for w in weights.every()];"
        "print([m for m in ('torch', 'pooch', 'requests', 'safetensors', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("[]", "['numpy']")
