"""What each step of a run does: its part, the weights of its losses, and its learning rates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench_core.training import cosine_lr, polynomial_lr, staged_lr
from bench_jrig.config import LOOSE_THRESHOLD, LOOSE_VARIATION, TIGHT_FACTOR, TIGHT_THRESHOLD, TrainingConfig

CLEAN = {"clean": 1}
MIXED = {"real": 1, "simulated": 2, "clean": 1}
"""JRIG's 2, 4 and 2 of a batch of 8."""
SIMULATED = {"simulated": 1}


@dataclass(frozen=True)
class Part:
    """Some steps of one kind: the batch's division, and whether discriminators play."""

    name: str
    start: int
    steps: int
    ratio: Mapping[str, int]
    adversarial: bool


def parts(config: TrainingConfig) -> list[Part]:
    """The parts of a run in order (JRIG, Section 3.4, and its Table I); those without steps left out.

    `both`: clean, clean with discriminators, mixed with discriminators. `stage`: the last part has simulated rows
    only. `mix`: nothing but mixed batches. Without `adv` the second part's steps are clean ones of the first.
    """
    if config.train == "mix":
        return [Part("mixed", 0, config.steps, MIXED, config.adv)]
    clean = round(config.steps * config.clean_share)
    adversarial = min(round(config.steps * config.adversarial_share), config.steps - clean)
    rest = config.steps - clean - adversarial
    if not config.adv:
        clean, adversarial = clean + adversarial, 0
    plan = (
        ("clean", clean, CLEAN, False),
        ("adversarial", adversarial, CLEAN, config.adv),
        ("mixed", rest, MIXED if config.train == "both" else SIMULATED, config.adv),
    )
    found: list[Part] = []
    for name, steps, ratio, judged in plan:
        if steps:
            found.append(Part(name, sum(part.steps for part in found), steps, ratio, judged))
    return found


@dataclass(frozen=True)
class Weights:
    """λ1 to λ8 in the paper's order, the weight of the gray mse, and τ in gray levels, at one step."""

    restored: float
    structure: float
    basic: float
    contrast: float
    variation: float
    quantization: float
    adv_gray: float
    adv_color: float
    gray: float
    threshold: float


def weights_at(config: TrainingConfig, step: int, adversarial: bool = True) -> Weights:
    """The weights of a step (from 0).

    With `loose` and `ramp`, gray losses start loose and grow: a pair held to its target from the start settles for
    guessing colors and hides nothing. After `finish`, λ5 and λ6 are the pair of Xia et al.
    """
    done = step / config.steps
    grown = 1.0
    if done < config.loose + config.ramp:
        grown = max(0.0, (done - config.loose) / config.ramp) if config.ramp else 0.0
    finishing = done >= config.finish
    tight = config.target in ("edge", "halftone")
    shaped = config.target != "none"
    goal = min(config.threshold, TIGHT_THRESHOLD) if tight else config.threshold
    variation = config.finish_variation if finishing else config.weight_variation
    quantization = config.finish_quantization if finishing else config.weight_quantization
    return Weights(
        restored=config.weight_restored,
        structure=config.weight_structure,
        basic=config.weight_basic * (TIGHT_FACTOR if tight else 1.0) * shaped,
        contrast=config.weight_contrast * shaped,
        variation=variation * (LOOSE_VARIATION + (1 - LOOSE_VARIATION) * grown) * shaped,
        quantization=quantization * grown,
        # A discriminator of gray pictures would bring the target's statistics back.
        adv_gray=config.weight_adv_gray * adversarial * shaped,
        adv_color=config.weight_adv_color * adversarial,
        gray=config.weight_gray * grown * shaped,
        threshold=goal + (max(LOOSE_THRESHOLD, goal) - goal) * (1 - grown),
    )


def generator_lr(config: TrainingConfig) -> Callable[[int], float]:
    """The learning rate of H and R, by step of the run."""
    if config.schedule == "cosine":
        return cosine_lr(config.lr, config.lr_end, config.warmup, config.steps)
    plan = parts(config)
    edges = [(config.lr, config.lr_end)] + [(config.lr_later, config.lr_later_end)] * (len(plan) - 1)
    return staged_lr(
        [
            (part.steps, polynomial_lr(start, end, part.steps, config.power))
            for (start, end), part in zip(edges, plan, strict=True)
        ]
    )


def discriminator_lr(config: TrainingConfig) -> Callable[[int], float]:
    """The learning rate of the discriminators, by step of the run; 0 where they do not play."""

    def rate(steps: int) -> Callable[[int], float]:
        if config.schedule == "cosine":
            return cosine_lr(config.d_lr, config.d_lr_end, 0, steps)
        return polynomial_lr(config.d_lr, config.d_lr_end, steps, config.power)

    plan = parts(config)
    before = sum(part.steps for part in plan if not part.adversarial)
    playing = [part.steps for part in plan if part.adversarial]
    # A cosine over all the steps that they play, or a polynomial for each part.
    spans = [sum(playing)] if config.schedule == "cosine" else playing
    return staged_lr([(before, lambda step: 0.0), *((steps, rate(steps)) for steps in spans if steps)])
