"""The training command: it learns, resumes exactly, and says clearly what is wrong."""

import math
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from skimage import data

from bench_core.photos import Crops, held_out
from bench_riis.architecture import NetworkConfig
from bench_riis.channel import draw_levels
from bench_riis.config import HYPERPARAMETERS, TrainingConfig, load_preset, parse_qualities
from bench_riis.train import Batches, main, stages
from bench_riis.validation import LEVELS, levels_of
from bench_riis.weights import load_weights

TINY = [
    part
    for setting in (
        "flow_steps=2", "flow_growth=4", "flow_convs=2", "canp_growth=4", "canp_convs=2", "canp_steps=1",
        "cem_depth=2", "cem_channels=4", "condition_channels=4", "condition_blocks=1",
        "crop=16", "batch=2", "late_crop=32", "late_batch=1", "warmup=2",
    )
    for part in ("--set", setting)
]  # fmt: skip


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "deeper").mkdir(parents=True)
    pictures = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    for index in range(12):
        picture = pictures[index % 4]
        top, left = 40 + 30 * (index // 4), 100 + 60 * (index // 4)
        Image.fromarray(picture[top : top + 96, left : left + 96]).save(folder / "deeper" / f"{index}.png")
    (folder / "notes.txt").write_text("no photo")
    (folder / "broken.png").write_bytes(b"no photo either")
    return folder


def batches(config: TrainingConfig, n_secrets: int = 1) -> Callable[[Crops, int, str], Batches]:
    return lambda crops, count, name: Batches(crops, count, n_secrets, config, 0, name)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(main, [*arguments, "--device", "cpu"])
    assert result.exit_code == 0, result.output
    return result.output


def test_a_run_in_two_pieces_ends_like_a_whole_one(photos: Path, tmp_path: Path) -> None:
    command = ["--data", f"folder:{photos}", *TINY, "--save-seconds", "0", "--validate-every", "3"]
    run(*command, "--set", "steps=6", "--out", str(tmp_path / "whole"))

    interrupted = tmp_path / "cut"
    original, calls = Batches.__call__, []

    def fail_at_fourth(self: Batches, step: int, process: int) -> object:
        calls.append(step)
        if len(calls) > 4:
            raise KeyError("killed")
        return original(self, step, process)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Batches, "__call__", fail_at_fourth)
        result = CliRunner().invoke(main, [*command, "--set", "steps=6", "--out", str(interrupted), "--device", "cpu"])
    assert isinstance(result.exception, KeyError)
    run(*command, "--set", "steps=6", "--out", str(interrupted))

    for name in ("last.safetensors", "best.safetensors"):
        whole, cut = (load_weights(folder / name).network.state_dict() for folder in (tmp_path / "whole", interrupted))
        assert all(torch.equal(whole[key], cut[key]) for key in whole)
    assert load_weights(interrupted / "last.safetensors").training["done_steps"] == 6


