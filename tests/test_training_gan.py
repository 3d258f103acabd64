"""Recipes of several updates: exact resume from any step, stages that begin once, and updates that keep apart."""

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import gan_testbed
import numpy as np
import pytest
import torch
from gan_testbed import STEPS, Gan
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from bench_core.errors import RequestError
from bench_core.training import (
    CHECKPOINT,
    LAST,
    LOG,
    SAMPLES,
    TENSORBOARD,
    VALIDATION,
    Cadence,
    Recipe,
    Stage,
    load_tensors,
    save_tensors,
)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]


def die_at(step: int) -> Callable[[int], None]:
    def die(now: int) -> None:
        if now == step:
            raise KeyError("killed")

    return die


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in one piece."""
    out = tmp_path_factory.mktemp("whole")
    gan = Gan()
    gan.trainer(out).run()
    assert gan.entered == ["both", "late"]
    return out


@pytest.mark.parametrize("step", range(STEPS))
def test_a_run_killed_at_any_step_resumes_exactly(whole: Path, tmp_path: Path, step: int) -> None:
    with pytest.raises(KeyError):
        Gan(die_at(step)).trainer(tmp_path).run()
    gan = Gan()
    trainer = gan.trainer(tmp_path)
    assert trainer.progressed.step == step
    trainer.run()
    # A stage that had begun before the kill does not begin again; one whose first step was lost does.
    assert gan.entered == [name for name, start in (("both", 3), ("late", 7)) if step <= start]
    assert same(load_tensors(whole / CHECKPOINT)[0], load_tensors(tmp_path / CHECKPOINT)[0])
    for name in (LOG, VALIDATION):
        assert rows(tmp_path / name) == rows(whole / name)


def test_a_stage_whose_steps_a_kill_lost_begins_again(whole: Path, tmp_path: Path) -> None:
    first = Gan(lambda step: os.kill(os.getpid(), signal.SIGTERM) if step == 1 else None)
    assert first.trainer(tmp_path).run().step == 2
    second = Gan(die_at(8))
    with pytest.raises(KeyError):
        second.trainer(tmp_path, cadence=Cadence(1, 4, 1e9)).run()
    third = Gan()
    third.trainer(tmp_path).run()
    assert second.entered == third.entered == ["both", "late"]
    assert same(load_tensors(whole / LAST)[0], load_tensors(tmp_path / LAST)[0])
    assert rows(tmp_path / LOG) == rows(whole / LOG)


def test_tensorboard_reads_no_step_twice(tmp_path: Path) -> None:
    stopped = Gan(lambda step: os.kill(os.getpid(), signal.SIGTERM) if step == 1 else None)
    stopped.trainer(tmp_path).run()
    with pytest.raises(KeyError):  # one logged step is lost: readers cannot tell by its number that it comes again
        Gan(die_at(3)).trainer(tmp_path, cadence=Cadence(1, 4, 1e9)).run()
    Gan().trainer(tmp_path).run()
    board = EventAccumulator(str(tmp_path / TENSORBOARD))
    board.Reload()
    for column in ("generator_loss", "generator_lr", "skipped"):
        assert [event.step for event in board.Scalars(f"train/{column}")] == list(range(1, STEPS + 1))
    assert [event.step for event in board.Scalars("train/discriminator_loss")] == list(range(4, STEPS + 1))
    assert [event.step for event in board.Images("gray")] == [4, 8, 9]


def test_a_gradient_is_cut_to_its_updates_own_norm(tmp_path: Path) -> None:
    """With plain descent the step that a parameter takes is its gradient, cut or not."""

    def largest_move(clip: float | None) -> float:
        gan = Gan(plain=True)
        weights = gan.generator[0].weight
        before = weights.detach().clone()
        optimizer = torch.optim.SGD(gan.generator.parameters(), lr=1.0)
        update = replace(gan.recipe.updates[0], optimizer=optimizer, lr=lambda step: 1.0, clip_norm=clip)
        gan.recipe = replace(gan.recipe, updates=[update], stages=[replace(gan.recipe.stages[0], steps=1, updates=())])
        gan.trainer(tmp_path / str(clip)).run()
        return float((weights.detach() - before).norm())

    free = largest_move(None)
    assert largest_move(1e9) == free
    assert largest_move(free / 100) < free / 50


def test_every_update_has_columns_of_its_own(whole: Path) -> None:
    log = rows(whole / LOG)
    assert list(log[0])[:5] == ["step", "generator_loss", "generator_pixels", "generator_grad_norm", "generator_lr"]
    assert {"discriminator_loss", "generator_adversarial", "discriminator_skipped", "skipped"} <= {*log[0]}
    # The discriminator's columns came with its stage, and are empty before.
    assert [row["discriminator_loss"] != "" for row in log] == [False] * 3 + [True] * (STEPS - 3)
    assert [float(row["generator_lr"]) for row in log] == pytest.approx([0.05 / (n + 1) for n in range(STEPS)], 1e-5)


def test_a_checkpoint_holds_each_shared_network_once(whole: Path) -> None:
    names = [name for name in load_tensors(whole / CHECKPOINT)[0] if name.startswith("model.")]
    assert len(names) == len(load_tensors(whole / LAST)[0])
    assert not any(name.startswith("model.discriminator.") for name in names)


def test_a_stage_that_is_fresh_forgets_the_optimizers_averages(tmp_path: Path) -> None:
    gan = Gan(lambda step: os.kill(os.getpid(), signal.SIGTERM) if step == 3 else None)
    gan.trainer(tmp_path).run()
    counts = {name: int(v) for name, v in load_tensors(tmp_path / CHECKPOINT)[0].items() if name.endswith("0.step")}
    assert counts == {"optimizer.generator.0.step": 1, "optimizer.discriminator.0.step": 1}


def test_an_update_skips_its_own_gradients_alone(tmp_path: Path) -> None:
    seen: dict[str, list[Tensor]] = {"generator": [], "discriminator": []}

    def look(step: int) -> None:
        for name, weights in seen.items():
            weights.append(torch.cat([value.detach().ravel() for value in getattr(gan, name).parameters()]).clone())

    gan = Gan(look, poisoned=5)
    done = gan.trainer(tmp_path).run()
    look(STEPS)
    assert (done.skipped, done.skipped_by) == (1, {"discriminator": 1})
    moved = {name: [not torch.equal(a, b) for a, b in pairwise(weights)] for name, weights in seen.items()}
    assert moved["generator"] == [True] * STEPS
    assert moved["discriminator"] == [False] * 3 + [True, True, False, True, True, True]  # first comes "alone"
    assert all(torch.isfinite(value).all() for value in load_tensors(tmp_path / LAST)[0].values())
    assert rows(tmp_path / LOG)[-1]["discriminator_skipped"] == "1"
    assert rows(tmp_path / LOG)[5]["discriminator_grad_norm"] == "nan"


def test_sample_pictures_are_sheets_of_what_the_recipe_shows(whole: Path, tmp_path: Path) -> None:
    names = [f"{step:06d}-{name}.png" for step in (4, 8, 9) for name in ("colored", "gray")]
    assert sorted(path.name for path in (whole / SAMPLES).iterdir()) == names
    with Image.open(whole / SAMPLES / "000009-gray.png") as picture:
        drawn = np.asarray(picture)
    assert drawn.shape == (2 * 16 + 2, 8 * 16 + 7 * 2)  # ten pictures, eight a row, gaps of two pixels
    gray = (Gan().gray * 255).round().byte().numpy()[:, 0]
    assert (drawn[:16, :16] == gray[0]).all()
    assert (drawn[18:, 18:34] == gray[9]).all()
    assert (drawn[18:, 36:] == 255).all()
    # A resume drops what came after its checkpoint.
    with pytest.raises(KeyError):
        Gan(die_at(6)).trainer(tmp_path).run()
    Image.fromarray(drawn).save(tmp_path / SAMPLES / "000008-gray.png")
    Image.fromarray(drawn).save(tmp_path / SAMPLES / "mine.png")
    Gan(die_at(6)).trainer(tmp_path)
    with pytest.raises(KeyError):
        Gan(die_at(6)).trainer(tmp_path).run()
    assert sorted(path.name for path in (tmp_path / SAMPLES).iterdir()) == [*names[:2], "mine.png"]


def test_a_checkpoint_of_another_recipe_is_refused(whole: Path, tmp_path: Path) -> None:
    tensors, metadata = load_tensors(whole / CHECKPOINT)
    for lost in ("model.generator.generator.0.bias", "model.generator.discriminator.layers.0.weight"):
        (tmp_path / CHECKPOINT).unlink(missing_ok=True)
        save_tensors(tmp_path / CHECKPOINT, {k: v for k, v in tensors.items() if k != lost}, metadata)
        with pytest.raises(RequestError, match="does not fit this network"):
            Gan().trainer(tmp_path)


def test_a_recipe_whose_parts_do_not_fit_is_refused() -> None:
    good = Gan().recipe
    parts = {"validate": good.validate, "export": good.export, "settings": {}}
    with pytest.raises(ValueError, match="names of their own"):
        Recipe(updates=[good.updates[0], good.updates[0]], stages=good.stages, **parts)
    with pytest.raises(ValueError, match="plays"):
        Recipe(updates=good.updates, stages=[Stage("main", 1, good.stages[0].batch, ("critic",))], **parts)
    with pytest.raises(KeyError):
        good.update("critic")
    assert good.update("generator").objective is good.updates[0].objective


def launched(launcher: list[str], mode: str, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-m", *launcher, gan_testbed.__file__, mode, str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done


def test_two_processes_are_one_with_both_their_batches(tmp_path: Path) -> None:
    Gan(plain=True).trainer(tmp_path / "one").run()
    # A signal to one of the two stops both; resumed, they end as the one process that was never stopped.
    done = launched(["torch.distributed.run", "--standalone", "--nproc-per-node", "2"], "cut", tmp_path / "two")
    assert done.stdout.split("\n")[0] == "2 [False]"
    assert done.stdout.count("threads of gloo at the end: 0") == 2
    one, two = (load_tensors(tmp_path / name / LAST)[0] for name in ("one", "two"))
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-4, atol=1e-5)
    steps = [row["step"] for row in rows(tmp_path / "two" / LOG)]
    assert steps == [str(step) for step in range(1, STEPS + 1)]


def test_accelerate_launches_and_says_the_precision(tmp_path: Path) -> None:
    launcher = ["accelerate.commands.launch", "--cpu", "--num_processes", "1", "--mixed_precision", "bf16"]
    assert "1 [True]" in launched(launcher, "whole", tmp_path).stdout.splitlines()
    tensors = load_tensors(tmp_path / LAST)[0]
    assert {value.dtype for value in tensors.values()} == {torch.float32}
    assert all(torch.isfinite(value).all() for value in tensors.values())
