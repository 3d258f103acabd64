"""The training harness: exact resume, atomic checkpoints, logs, skipped steps, signals."""

import csv
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from rich.console import Console
from torch import Tensor, nn

import bench_core.training
from bench_core.errors import RequestError
from bench_core.training import (
    BEST,
    CHECKPOINT,
    LAST,
    LOG,
    VALIDATION,
    Cadence,
    DrivenSchedule,
    PlateauLr,
    Progressed,
    Recipe,
    Stage,
    Trainer,
    Update,
    cosine_lr,
    halving_lr,
    load_tensors,
    polynomial_lr,
    run_command,
    save_tensors,
    staged_lr,
)


class Line(nn.Module):
    """Learns y = 2x; `scale` of infinity makes a step that must be skipped."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor, scale: float) -> dict[str, Tensor]:
        loss = (self.weight * x - 2 * x).square().mean()
        return {"loss": loss * scale, "error": loss}


def batch(step: int, process: int, poisoned: int = -1) -> dict[str, Any]:
    rng = np.random.default_rng((step, process))
    return {"x": torch.from_numpy(rng.random(3, dtype=np.float32)), "scale": math.inf if step == poisoned else 1.0}


def make(
    out: Path,
    on_step: Callable[[int], None] = lambda step: None,
    poisoned: int = -1,
    cadence: Cadence | None = None,
    settings: Mapping[str, Any] | None = None,
    accept_changes: bool = False,
    lr: Callable[[int], float] | None = None,
) -> Trainer:
    objective = Line()

    def staged(step: int, process: int) -> Mapping[str, Any]:
        on_step(step)
        return batch(step, process, poisoned)

    def export(path: Path, progressed: Progressed) -> None:
        save_tensors(path, objective.state_dict(), {"step": str(progressed.step)})

    recipe = Recipe(
        updates=[
            Update(
                "line",
                objective,
                torch.optim.Adam(objective.parameters(), lr=1.0),
                lr or cosine_lr(0.1, 0.01, 2, 20),
            )
        ],
        stages=[Stage("main", 14, staged), Stage("late", 6, staged)],
        validate=lambda: {"score": float((objective.weight.detach() - 2).abs().mean())},
        export=export,
        settings=settings or {"steps": 20},
    )
    quiet = Console(quiet=True)
    return Trainer(recipe, out, Accelerator(cpu=True), cadence or Cadence(1, 5, 1e9), accept_changes, quiet)


def weights(folder: Path, name: str = LAST) -> Tensor:
    return load_tensors(folder / name)[0]["weight"]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def interrupt_at(step: int, number: int = signal.SIGTERM) -> Callable[[int], None]:
    return lambda now: os.kill(os.getpid(), number) if now == step else None


def test_a_run_learns_logs_and_keeps_the_best(tmp_path: Path) -> None:
    done = make(tmp_path).run()
    assert (done.step, done.skipped, done.best_step) == (20, 0, 20)
    log = rows(tmp_path / LOG)
    assert [int(row["step"]) for row in log] == list(range(1, 21))
    assert list(log[0]) == ["step", "loss", "error", "grad_norm", "lr", "skipped", "seconds"]
    assert [int(row["step"]) for row in rows(tmp_path / VALIDATION)] == [5, 10, 15, 20]
    assert torch.equal(weights(tmp_path), weights(tmp_path, BEST))
    assert float(weights(tmp_path).mean()) > 0.5
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(("step", "number"), [(0, signal.SIGTERM), (9, signal.SIGINT), (15, signal.SIGTERM)])
def test_an_interrupted_run_resumes_exactly(tmp_path: Path, step: int, number: signal.Signals) -> None:
    make(tmp_path / "whole").run()
    trainer = make(tmp_path / "cut", interrupt_at(step, number))
    assert trainer.run().step == step + 1
    assert trainer.stopped_by == number
    assert make(tmp_path / "cut").run().step == 20
    assert torch.equal(weights(tmp_path / "whole"), weights(tmp_path / "cut"))
    for name in (LOG, VALIDATION):
        whole, cut = rows(tmp_path / "whole" / name), rows(tmp_path / "cut" / name)
        assert [{k: v for k, v in row.items() if k != "seconds"} for row in whole] == [
            {k: v for k, v in row.items() if k != "seconds"} for row in cut
        ]


def test_a_killed_run_resumes_exactly_from_its_last_checkpoint(tmp_path: Path) -> None:
    def die(step: int) -> None:
        if step == 12:
            raise KeyError("killed")

    make(tmp_path / "whole").run()
    with pytest.raises(KeyError):
        make(tmp_path / "cut", die, cadence=Cadence(1, 5, 0.0)).run()
    resumed = make(tmp_path / "cut")
    assert resumed.progressed.step == 12
    resumed.run()
    assert torch.equal(weights(tmp_path / "whole"), weights(tmp_path / "cut"))
    assert len(rows(tmp_path / "cut" / LOG)) == 20


def test_a_step_that_is_not_finite_is_skipped_and_counted(tmp_path: Path) -> None:
    done = make(tmp_path, poisoned=7).run()
    assert done.skipped == 1
    assert torch.isfinite(weights(tmp_path)).all()
    assert rows(tmp_path / LOG)[-1]["skipped"] == "1"


def test_other_settings_are_refused_unless_accepted(tmp_path: Path) -> None:
    make(tmp_path, interrupt_at(3)).run()
    with pytest.raises(RequestError, match=r"steps 20 → 30.*--accept-changes"):
        make(tmp_path, settings={"steps": 30})
    trainer = make(tmp_path, settings={"steps": 30}, accept_changes=True)
    assert trainer.progressed.changes == [{"step": 4, "steps": [20, 30]}]


def test_a_setting_that_an_older_checkpoint_does_not_know_is_no_change(tmp_path: Path) -> None:
    make(tmp_path, interrupt_at(3)).run()
    known = {"steps": 20, "--data": "0123456789abcdef"}
    trainer = make(tmp_path, interrupt_at(7), settings=known)
    assert (trainer.progressed.step, trainer.progressed.changes) == (4, [])
    trainer.run()
    with pytest.raises(RequestError, match="--data 0123456789abcdef → None"):
        make(tmp_path, settings=known | {"--data": None})


def test_a_file_that_is_no_checkpoint_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).write_bytes(b"not tensors at all")
    with pytest.raises(RequestError, match="is not a safetensors file") as caught:
        make(tmp_path)
    assert len(caught.value.problems) == 1
    save_tensors(tmp_path / CHECKPOINT, {"weight": torch.zeros(3)}, {})
    with pytest.raises(RequestError, match="is not a checkpoint"):
        make(tmp_path)
    with pytest.raises(RequestError, match="no such file"):
        load_tensors(tmp_path / "missing.safetensors")


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    make(tmp_path).run()
    tensors, metadata = load_tensors(tmp_path / CHECKPOINT)
    tensors["model.weight"] = torch.zeros(5)
    save_tensors(tmp_path / CHECKPOINT, tensors, metadata)
    with pytest.raises(RequestError, match="does not fit"):
        make(tmp_path)


def test_a_checkpoint_of_another_optimizer_is_refused(tmp_path: Path) -> None:
    make(tmp_path).run()
    tensors, metadata = load_tensors(tmp_path / CHECKPOINT)
    key = next(name for name in tensors if name.startswith("optimizer.0."))
    tensors[key.replace("optimizer.0.", "optimizer.99.")] = tensors[key].clone()
    save_tensors(tmp_path / CHECKPOINT, tensors, metadata)
    with pytest.raises(RequestError, match="is of another optimizer than"):
        make(tmp_path)


def test_the_bar_is_only_for_terminals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, terminal in (("bar", True), ("plain", False)):
        trainer = make(tmp_path / name)
        trainer.console = Console(stderr=True, force_terminal=terminal, width=80)
        trainer.run()
        assert ("━" in capsys.readouterr().err) == terminal


def test_schedules() -> None:
    lr = cosine_lr(1.0, 0.1, 4, 100)
    assert [lr(step) for step in (0, 1, 3)] == [0.25, 0.5, 1.0]
    assert lr(4) == pytest.approx(1.0)
    assert lr(99) == pytest.approx(0.1)
    assert all(lr(step) >= lr(step + 1) for step in range(4, 99))
    halving = halving_lr(1.0, 100)
    assert [halving(step) for step in (0, 19, 20, 59, 99)] == [1.0, 1.0, 0.5, 0.25, 0.0625]


def test_a_plateau_lowers_the_rate_as_keras_does() -> None:
    """Reductions after validations 15, 22, 27, …: the log that the auto-encoder's report prints."""
    lr = PlateauLr(1e-3, 0.1**0.5, 5, 5e-7, 1e-4, "val_loss")
    assert isinstance(lr, DrivenSchedule)
    assert not isinstance(cosine_lr(1, 0, 0, 1), DrivenSchedule)
    # 10 is better than 9 by more than 1e-4; 12 is by less, and counts as bad; 17 is the last that improves.
    found = [*np.linspace(0.0108, 0.00757, 9), 0.00746, 0.0075, 0.00741, 0.0076, math.nan, 0.0077, 0.0076, 0.00734]
    rates, lowered = [lr(0)], []
    for number, loss in enumerate([*found, *[0.0076] * 40], start=1):
        lr.validated({"val_loss": float(loss)})
        if lr(10**number) != rates[-1]:
            rates.append(lr(0))
            lowered.append(number)
    assert lowered == [15, 22, 27, 32, 37, 42, 47]
    assert rates == pytest.approx([1e-3, 3.1623e-4, 1e-4, 3.1623e-5, 1e-5, 3.1623e-6, 1e-6, 5e-7], rel=1e-4)
    resumed = PlateauLr(1e-4, 0.1**0.5, 5, 5e-7, 1e-4, "val_loss")
    resumed.restore(json.loads(json.dumps(lr.state())))
    assert (resumed.rate, resumed.state()) == (5e-7, lr.state())
    assert PlateauLr(1e-8, 0.5, 1, 1e-7, 0).rate == 1e-8  # a rate that begins below the lowest is not raised


