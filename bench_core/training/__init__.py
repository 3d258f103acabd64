"""The training harness: recipes of updates and stages, exact resume, logs, and the options of a training command.

Names are loaded when they are first asked for, so that a model that only reads its weights imports no accelerate.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench_core.training.checkpoint import CHECKPOINT
    from bench_core.training.command import TrainingOptions, make_accelerator, run_command, training_options
    from bench_core.training.hyperparameters import Hyperparameters
    from bench_core.training.logs import LOG, SAMPLES, TENSORBOARD, VALIDATION
    from bench_core.training.recipe import Batch, Cadence, DrivenSchedule, Progressed, Recipe, Stage, Update
    from bench_core.training.schedules import PlateauLr, cosine_lr, halving_lr, polynomial_lr, staged_lr
    from bench_core.training.tensors import load_tensors, save_tensors
    from bench_core.training.trainer import BEST, LAST, Trainer

_HOMES = {
    "checkpoint": ("CHECKPOINT",),
    "command": ("TrainingOptions", "make_accelerator", "run_command", "training_options"),
    "hyperparameters": ("Hyperparameters",),
    "logs": ("LOG", "SAMPLES", "TENSORBOARD", "VALIDATION"),
    "recipe": ("Batch", "Cadence", "DrivenSchedule", "Progressed", "Recipe", "Stage", "Update"),
    "schedules": ("PlateauLr", "cosine_lr", "halving_lr", "polynomial_lr", "staged_lr"),
    "tensors": ("load_tensors", "save_tensors"),
    "trainer": ("BEST", "LAST", "Trainer"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "BEST",
    "CHECKPOINT",
    "LAST",
    "LOG",
    "SAMPLES",
    "TENSORBOARD",
    "VALIDATION",
    "Batch",
    "Cadence",
    "DrivenSchedule",
    "Hyperparameters",
    "PlateauLr",
    "Progressed",
    "Recipe",
    "Stage",
    "Trainer",
    "TrainingOptions",
    "Update",
    "cosine_lr",
    "halving_lr",
    "load_tensors",
    "make_accelerator",
    "polynomial_lr",
    "run_command",
    "save_tensors",
    "staged_lr",
    "training_options",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
