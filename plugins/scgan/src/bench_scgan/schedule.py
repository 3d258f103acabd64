"""How long the two stages last, and their learning rates (TCSVT 2020, Section IV-A)."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from bench_core.training import staged_lr
from bench_core.training.recipe import VALIDATE_EVERY
from bench_scgan.config import TrainingConfig


@dataclass(frozen=True)
class Unit:
    """How many steps one of `steps` or `epochs` is, and after how many a run validates where the user does not say."""

    steps: int
    validate_every: int


def unit(name: str, photos: int, batch: int, processes: int = 1) -> Unit:
    """The unit of a name. An epoch has each photo about once: its steps are ⌈photos / (batch·processes)⌉."""
    epoch = math.ceil(photos / (batch * processes))
    return Unit(epoch, epoch) if name == "epochs" else Unit(1, VALIDATE_EVERY)


@dataclass(frozen=True)
class Plan:
    """Steps of the stages, after how many of the second the rates are halved, and how many lie between validations."""

    stage1: int
    stage2: int
    halving: int
    validate_every: int


def plan(config: TrainingConfig, photos: int, processes: int = 1) -> Plan:
    """The stages in steps."""
    one = unit(config.unit, photos, config.batch, processes)
    return Plan(
        config.stage1 * one.steps, config.stage2 * one.steps, config.halve_every * one.steps, one.validate_every
    )


def learning_rate(config: TrainingConfig, steps: Plan) -> Callable[[int], float]:
    """`lr1` in stage 1; in stage 2 `lr2`, halved every `halve_every` units, for generator and discriminators alike.

    The public code halves in the middle of the 10th epoch, by an epoch number one too high; here it is after it.
    """
    return staged_lr(
        [
            (steps.stage1, lambda step: config.lr1),
            (steps.stage2, lambda step: config.lr2 * 0.5 ** (step // steps.halving)),
        ]
    )