@pytest.mark.parametrize("step", [0, 4, 5, 9, 12, 19])
def test_a_rate_that_follows_validations_resumes_exactly(tmp_path: Path, step: int) -> None:
    def plateau() -> PlateauLr:
        return PlateauLr(0.1, 0.5, 1, 0.0, 0.2)  # three validations of four do not improve by that much

    def die(now: int) -> None:
        if now == step:
            raise KeyError("killed")

    often = Cadence(1, 2, 0.0)
    make(tmp_path / "whole", lr=plateau(), cadence=often).run()
    with pytest.raises(KeyError):
        make(tmp_path / "cut", die, lr=plateau(), cadence=often).run()
    make(tmp_path / "cut", lr=plateau(), cadence=often).run()
    assert torch.equal(weights(tmp_path / "whole"), weights(tmp_path / "cut"))
    whole, cut = ([float(row["lr"]) for row in rows(tmp_path / name / LOG)] for name in ("whole", "cut"))
    assert whole == cut
    assert len({*whole}) > 3
    # Only a validation, every second step, changes it; the figures of its step are those before it.
    assert [i for i in range(1, 20) if whole[i] != whole[i - 1]] == [
        i for i in range(2, 20, 2) if whole[i] != whole[i - 1]
    ]


def test_a_recipe_says_how_often_to_validate_where_the_user_does_not(tmp_path: Path) -> None:
    for name, cadence, expected in (("own", Cadence(1, None, 1e9), [7, 14, 20]), ("given", Cadence(1, 9), [9, 18, 20])):
        trainer = make(tmp_path / name, cadence=cadence)
        trainer.recipe = replace(trainer.recipe, validate_every=7)
        trainer.run()
        assert [int(row["step"]) for row in rows(tmp_path / name / VALIDATION)] == expected


