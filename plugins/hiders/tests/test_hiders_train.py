"""Training: it learns, resumes exactly, and says clearly what is wrong. Presets hold what their sources say."""

import csv
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from skimage import data

from bench_core.cli.main import bench
from bench_hiders import train
from bench_hiders.objective import LossConfig, Objective
from bench_hiders.train import HYPERPARAMETERS, Batches
from bench_hiders.validation import Validation
from bench_hiders.weights import load_weights

COMMANDS = {"hinet": train.hinet, "isn": train.isn}
TINY = ["--set", "blocks=2", "--set", "growth=4", "--set", "crop=16", "--set", "batch=2", "--set", "warmup=2"]


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    pictures = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    for index in range(12):
        top, left = 40 + 30 * (index // 4), 100 + 60 * (index // 4)
        Image.fromarray(pictures[index % 4][top : top + 64, left : left + 64]).save(folder / f"{index}.png")
    return folder


def run(method, *arguments):
    result = CliRunner().invoke(COMMANDS[method], [*map(str, arguments), "--device", "cpu"])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("method", COMMANDS)
def test_a_run_in_two_pieces_ends_like_a_whole_one(method, photos, tmp_path, monkeypatch):
    command = ["--data", f"folder:{photos}", *TINY, "--set", "steps=6", "--save-seconds", "0", "--secrets", "2"]
    run(method, *command, "--out", tmp_path / "whole")
    original, calls = Batches.__call__, []

    def fail_at_fifth(self, step, process):
        calls.append(step)
        if len(calls) > 4:
            raise KeyboardInterrupt
        return original(self, step, process)

    monkeypatch.setattr(Batches, "__call__", fail_at_fifth)
    assert CliRunner().invoke(COMMANDS[method], [*command, "--out", str(tmp_path / "cut"), "--device", "cpu"]).exit_code
    monkeypatch.undo()
    run(method, *command, "--out", tmp_path / "cut")
    whole, cut = (load_weights(tmp_path / name / "last.safetensors", method) for name in ("whole", "cut"))
    assert cut.training["done_steps"] == 6
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, cut.network.state_dict()[name]), name
    assert (cut.network.n_secrets, cut.training["method"]) == (2, method)


def test_a_short_run_learns_to_hide_and_reveal(photos, tmp_path):
    # Far past what an untrained network can do, which reveals mid-gray (about 12 dB).
    options = ["blocks=4", "growth=8", "crop=32", "batch=4", "steps=60", "lr=4e-3", "warmup=10", "weight_revealing=1"]
    settings = [part for option in options for part in ("--set", option)]
    run("isn", "--data", f"folder:{photos}", "--out", tmp_path / "out", *settings, "--validate-every", "60")
    with (tmp_path / "out" / "validation.csv").open() as file:
        figures = list(csv.DictReader(file))[-1]
    assert float(figures["container"]) > 22
    assert float(figures["secret"]) > 20
    assert float(figures["secret_still"]) == pytest.approx(float(figures["secret"]), abs=1e-3)


def test_training_goes_on_from_weights(photos, tmp_path):
    command = ["--data", f"folder:{photos}", *TINY, "--set", "steps=2"]
    run("hinet", *command, "--out", tmp_path / "first")
    start = tmp_path / "first" / "last.safetensors"
    run("hinet", *command, "--out", tmp_path / "second", "--init", start)
    loaded = load_weights(tmp_path / "second" / "last.safetensors", "hinet")
    assert loaded.training["started_from"]["done_steps"] == 2
    result = CliRunner().invoke(train.isn, [*command, "--out", str(tmp_path / "third"), "--init", str(start)])
    assert result.exit_code == 2
    assert "holds weights of hinet, not of isn" in result.output
    assert not (tmp_path / "third").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "needs photos; e.g. --data folder:photos"),
        (["--data", "folder:/no/such"], "/no/such"),
        (["--data", "folder:{photos}", "--set", "crop=33"], "crop must be a multiple of 2"),
        (["--data", "folder:{photos}", "--set", "crop=33", "--set", "haar_levels=0"], "crop must be a multiple of 2"),
        (["--data", "folder:{photos}", "--set", "crop=20", "--set", "haar_levels=3"], "crop must be a multiple of 8"),
        (["--data", "folder:{photos}", "--set", "crop=512"], "at least 512 pixels"),
        (["--set", "blocks=0"], "blocks must be an integer >= 1"),
        (["--set", "block=3"], "unknown hyper-parameter 'block'"),
        (["--set", "temperature=3"], "temperature must be a number from 0 to 2"),
    ],
)
def test_a_wrong_request_is_one_clear_line(photos, tmp_path, arguments, message):
    given = [argument.replace("{photos}", str(photos)) for argument in arguments]
    result = CliRunner().invoke(train.hinet, ["--out", str(tmp_path / "out"), *given])
    assert result.exit_code == 2
    errors = [line for line in result.output.splitlines() if line]
    assert len(errors) == 1
    assert errors[0].startswith("Error: ")
    assert message in errors[0]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("rounded", [True, False])
def test_the_score_is_the_training_loss_of_the_validation_photos(rounded, tiny, jittered):
    losses = LossConfig(1.0, 2.0, 3.0, 4.0, 0.0, rounded)
    network = jittered(tiny, 2, scale=0.05)
    validation = Validation(
        [data.astronaut()[:64, :64], data.coffee()[:64, :64], data.rocket()[:64, :64]], network, losses, 0
    )
    with torch.no_grad():
        loss = Objective(network, losses)(validation.secret, validation.host, 0)["loss"]
    assert validation.run()["score"] == pytest.approx(float(loss), rel=1e-4)


def test_presets_hold_what_their_sources_say():
    paper = HYPERPARAMETERS["hinet"].resolve("paper")
    assert [paper[key] for key in ("blocks", "growth", "convs", "slope", "clamp")] == [16, 32, 5, 0.01, 2.0]
    assert [paper[f"weight_{key}"] for key in ("concealing", "revealing", "low_frequency", "host")] == [1, 5, 1, 0]
    assert (paper["temperature"], paper["round"], paper["crop"], paper["batch"]) == (1, False, 224, 8)
    assert paper["lr"] == pytest.approx(10**-4.5, rel=1e-3)
    isn = HYPERPARAMETERS["isn"].resolve("paper")
    assert (isn["weight_low_frequency"], isn["weight_host"], isn["temperature"], isn["round"]) == (0, 1, 0, True)
    assert [HYPERPARAMETERS[name].resolve("small")["round"] for name in ("hinet", "isn")] == [True, True]


@pytest.mark.parametrize("method", COMMANDS)
def test_the_command_shows_where_values_come_from(method, tmp_path):
    shown = CliRunner().invoke(bench, ["train", method, "--show-hyperparameters", "--preset", "paper"])
    assert shown.exit_code == 0
    assert "weight_low_frequency" in shown.output
    assert ("S: config.py" in shown.output) == (method == "hinet")


def test_the_module_trains_either(tmp_path):
    listed = CliRunner().invoke(train.main, ["--help"]).output
    assert "Train HiNet (ICCV 2021)." in listed
    assert "Train ISN (CVPR 2021)." in listed
    assert not any(Path(tmp_path).iterdir())
