"""How long the two stages last, and their learning rates (TCSVT 2020, Section IV-A)."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from bench_core.training import staged_lr
from bench_scgan.config import TrainingConfig


@dataclass(frozen=True)
class Plan:
    """Steps of the stages, and after how many of the second the rates are halved."""

    stage1: int
    stage2: int
    halving: int


def plan(config: TrainingConfig, photos: int, processes: int = 1) -> Plan:
    """The stages in steps. An epoch has each photo about once: its steps are ⌈photos / (batch·processes)⌉."""
    unit = math.ceil(photos / (config.batch * processes)) if config.unit == "epochs" else 1
    return Plan(config.stage1 * unit, config.stage2 * unit, config.halve_every * unit)


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