def test_polynomial_rates_of_stages_follow_one_another() -> None:
    # JRIG: 1e-4 → 1e-6, then twice 1e-5 → 1e-7, here in stages of 200, 100 and 100 steps.
    first, second = polynomial_lr(1e-4, 1e-6, 200), polynomial_lr(1e-5, 1e-7, 100)
    assert (first(0), first(200), first(500)) == (1e-4, 1e-6, 1e-6)
    assert first(150) == pytest.approx(1e-6 + 99e-6 * 0.25**0.9)
    assert polynomial_lr(1, 0, 4, power=1)(1) == 0.75
    lr = staged_lr([(200, first), (0, lambda step: 1.0), (100, second), (100, second)])
    assert [lr(step) for step in (0, 199, 200, 299, 300, 400, 450)] == [
        first(0), first(199), second(0), second(99), second(0), 1e-7, 1e-7,
    ]  # fmt: skip
    assert staged_lr([(0, first)])(3) == first(3)


def test_a_checkpoint_of_before_there_were_several_updates_goes_on(tmp_path: Path) -> None:
    make(tmp_path / "whole").run()
    make(tmp_path / "cut", interrupt_at(8)).run()
    tensors, metadata = load_tensors(tmp_path / "cut" / CHECKPOINT)
    assert {*tensors} == {"model.weight", "optimizer.0.exp_avg", "optimizer.0.exp_avg_sq", "optimizer.0.step"}
    state = json.loads(metadata["state"])
    for name in ("entered", "skipped_by"):
        del state["progressed"][name]
    save_tensors(tmp_path / "cut" / CHECKPOINT, tensors, {"state": json.dumps(state)})
    make(tmp_path / "cut").run()
    assert torch.equal(weights(tmp_path / "whole"), weights(tmp_path / "cut"))


