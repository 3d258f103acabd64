"""The channel inside training: which degradation each sample meets, and what arrives, with a gradient for the sender.

Degradations are the harness's own, straight through; JPEG and the print can be simulated on tensors instead.
Pictures are N×3×H×W in [0, 1].
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import torch
from torch import Tensor

from bench_core.degradation import Channel
from bench_core.errors import RequestError
from bench_core.model import Stage
from bench_core.plugins import registry
from bench_core.randomness import keyed_generator
from bench_core.surrogates.codec import through_channel
from bench_core.surrogates.jpeg import simulate_jpeg
from bench_core.surrogates.mixing import Route, by_shares, route
from bench_core.surrogates.printing import PrintLimits, print_layer
from bench_core.surrogates.rounding import round8, rounding
from bench_riis.config import TrainingConfig
from bench_riis.modulation import condition_vector

# Kind to degradation, its main parameter, and the distribution that registers it.
_HARNESS = {
    "clean": ("identity", None, "bench-degradations"),
    "gauss": ("gaussian", "sigma", "bench-degradations"),
    "poisson": ("poisson", "peak", "bench-degradations"),
    "jpeg": ("jpeg", "q", "bench-degradations"),
    "capture": ("print-capture", "severity", "bench-capture"),
}

CORNER_RAMP = 10
"""How many times longer perspective takes to grow than the rest of a print (StegaStamp: 10,000 steps and 1,000)."""


@dataclass(frozen=True)
class Level:
    """One sample's degradation.

    `value` is a Gaussian's σ on 0..255, Poisson's photons at white, JPEG's quality, the severity of a `capture` (the
    harness's `print-capture`), or the step of training at which a simulated `print` happens; nothing for `clean`.
    """

    kind: str
    value: float = 0.0


def draw_levels(config: TrainingConfig, count: int, rng: np.random.Generator, step: float = math.inf) -> list[Level]:
    """A degradation for each sample of a batch, by the shares and ranges of the configuration; `step` is for ramps."""
    shares = {
        "clean": config.p_clean,
        "gauss": config.p_gauss,
        "poisson": config.p_poisson,
        "print": config.p_print * (1 - config.print_real),
        "capture": config.p_print * config.print_real,
    }
    # The configuration's check leaves room for rounding.
    shares["jpeg"] = max(0.0, 1 - sum(shares.values()))
    draws: dict[str, Callable[[], float]] = {
        "clean": lambda: 0.0,
        "gauss": lambda: rng.uniform(config.sigma_min, config.sigma_max),
        "poisson": lambda: config.poisson_peak,
        "print": lambda: step,
        "capture": lambda: rng.choice(config.severities),
        "jpeg": lambda: rng.choice(config.qualities),
    }
    return [Level(kind, float(draws[kind]())) for kind in by_shares(count, shares, rng)]


def as_stages(level: Level) -> tuple[Stage, ...]:
    """What a receiver that is told the degradation is told of a level; nothing where the harness has no such one."""
    if level.kind not in _HARNESS:
        return ()
    name, parameter, _ = _HARNESS[level.kind]
    return (Stage(name, {} if parameter is None else {parameter: level.value}),)


def condition_vectors(levels: Sequence[Level]) -> Tensor:
    """The vector d of each level, N×3 float32."""
    return torch.tensor([condition_vector(as_stages(level)) for level in levels], dtype=torch.float32)


@lru_cache(maxsize=256)
def harness_channel(level: Level) -> Channel:
    """The harness's channel of a level; RequestError where the plugin that has it is not installed."""
    name, parameter, distribution = _HARNESS[level.kind]
    if registry().degradations.find(name) is None:
        raise RequestError(
            f"training needs the degradation '{name}', which no plugin registers; install {distribution}"
            + (", or leave print_real at 0: the simulated print needs nothing" if level.kind == "capture" else "")
        )
    kind = registry().degradations.load(name)
    whole = level.kind in ("jpeg", "capture")
    values = {} if parameter is None else {parameter: int(level.value) if whole else level.value}
    return Channel((kind(**values),))


def check_channel(config: TrainingConfig) -> None:
    """Make what training and validation will send through, before a run begins; RequestError where one is missing."""
    for level in (Level("clean"), Level("gauss", 1), Level("poisson", config.poisson_peak), Level("jpeg", 90)):
        harness_channel(level)
    if config.p_print and config.print_real:
        for severity in config.severities:
            harness_channel(Level("capture", severity))


def print_limits(config: TrainingConfig, step: float) -> PrintLimits:
    """The limits of the simulated print at a step: StegaStamp's, `print_strength` of them, on their ramp."""
    whole = PrintLimits().scaled(config.print_strength)
    return whole.at(step, config.print_ramp, CORNER_RAMP * config.print_ramp)


def transmit(container: Tensor, levels: Sequence[Level], seed: int, config: TrainingConfig) -> Tensor:
    """What the receiver gets of each container, and a gradient for the sender.

    Noise and captures are the harness's, with gradient 1 (captures with none, if `print_grad` says so), and so is JPEG
    with `jpeg_grad=ste_real`; otherwise JPEG is simulated with the rounding that `jpeg_grad` names, and its result is
    not rounded again. Each sample's draws are keyed by (seed, its place), so that they depend on nothing else.

    Raises:
        ValueError: for a kind of degradation that there is not.
    """
    unknown = {level.kind for level in levels} - {*_HARNESS, "print"}
    if unknown:
        raise ValueError(f"unknown degradation {', '.join(sorted(unknown))}")
    own = {"clean", "print"}  # not straight through
    own |= {"jpeg"} if config.jpeg_grad != "ste_real" else set()
    own |= {"capture"} if config.print_grad == "none" else set()

    def rngs(places: list[int], purpose: str) -> list[np.random.Generator]:
        return [keyed_generator(seed, str(place), 0, purpose, 0) for place in places]

    def real(images: Tensor, places: list[int], gradient: str = "identity") -> Tensor:
        channels = [harness_channel(levels[place]) for place in places]
        return through_channel(images, channels, seed, names=[str(place) for place in places], gradient=gradient)

    def jpeg(images: Tensor, places: list[int]) -> Tensor:
        quantizer = rounding(config.jpeg_grad, config.jpeg_terms, rngs(places, "jpeg"))
        return simulate_jpeg(images, [int(levels[place].value) for place in places], rounding=quantizer)

    def printed(images: Tensor, places: list[int]) -> Tensor:
        limits = print_limits(config, levels[places[0]].value)
        return round8(print_layer(images, rngs(places, "print"), limits))

    kinds = [level.kind if level.kind in own else "real" for level in levels]
    routes: dict[str, Route] = {"real": real, "jpeg": jpeg, "print": printed, "capture": partial(real, gradient="none")}
    return route(round8(container), kinds, routes)