def test_two_processes_train_one_network(photos: Path, tmp_path: Path) -> None:
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = ["-m", "bench_riis.train", "--data", f"folder:{photos}", "--out", str(tmp_path / "out")]
    command = [*launch, *command, "--device", "cpu", *TINY, "--set", "steps=2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("step 2: container") == 1  # only one of them speaks and writes
    assert load_weights(tmp_path / "out" / "last.safetensors").training["done_steps"] == 2


def test_training_starts_from_given_weights_of_the_same_network(photos: Path, tmp_path: Path) -> None:
    command = ["--data", f"folder:{photos}", *TINY, "--set", "steps=1"]
    run(*command, "--out", str(tmp_path / "one"))
    given = str(tmp_path / "one" / "last.safetensors")
    run(*command, "--out", str(tmp_path / "two"), "--init", given, "--set", "lr=0", "--set", "lr_end=0")
    one, two = (load_weights(tmp_path / name / "last.safetensors").network.state_dict() for name in ("one", "two"))
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert load_weights(tmp_path / "two" / "last.safetensors").training["started_from"]["done_steps"] == 1
    wrong = ["--out", str(tmp_path / "three"), "--init", given, "--secrets", "2", "--device", "cpu"]
    result = CliRunner().invoke(main, [*command, *wrong])
    assert result.exit_code == 2
    assert "holds another network: 1 secret(s), not 2" in result.output


def test_prints_are_validated_as_they_are_trained_on() -> None:
    def added(*settings: str) -> dict[str, float]:
        levels = levels_of(load_preset("small", settings)[1])
        return {name: level.value for name, level in levels.items() if name not in LEVELS}

    assert added("print_real=0.5") == {}
    assert added("p_print=0.5") == {"print": math.inf}
    assert added("p_print=0.5", "print_real=0.5", "print_severity=1..3") == {"print": math.inf, "capture": 2}
    assert added("p_print=0.5", "print_real=1", "print_severity=4") == {"capture": 4}


def test_training_on_prints_goes_on_from_given_weights_and_resumes_exactly(photos: Path, tmp_path: Path) -> None:
    command = ["--data", f"folder:{photos}", *TINY, "--save-seconds", "0", "--validate-every", "2"]
    run(*command, "--set", "steps=1", "--out", str(tmp_path / "start"))
    printing = ["--set", "p_print=0.5", "--set", "print_strength=0.4", "--set", "print_ramp=2"]
    command += [*printing, "--init", str(tmp_path / "start" / "last.safetensors"), "--set", "steps=4"]
    output = run(*command, "--out", str(tmp_path / "whole"))
    assert "secret_print" in output
    assert "secret_print" in (tmp_path / "whole" / "validation.csv").read_text()

    stopped = tmp_path / "cut"
    original = Batches.__call__

    def fail_at_third(self: Batches, step: int, process: int) -> object:
        if step == 2:
            raise KeyError("killed")
        return original(self, step, process)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Batches, "__call__", fail_at_third)
        assert isinstance(
            CliRunner().invoke(main, [*command, "--out", str(stopped), "--device", "cpu"]).exception, KeyError
        )
    run(*command, "--out", str(stopped))
    whole, cut = (load_weights(folder / "last.safetensors") for folder in (tmp_path / "whole", stopped))
    assert all(
        torch.equal(a, b)
        for a, b in zip(whole.network.state_dict().values(), cut.network.state_dict().values(), strict=True)
    )
    assert (whole.training["p_print"], whole.training["started_from"]["done_steps"]) == (0.5, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "training needs photos; e.g. --data folder:photos"),
        (["--data", "folder:/no/such/folder"], "--data: folder:/no/such/folder: there is no such folder"),
        (["--data", "nothing-known"], "unknown dataset 'nothing-known'"),
        (["--set", "rate=1"], "unknown hyper-parameter 'rate'; known: activation, batch"),
        (["--set", "steps=none"], "steps must be an integer >= 1"),
        (["--set", "steps"], "--set takes key=value"),
        (["--set", "distr=mse"], "distr must be one of nll, ce, off"),
        (["--set", "qf=0/50"], "qf must be JPEG qualities from 1 to 100"),
        (["--set", "qf=1..99999999999"], "qf must be JPEG qualities from 1 to 100"),
        (["--set", "beta1=1"], "beta1 must be a number from 0 to 0.99999"),
        (["--set", "sigma_max=300"], "sigma_max must be a number from 0 to 255"),
        (["--set", "cem_channels=0"], "cem_channels must be an integer >= 1"),
        (["--set", "condition_channels=0"], "condition_channels must be an integer >= 1"),
        (["--set", "p_clean=0.9", "--set", "p_gauss=0.9"], "must be at most 1"),
        (["--set", "p_clean=0.9", "--set", "p_print=0.9"], "p_clean + p_gauss + p_poisson + p_print must be at most 1"),
        (["--set", "print_severity=0"], "print_severity must be severities from 1 to 5, not '0'"),
        (["--set", "print_strength=2"], "print_strength must be"),
        (["--set", "crop=33"], "crop must be a multiple of 2"),
        (["--set", "poisson_peak=0"], "poisson_peak must be a number from 1 to 1000000"),
        (["--set", "clip_norm=0"], "clip_norm must be a number >= 0.000001"),
        (["--set", "sigma_min=20"], "sigma_min must not exceed sigma_max"),
        (["--data", "folder:{photos}", "--set", "crop=512"], "at least 512 pixels"),
        (
            ["--data", "folder:{photos}", "--set", "late_fraction=0", "--init", "/no/such/weights"],
            "no such file: /no/such/weights",
        ),
    ],
)
def test_a_wrong_request_is_one_clear_line(photos: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    given = [argument.replace("{photos}", str(photos)) for argument in arguments]
    result = CliRunner().invoke(main, ["--out", str(tmp_path / "out"), *given])
    assert result.exit_code == 2
    errors = [line for line in result.output.splitlines() if line]
    assert len(errors) == 1
    assert errors[0].startswith("Error: ")
    assert message in errors[0]
    assert not (tmp_path / "out").exists()


README = (Path(__file__).parents[1] / "README.md").read_text()


@pytest.mark.parametrize("preset", HYPERPARAMETERS.presets)
def test_the_shares_that_the_readme_names_are_those_of_one_degradation(preset: str) -> None:
    told = README.split("RIIS for one kind and level")[1].split("ISN⁺")[0]
    kinds = [text.split() for text in re.findall(r"`(p_clean=[^`]*)`", told)]
    drawn = []
    for settings in kinds:
        levels = draw_levels(load_preset(preset, settings)[1], 400, np.random.default_rng(0))
        drawn.append({level.kind: [found.value for found in levels if found.kind == level.kind] for level in levels})
    clean, gauss, poisson, jpeg, blind = drawn
    assert [set(one) for one in (clean, gauss, poisson, jpeg)] == [{"clean"}, {"gauss"}, {"poisson"}, {"jpeg"}]
    assert (set(gauss["gauss"]), set(jpeg["jpeg"])) == ({10.0}, {80.0})
    assert set(blind) == {"clean", "gauss", "poisson", "jpeg"}
    assert (min(blind["gauss"]) < 2, max(blind["gauss"]) > 9) == (True, True)
    assert (min(blind["jpeg"]) < 45, max(blind["jpeg"]) > 90) == (True, True)


def test_presets_hold_the_specified_values() -> None:
    network, training = load_preset("small")
    assert (network.flow_steps, network.canp_steps, network.clamp, network.activation) == (4, 2, 1.0, "leaky")
    assert (training.lr, training.warmup, training.lr_end, training.qualities) == (1e-3, 50, 2e-5, (60, 70, 80, 90, 95))
    _, paper = load_preset("paper")
    assert (paper.weight_con, paper.weight_distr, paper.fft, paper.jpeg_grad) == (16.0, 0.5, "l2", "fourier")
    assert parse_qualities("30..40:5/90") == (30, 35, 40, 90)


def test_every_field_of_the_records_is_a_hyper_parameter() -> None:
    assert [field.name for field in fields(NetworkConfig)] == list(HYPERPARAMETERS.group("network"))
    assert [field.name for field in fields(TrainingConfig)] == list(HYPERPARAMETERS.group("training"))


def test_the_late_stage_has_larger_crops() -> None:
    _, config = load_preset("small", ["steps=10"])
    pictures = [np.zeros((150, 150, 3), np.uint8)] * 4
    main_stage, late = stages(pictures, config, batches(config, n_secrets=2))
    assert (main_stage.steps, late.steps) == (8, 2)
    assert main_stage.batch(0, 0)["secret"].shape == (8, 6, 64, 64)
    assert late.batch(8, 0)["host"].shape == (4, 3, 128, 128)


def test_batches_are_keyed_by_step_and_process() -> None:
    _, config = load_preset("small", ["crop=32"])
    pictures = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    stage = stages(pictures, config, batches(config))[0]
    assert torch.equal(stage.batch(3, 0)["host"], stage.batch(3, 0)["host"])
    assert not torch.equal(stage.batch(3, 0)["host"], stage.batch(4, 0)["host"])
    assert not torch.equal(stage.batch(3, 0)["host"], stage.batch(3, 1)["host"])


def test_validation_photos_are_not_trained_on() -> None:
    pictures = [np.full((32, 32, 3), index, np.uint8) for index in range(40)]
    train, validate = held_out(pictures, seed=0, together=2)
    assert len(validate) == 4
    assert sorted(int(photo[0, 0, 0]) for photo in train + validate) == list(range(40))


def test_a_short_run_learns_to_hide_and_reveal(photos: Path, tmp_path: Path) -> None:
    # A small part of the smoke test of the specification, but far past what an untrained network can do (12 dB).
    options = [
        "steps=80", "batch=4", "crop=32", "late_fraction=0", "flow_growth=8", "flow_steps=3",
        "canp_growth=4", "canp_steps=1",
        "cem_depth=2", "cem_channels=4", "p_clean=1", "p_gauss=0", "p_poisson=0", "lr=4e-3", "warmup=10",
        "weight_distr=0.001", "temperature=0",
    ]  # fmt: skip
    settings = [part for option in options for part in ("--set", option)]
    output = run("--data", f"folder:{photos}", "--out", str(tmp_path / "out"), *settings, "--validate-every", "80")
    figures = dict(part.split(" ") for part in " ".join(output.split("step 80: ")[1].split()).split(", "))
    assert float(figures["container"]) > 26
    assert float(figures["secret_clean"]) > 18