def test_averages_lie_in_memory_as_their_parameters_do(tmp_path: Path) -> None:
    class Layer(nn.Conv2d):
        def forward(self, x: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
            return {"loss": super().forward(x).square().mean()}

    def trainer() -> tuple[Trainer, Update]:
        layer = Layer(3, 5, 3).to(memory_format=torch.channels_last)
        update = Update("layer", layer, torch.optim.Adam(layer.parameters()), lambda step: 0.1)
        stage = Stage("main", 2, lambda step, process: {"x": torch.ones(1, 3, 8, 8)})
        parts = {"validate": lambda: {"score": 0.0}, "export": lambda path, progressed: None, "settings": {}}
        return Trainer(Recipe([update], [stage], **parts), tmp_path, Accelerator(cpu=True)), update  # type: ignore[arg-type]

    trainer()[0].run()
    _, update = trainer()
    average = update.optimizer.state[update.parameters[0]]["exp_avg"]
    assert average.abs().sum() > 0
    assert average.stride() == update.parameters[0].stride() != average.contiguous().stride()


def test_reading_weights_or_hyper_parameters_imports_no_trainer() -> None:
    code = (
        "import sys; from bench_core.training import Hyperparameters; assert 'torch' not in sys.modules\n"
        "from bench_core.training import load_tensors; print('accelerate' in sys.modules, 'rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "False False\n", done.stderr
    assert all(hasattr(bench_core.training, name) for name in bench_core.training.__all__)


def test_stages_follow_one_another(tmp_path: Path) -> None:
    recipe = make(tmp_path).recipe
    assert [recipe.stage_at(step).name for step in (0, 13, 14, 19)] == ["main", "main", "late", "late"]
    with pytest.raises(IndexError):
        recipe.stage_at(20)


def test_the_command_exits_as_a_shell_expects(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> Trainer:
        raise RequestError(["first mistake", "second mistake"])

    with pytest.raises(SystemExit) as caught:
        run_command(refuse)
    assert caught.value.code == 2
    assert capsys.readouterr().err == "Error: first mistake\nError: second mistake\n"
    with pytest.raises(SystemExit) as caught:
        run_command(lambda: make(tmp_path, interrupt_at(2)))
    assert caught.value.code == 128 + signal.SIGTERM
    run_command(lambda: make(tmp_path))
