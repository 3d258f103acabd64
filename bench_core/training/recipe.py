"""What a training run is made of: updates, stages, and how often to log, validate and save."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

Batch = Mapping[str, Any]
Schedule = Callable[[int], float]

VALIDATE_EVERY = 500
"""Steps between validations where neither the recipe nor the user says."""


@runtime_checkable
class DrivenSchedule(Protocol):
    """A learning rate by step that follows what validations find, as `PlateauLr` does.

    It acts only as an update's `lr` itself, not inside of another schedule. The trainer hands it every validation's
    figures, keeps its state in checkpoints, and gives every process the state that the validating one has.
    """

    def __call__(self, step: int) -> float:
        """The rate of a step after the last validation it was told of."""

    def validated(self, figures: Mapping[str, float]) -> None:
        """A validation found these figures."""

    def state(self) -> dict[str, Any]:
        """Where it stands, as JSON can hold it; nothing that `settings` have."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` gave."""


@dataclass
class Progressed:
    """How far a run has come; what a checkpoint holds besides tensors.

    `entered` counts the stages that have begun, and `skipped` the updates left out because a gradient was not finite
    (`skipped_by` has them by update). `schedules` has the state of each driven schedule, by update.
    """

    step: int = 0
    skipped: int = 0
    seconds: float = 0.0
    best_score: float = math.inf
    best_step: int = -1
    changes: list[dict[str, Any]] = field(default_factory=list)
    entered: int = 0
    skipped_by: dict[str, int] = field(default_factory=dict)
    schedules: dict[str, dict[str, Any]] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """What a weights file says of its making, besides the settings."""
        return {
            "done_steps": self.step,
            "seconds": round(self.seconds),
            "skipped_steps": self.skipped,
            "changes": self.changes,
        }


@dataclass(frozen=True)
class Update:
    """One optimizer's part of a step; a GAN has two: generator and discriminator.

    `objective(**batch, **handed)` returns named scalars, of which `loss` is minimized and all are logged, under
    `name` where a recipe has several updates. While an update runs, only the parameters of its optimizer require
    gradients, whatever else its objective holds. `lr` is the learning rate by step of the whole run, which a
    `DrivenSchedule` lets depend on validations too. `hands_on` names returned tensors that are no figures: the later
    updates of the same step get them, detached, as keyword arguments. `unused` says that some steps leave some of the
    parameters without a gradient, which several processes have to know.
    """

    name: str
    objective: nn.Module
    optimizer: torch.optim.Optimizer
    lr: Schedule
    clip_norm: float | None = 1.0
    hands_on: tuple[str, ...] = ()
    unused: bool = False

    @property
    def parameters(self) -> list[nn.Parameter]:
        """What the optimizer changes."""
        return [parameter for group in self.optimizer.param_groups for parameter in group["params"]]


@dataclass(frozen=True)
class Stage:
    """Some steps on one kind of batch.

    `batch(step, process)` must depend on nothing else, and gives the objectives' keyword arguments; tensors are
    moved to the device. `updates` are the names of those that play, in order; () is all of them. When the stage
    begins, `fresh` lets their optimizers start anew, and then `enter` is called; neither happens on a resume inside
    the stage, nor for a stage of 0 steps.
    """

    name: str
    steps: int
    batch: Callable[[int, int], Batch]
    updates: tuple[str, ...] = ()
    fresh: bool = False
    enter: Callable[[], None] | None = None


@dataclass(frozen=True)
class Recipe:
    """Everything a run is made of.

    `validate()` returns figures, among them `score`, the lower the better. `export(path, progressed)` writes
    finished weights. `settings` are what must not change between a checkpoint and its resume; `seed` among them keys
    torch's global generator, for each step and process. `pictures()` returns pictures N×C×H×W in [0, 1] by name, to
    look at after each validation. `validate_every` is the steps between validations where the user does not say: those
    of an epoch, for a method that has some. ValueError for updates or stages that do not fit together.
    """

    updates: Sequence[Update]
    stages: Sequence[Stage]
    validate: Callable[[], Mapping[str, float]]
    export: Callable[[Path, Progressed], None]
    settings: Mapping[str, Any]
    pictures: Callable[[], Mapping[str, Tensor]] | None = None
    validate_every: int = VALIDATE_EVERY

    def __post_init__(self) -> None:
        names = [update.name for update in self.updates]
        if not names or len({*names}) < len(names) or any("." in name for name in names):
            raise ValueError(f"a recipe needs updates with names of their own, without a '.', not {names}")
        for stage in self.stages:
            if not {*stage.updates} <= {*names}:
                raise ValueError(f"stage '{stage.name}' plays {stage.updates}; the recipe has {names}")

    @property
    def steps(self) -> int:
        """Of all stages together."""
        return sum(stage.steps for stage in self.stages)

    def index_at(self, step: int) -> int:
        """Which stage, from 0, `step` (from 0) belongs to; IndexError after the last."""
        for index, stage in enumerate(self.stages):
            if step < stage.steps:
                return index
            step -= stage.steps
        raise IndexError("the run has fewer steps")

    def stage_at(self, step: int) -> Stage:
        """The stage that `step` (from 0) belongs to; IndexError after the last."""
        return self.stages[self.index_at(step)]

    def update(self, name: str) -> Update:
        """The update of a name; KeyError for another."""
        return {update.name: update for update in self.updates}[name]

    def playing(self, stage: Stage) -> list[Update]:
        """The updates of a stage, in order."""
        return [self.update(name) for name in stage.updates] or list(self.updates)

    def prefix(self, update: Update, separator: str) -> str:
        """What tells an update's figures and tensors from another's: nothing where there is only one."""
        return f"{update.name}{separator}" if len(self.updates) > 1 else ""


@dataclass(frozen=True)
class Cadence:
    """How often to log and validate (in steps; None: as often as the recipe says), and to save (in seconds)."""

    log: int = 10
    validate: int | None = None
    save_seconds: float = 240.0
