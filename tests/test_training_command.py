"""What training commands share, tried on the method that docs/training.md writes: options, exits, mistakes."""

import csv
import errno
import importlib
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image
from skimage import data
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bench_core.errors import RequestError
from bench_core.photos import Crops, held_out
from bench_core.training import CHECKPOINT, LAST, LOG, TENSORBOARD, VALIDATION, load_tensors, make_accelerator

PAGE = (Path(__file__).parents[1] / "docs" / "training.md").read_text(encoding="utf-8")
SHORT = ["--set", "steps=6", "--set", "batch=2", "--log-every", "1", "--validate-every", "3", "--save-seconds", "0"]


def block(mark: str) -> str:
    (text,) = re.findall(rf"<!-- tested: {mark} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    return str(text)


@pytest.fixture(scope="module")
def tint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The training command of the document, as a plugin's module."""
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "bench_tint").mkdir()
    (folder / "bench_tint" / "__init__.py").touch()
    (folder / "bench_tint" / "hyperparameters.toml").write_text(block("hyperparameters"))
    (folder / "bench_tint" / "train.py").write_text(block("recipe"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield importlib.import_module("bench_tint.train")
    for name in ("bench_tint.train", "bench_tint"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("photos")
    for index in range(12):
        Image.fromarray(data.astronaut()[20 * index : 20 * index + 80, 100:180]).save(folder / f"{index}.png")
    return f"folder:{folder}"


def run(tint: ModuleType, *arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(tint.main, [*arguments, "--device", "cpu"])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def problems(tint: ModuleType, *arguments: str, code: int = 2) -> list[str]:
    return run(tint, *arguments, code=code).output.splitlines()


def test_the_method_in_the_docs_trains_resumes_and_shows_its_pictures(
    tint: ModuleType, photos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["--data", photos, *SHORT]
    run(tint, *command, "--out", str(tmp_path / "whole"))
    original = Crops.draw

    def die(self: Crops, count: int, rng: np.random.Generator) -> object:
        if count == 2 and next(counted) == 4:
            raise KeyError("killed")
        return original(self, count, rng)

    counted = iter(range(100))
    with monkeypatch.context() as patch:
        patch.setattr(Crops, "draw", die)
        result = CliRunner().invoke(tint.main, [*command, "--out", str(tmp_path / "cut"), "--device", "cpu"])
        assert isinstance(result.exception, KeyError)
    run(tint, *command, "--out", str(tmp_path / "cut"))
    whole, cut = (load_tensors(tmp_path / name / LAST)[0] for name in ("whole", "cut"))
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
    assert {path.name for path in (tmp_path / "whole" / "samples").iterdir()} == {
        f"{step:06d}-{name}.png" for step in (3, 6) for name in ("color", "restored")
    }
    assert_tensorboard_says_what_the_csv_says(tmp_path / "cut")


def assert_tensorboard_says_what_the_csv_says(out: Path) -> None:
    board = EventAccumulator(str(out / TENSORBOARD))
    board.Reload()
    assert len(list((out / TENSORBOARD).iterdir())) == 2  # the killed run's file and the resumed one's
    for group, name in (("train", LOG), ("validation", VALIDATION)):
        with (out / name).open(newline="") as file:
            rows = list(csv.DictReader(file))
        for column in set(rows[0]) - {"step", "seconds"}:
            events = board.Scalars(f"{group}/{column}")
            assert [event.step for event in events] == [int(row["step"]) for row in rows]  # none twice, none missing
            assert [event.value for event in events] == pytest.approx([float(row[column]) for row in rows], rel=1e-5)
    assert [event.step for event in board.Images("restored")] == [3, 6]


def test_the_gan_in_the_docs_is_the_one_that_is_tested() -> None:
    source = (Path(__file__).parent / "support" / "gan_testbed.py").read_text(encoding="utf-8")
    assert textwrap.indent(block("gan"), " " * 8) in source


def test_hyper_parameters_are_shown_and_nothing_is_trained(tint: ModuleType, tmp_path: Path) -> None:
    shown = run(tint, "--preset", "paper", "--set", "lr=1e-5", "--show-hyperparameters").output.splitlines()
    assert shown[0] == "paper: as published"
    assert [line.split()[:2] for line in shown[2:]] == [
        ["width", "64"], ["steps", "100000"], ["batch", "16"], ["lr", "1e-05"],
    ]  # fmt: skip
    assert problems(tint, "--set", "lr=fast", "--show-hyperparameters") == ["Error: lr must be a number >= 0"]


@pytest.mark.parametrize("setting", [f"batch={10**12}", f"batch={10**19}", f"width={10**12}"])
def test_memory_that_is_not_there_is_one_line(tint: ModuleType, photos: str, tmp_path: Path, setting: str) -> None:
    # numpy's, one that no address reaches, and torch's, each of which has words of its own.
    said = problems(tint, "--data", photos, "--out", str(tmp_path / "out"), "--set", setting, code=1)
    (line,) = [line for line in said if " steps, from step 0" not in line]
    assert re.fullmatch(r"Error: out of memory \(.+\); try a smaller batch or crop, e\.g\. --set batch=1", line)


def test_other_errors_keep_their_traceback(tint: ModuleType, photos: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(tint, "Crops", fail)
    result = CliRunner().invoke(tint.main, ["--data", photos, "--out", "/tmp/never", "--device", "cpu"])
    assert isinstance(result.exception, RuntimeError)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "missing option --out, the folder of the run; e.g. --out runs/first"),
        (["--out", "{out}"], "training needs photos; e.g. --data folder:photos"),
        (["--out", "{out}", "--data", "folder:/no/such"], "--data: folder:/no/such: there is no such folder"),
        (["--out", "{out}", "--data", "{photos}", "--val", "folder:/no"], "--val: folder:/no: there is no such folder"),
        (["--out", "{out}", "--data", "{photos}", "--set", "stps=3"], "unknown hyper-parameter 'stps' (did you mean"),
        (["--out", "{out}", "--data", "{photos}", "--mixed-precision", "fp16"], "--mixed-precision fp16 needs a GPU"),
    ],
)
def test_a_wrong_request_is_one_clear_line(
    tint: ModuleType, photos: str, tmp_path: Path, arguments: list[str], message: str
) -> None:
    out = tmp_path / "out"
    (line,) = problems(tint, *(text.replace("{out}", str(out)).replace("{photos}", photos) for text in arguments))
    assert line.startswith(f"Error: {message}")
    assert not out.exists()


@pytest.mark.parametrize("place", ["file/below", "/proc/below"])
def test_a_place_that_takes_no_files_is_one_line(tint: ModuleType, photos: str, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    (line,) = problems(tint, "--data", photos, "--out", str(tmp_path / place), *SHORT)
    assert re.fullmatch(r"Error: --out .+below: cannot be written \(.+\); e\.g\. --out runs/first", line)


def test_a_full_disk_ends_a_run_with_one_line(
    tint: ModuleType, photos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "last.safetensors")

    monkeypatch.setattr(tint, "save_tensors", full)
    said = problems(tint, "--data", photos, "--out", str(tmp_path / "out"), *SHORT, code=1)
    assert said[-1] == "Error: No space left on device: last.safetensors; make room and run the same command again"


def test_too_few_photos_are_named_with_what_is_needed() -> None:
    photos = [np.zeros((8, 8, 3), np.uint8)] * 5
    with pytest.raises(RequestError, match="at least 6 photos, not 5; add some, or another --data"):
        held_out(photos, seed=0, together=3)
    train, validate = held_out(photos, seed=0, together=2)
    assert (len(train), len(validate)) == (3, 2)


def test_changed_settings_are_refused_in_the_commands_words(tint: ModuleType, photos: str, tmp_path: Path) -> None:
    command = ["--data", photos, "--out", str(tmp_path), *SHORT]
    run(tint, *command)
    before = (tmp_path / CHECKPOINT).read_bytes()
    (line,) = problems(tint, *command, "--set", "batch=3", "--seed", "1")
    assert "batch 2 → 3, seed 0 → 1" in line
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_other_photos_or_initial_weights_are_changed_settings_too(
    tint: ModuleType, photos: str, tmp_path: Path
) -> None:
    init = tmp_path / "init.safetensors"
    init.write_bytes(b"the first weights")
    start, given = ["--out", str(tmp_path / "out"), *SHORT], ["--data", photos, "--init", str(init)]
    run(tint, *start, *given)
    run(tint, *start, *given)
    for changed, option in (
        (["--data", photos], "--init"),
        ([*given, "--data", photos], "--data"),
        ([*given, "--val", photos], "--val"),
    ):
        (line,) = problems(tint, *start, *changed)
        assert re.search(rf"holds a run with other settings \({option} \w+ → \w+\); choose another --out", line)
    init.rename(tmp_path / "moved.safetensors")
    run(tint, *start, "--data", photos, "--init", str(tmp_path / "moved.safetensors"))
    (line,) = problems(tint, *start, *given)
    assert re.search(r"--init .+init\.safetensors: cannot be read \(No such file or directory\); e\.g\. --init", line)
    init.write_bytes(b"others of that name")
    (line,) = problems(tint, *start, *given)
    assert re.search(r"other settings \(--init \w+ → \w+\)", line)
    run(tint, *start, *given, "--accept-changes")


def test_weights_name_no_path_of_the_machine_that_trained_them(tint: ModuleType, photos: str, tmp_path: Path) -> None:
    (tmp_path / "init.safetensors").touch()
    out = tmp_path / "out"
    run(
        tint, "--data", photos, "--val", photos, "--init", str(tmp_path / "init.safetensors"), "--out", str(out), *SHORT
    )
    said = load_tensors(out / LAST)[1]["training"]
    assert '"--init"' in said
    assert str(tmp_path.parent) not in said
    assert photos.removeprefix("folder:") not in said


@pytest.mark.parametrize("seed", ["99999999999999999999", "-1"])
def test_a_seed_out_of_range_is_refused(tint: ModuleType, photos: str, tmp_path: Path, seed: str) -> None:
    said = problems(tint, "--data", photos, "--out", str(tmp_path / "out"), "--seed", seed)
    assert said[-1] == f"Error: Invalid value for '--seed': {seed} is not in the range 0<=x<=2147483647."


def test_a_run_without_tensorboard_says_so_and_goes_on(
    tint: ModuleType, photos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    output = run(tint, "--data", photos, "--out", str(tmp_path / "out"), *SHORT).output
    assert output.splitlines()[0].startswith("no TensorBoard files: tensorboard is not installed")
    assert not (tmp_path / "out" / TENSORBOARD).exists()
    assert (tmp_path / "out" / LOG).exists()


def test_the_launchers_precision_counts_where_the_command_has_none(
    tint: ModuleType, photos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def stop(device: str, precision: str) -> None:
        seen.append(precision)
        raise RequestError("stopped")

    monkeypatch.setattr(tint, "make_accelerator", stop)
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    command = ["--data", photos, "--out", str(tmp_path / "out")]
    run(tint, *command, code=2)
    run(tint, *command, "--mixed-precision", "no", code=2)
    assert seen == ["bf16", "no"]


def test_the_accelerator_obeys_the_device() -> None:
    assert make_accelerator("cpu", "no").device.type == "cpu"
