"""The training command: epochs, exact resume, the plateau rule, and what a run leaves (properties 8, 12 and 13)."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from bench_autoencoder.config import TrainingConfig, load_preset
from bench_autoencoder.epochs import Epochs
from bench_autoencoder.network import Autoencoder
from bench_autoencoder.objective import Objective
from bench_autoencoder.train import main, make_optimizer
from bench_autoencoder.validation import Validation
from bench_autoencoder.weights import load_weights
from bench_core.photos import Pixels

SMALL = ("filters=4", "latent=6", "batch=4", "epochs=3", "lr=5e-3")


def options(*settings: str) -> list[str]:
    return [part for setting in (*SMALL, *settings) for part in ("--set", setting)]


def run(folder: str, out: Path, *arguments: str, settings: tuple[str, ...] = (), preset: str = "paper") -> str:
    command = ["--preset", preset, "--data", folder, "--out", str(out), "--device", "cpu", "--log-every", "1"]
    result = CliRunner().invoke(main, [*command, *options(*settings), *arguments])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def test_an_epoch_is_a_validation_and_the_log_has_kerass_figures(folder: str, tmp_path: Path) -> None:
    output = run(folder, tmp_path)
    assert "15 steps, from step 0" in output  # 19 pictures of 21: five steps an epoch
    log, epochs = rows(tmp_path / "log.csv"), rows(tmp_path / "validation.csv")
    assert [row["step"] for row in epochs] == ["5", "10", "15"]
    assert list(epochs[0]) == [
        "step", "loss", "accuracy", "val_loss", "val_accuracy", "val_mse_luma", "score", "lr"
    ]  # fmt: skip
    for index, row in enumerate(epochs):
        assert row["score"] == row["val_loss"]
        sizes = np.array([4, 4, 4, 4, 3])
        for name in ("loss", "accuracy"):  # the mean over pictures, as Keras has it: the last batch is smaller
            steps = [float(step[name]) for step in log[5 * index : 5 * index + 5]]
            assert float(row[name]) == pytest.approx(float((steps * sizes).sum() / sizes.sum()), rel=1e-4)
    made = load_weights(tmp_path / "last.safetensors").training
    wanted = {"method": "autoencoder", "preset": "paper", "photos": 19, "validation_photos": 2, "validate_every": 5}
    assert wanted.items() <= made.items()
    assert {path.name for path in (tmp_path / "samples").iterdir()} == {
        f"0000{step}-{name}.png"
        for step in ("05", "10", "15")
        for name in ("color", "gray", "colorized", "colorized-luma")
    }
    losses = [float(row["val_loss"]) for row in epochs]
    best = load_weights(tmp_path / "best.safetensors").training
    assert best["done_steps"] == 5 * (1 + int(np.argmin(losses)))


@pytest.mark.parametrize("step", [3, 5, 11])
def test_a_run_in_two_pieces_ends_like_a_whole_one(folder: str, tmp_path: Path, step: int) -> None:
    settings = ("dropout=0.2", "batch_norm=on", "lr_patience=1", "lr_min_delta=1", "loss=bce")
    arguments = ("--save-seconds", "0")
    run(folder, tmp_path / "whole", *arguments, settings=settings)
    original = Epochs.__call__

    def fail(self: Epochs, now: int, process: int) -> dict[str, torch.Tensor]:
        if now == step:
            raise ZeroDivisionError("killed")
        return original(self, now, process)

    cut = tmp_path / "cut"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Epochs, "__call__", fail)
        with pytest.raises(AssertionError, match="killed"):
            run(folder, cut, *arguments, settings=settings)
    run(folder, cut, *arguments, settings=settings)
    for name in ("last.safetensors", "best.safetensors"):
        whole, again = (load_weights(place / name).network.state_dict() for place in (tmp_path / "whole", cut))
        assert all(torch.equal(whole[key], again[key]) for key in whole)
    for name in ("log.csv", "validation.csv"):
        assert rows(tmp_path / "whole" / name) == rows(cut / name)
    # A fall by less than min_delta is no improvement for the rate: it falls after the second epoch.
    rates = [float(row["lr"]) for row in rows(cut / "validation.csv")]
    assert rates == pytest.approx([5e-3, 5e-3, 5e-3 * 0.1**0.5], rel=1e-5)


def test_the_best_weights_need_no_least_improvement(folder: str, tmp_path: Path) -> None:
    run(folder, tmp_path, settings=("lr=1e-5", "lr_patience=1", "lr_factor=0.5"))
    losses = [float(row["val_loss"]) for row in rows(tmp_path / "validation.csv")]
    assert losses[0] > losses[1] > losses[2] > losses[0] - 2e-4  # falling, by less than 1e-4 each time
    assert load_weights(tmp_path / "best.safetensors").training["done_steps"] == 15
    assert [float(row["lr"]) for row in rows(tmp_path / "validation.csv")] == [1e-5, 1e-5, 5e-6]


def test_the_same_seed_gives_the_same_first_epoch(folder: str, tmp_path: Path) -> None:
    first, same, other = (tmp_path / name for name in ("first", "same", "other"))
    for out, seed in ((first, "4"), (same, "4"), (other, "5")):
        run(folder, out, "--seed", seed, settings=("epochs=1",))
    assert rows(first / "validation.csv") == rows(same / "validation.csv")
    assert rows(first / "validation.csv")[0]["loss"] != rows(other / "validation.csv")[0]["loss"]


def test_an_epoch_draws_every_picture_once_and_each_in_another_order(pictures: Pixels) -> None:
    epochs = Epochs(pictures, 6, "luma", seed=1)
    assert epochs.steps == 7
    drawn = [np.concatenate([epochs.chosen(7 * epoch + step, 0) for step in range(7)]) for epoch in range(3)]
    assert all(sorted(order) == list(range(40)) for order in drawn)
    assert len({tuple(order) for order in drawn}) == 3
    assert [len(epochs.chosen(step, 0)) for step in range(8)] == [6] * 6 + [4, 6]
    again = Epochs(pictures, 6, "luma", seed=1)
    assert np.array_equal(again.chosen(16, 0), epochs.chosen(16, 0))  # of the step alone, not of those before
    assert not np.array_equal(Epochs(pictures, 6, "luma", seed=2).chosen(16, 0), epochs.chosen(16, 0))


def test_processes_share_an_epoch(pictures: Pixels) -> None:
    epochs = Epochs(pictures[:25], 4, "luma", seed=0, processes=3)
    assert epochs.steps == 3
    parts = [[epochs.chosen(step, process) for process in range(3)] for step in range(3)]
    assert [[len(part) for part in step] for step in parts] == [[4, 4, 4], [4, 4, 4], [1, 1, 1]]
    assert {int(i) for step in parts for part in step for i in part} == set(range(25))


@pytest.mark.parametrize("gray", ["luma", "bgr_bug"])
def test_batches_are_pictures_with_their_gray_versions(pictures: Pixels, gray: str) -> None:
    batch = Epochs(pictures, 6, gray, seed=0)(3, 0)
    assert (batch["color"].shape, batch["gray"].shape) == ((6, 3, 32, 32), (6, 1, 32, 32))
    weights = (0.299, 0.587, 0.114) if gray == "luma" else (0.114, 0.587, 0.299)
    luma = torch.einsum("c,nchw->nhw", torch.tensor(weights), batch["color"])
    assert float((luma - batch["gray"][:, 0]).abs().max()) <= 0.5 / 255 + 1e-6
    levels = batch["gray"] * 255
    torch.testing.assert_close(levels, levels.round(), rtol=0, atol=1e-4)


def test_validation_pools_all_pixels(network: Autoencoder, pictures: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    config = load_preset("paper", ["ridge=1"])[1]
    together = Validation(pictures, config).run(network)
    monkeypatch.setattr("bench_autoencoder.validation._AT_ONCE", 7)
    assert Validation(pictures, config).run(network) == pytest.approx(together, rel=1e-6)
    color = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        found = network(Epochs(pictures, 40, "luma", 0)(0, 0)["gray"])
    assert found.shape == color.shape
    assert together["score"] == together["val_loss"] < 0.2  # without the penalty
    assert together["val_mse_luma"] < together["val_loss"]


@pytest.mark.parametrize("preset", ["paper", "small", "tiny"])
def test_every_preset_trains(folder: str, tmp_path: Path, preset: str) -> None:
    run(folder, tmp_path, preset=preset, settings=("epochs=1",))
    assert load_weights(tmp_path / "last.safetensors").training["preset"] == preset


@pytest.mark.parametrize(
    "settings",
    [
        ("optimizer=rmsprop", "loss=l1", "ridge=1e-5"),
        ("optimizer=nadam", "loss=smooth_l1", "lasso=1e-5"),
        ("optimizer=sgd", "loss=bce", "bottleneck=none"),
        ("optimizer=adam", "gray=bgr_bug", "scheduler=off", "pictures=8"),
    ],
)
def test_every_option_trains(folder: str, tmp_path: Path, settings: tuple[str, ...]) -> None:
    run(folder, tmp_path, settings=(*settings, "epochs=2", "lr=1e-3", "lr_patience=1"))
    log = rows(tmp_path / "log.csv")
    assert all(np.isfinite(float(value)) for row in log for value in row.values())
    if "pictures=8" in settings:
        assert len(log) == 2 * 2
        assert {row["lr"] for row in log} == {"0.001"}


@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_losses_are_in_full_precision_under_autocast(
    make: Callable[..., Autoencoder], pictures: Pixels, loss: str
) -> None:
    network, batch = make(), Epochs(pictures, 8, "luma", 0)(0, 0)
    objective = Objective(network, load_preset("paper", [f"loss={loss}"])[1])
    exact = objective(**batch)["loss"].detach()
    with torch.autocast("cpu", torch.bfloat16):
        rounded = objective(**batch)["loss"]
    rounded.backward()
    assert rounded.dtype == torch.float32
    assert 0 < float((rounded.detach() - exact).abs()) < 0.02 * float(exact)
    assert all(torch.isfinite(value.grad).all() for value in network.parameters())


def test_optimizers_have_kerass_constants(
    make: Callable[..., Autoencoder], config: Callable[..., TrainingConfig]
) -> None:
    found = {name: make_optimizer(config(f"optimizer={name}"), make()) for name in ("adam", "rmsprop", "nadam", "sgd")}
    assert all(found[name].defaults["eps"] == 1e-7 for name in ("adam", "rmsprop", "nadam"))
    assert found["adam"].defaults["betas"] == (0.9, 0.999)
    assert found["rmsprop"].defaults["alpha"] == 0.9
    assert type(found["sgd"]) is torch.optim.SGD
    assert {optimizer.defaults["weight_decay"] for optimizer in found.values()} == {0}


def test_a_penalty_pulls_weights_towards_zero(make: Callable[..., Autoencoder], pictures: Pixels) -> None:
    norms = []
    for settings in ([], ["ridge=1"], ["lasso=1"]):
        torch.manual_seed(0)
        network, config = make(), load_preset("paper", settings)[1]
        objective, optimizer = Objective(network, config), make_optimizer(config, network)
        for step in range(5):
            objective(**Epochs(pictures, 4, "luma", 0)(step, 0))["loss"].backward()
            optimizer.step()
            optimizer.zero_grad()
        norms.append(float(sum(value.detach().abs().sum() for value in network.parameters())))
    assert norms[1] < 0.99 * norms[0]
    assert norms[2] < 0.99 * norms[0]


def test_a_short_run_learns(folder: str, tmp_path: Path) -> None:
    run(folder, tmp_path, "--val", folder, settings=("epochs=15", "filters=6", "latent=24", "batch=8"))
    losses = [float(row["val_loss"]) for row in rows(tmp_path / "validation.csv")]
    assert losses[-1] < 0.4 * losses[0]


def test_training_starts_from_given_weights_of_the_same_network(folder: str, tmp_path: Path) -> None:
    run(folder, tmp_path / "one", settings=("epochs=1",))
    given = ("--init", str(tmp_path / "one" / "last.safetensors"))
    run(folder, tmp_path / "two", *given, settings=("epochs=1", "lr=0", "lr_min=0"))
    one, two = (load_weights(tmp_path / name / "last.safetensors").network.state_dict() for name in ("one", "two"))
    assert all(torch.equal(one[key], two[key]) for key in one)
    wrong = ["--data", folder, "--out", str(tmp_path / "three"), *given, *options("latent=5")]
    result = CliRunner().invoke(main, wrong)
    assert (result.exit_code, "holds another network" in result.output) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "training needs pictures; e.g. --data cifar10:DIR,split=train or --data folder:photos"),
        (["--set", "rate=1"], "unknown hyper-parameter 'rate'"),
        (["--set", "loss=ssim"], "loss must be one of mse, smooth_l1, l1, bce"),
        (["--set", "lr=1e-8"], "lr_min must not exceed lr; not 5e-07 and 1e-08"),
        (["--data", "folder:/no/such"], "--data: folder:/no/such: there is no such folder"),
        (["--data", "{folder}", "--val", "folder:/no"], "--val: folder:/no: there is no such folder"),
        (["--data", "{folder}", "--init", "/no/such"], "no such file: /no/such"),
    ],
)
def test_a_wrong_request_is_one_clear_line(folder: str, tmp_path: Path, arguments: list[str], message: str) -> None:
    out = tmp_path / "out"
    given = [argument.replace("{folder}", folder) for argument in arguments]
    result = CliRunner().invoke(main, ["--out", str(out), "--device", "cpu", *given])
    assert result.exit_code == 2
    (line,) = [line for line in result.output.splitlines() if line]
    assert line.startswith(f"Error: {message}")
    assert not out.exists()
