"""The way from H to R in training: real JPEG, a simulated one, or none, picture by picture.

The networks speak [−1, 1], codecs and their stand-ins [0, 1].
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from torch import Tensor

from bench_core.degradation import Channel
from bench_core.errors import RequestError
from bench_core.plugins import registry
from bench_core.surrogates.codec import through_channel
from bench_core.surrogates.dct_mask import dct_mask, draw_keep
from bench_core.surrogates.jpeg import simulate_jpeg
from bench_core.surrogates.mixing import Route, by_ratio, route
from bench_core.surrogates.rounding import round8, ste
from bench_jrig.config import TrainingConfig
from bench_jrig.targets import to_signed, to_unit


@dataclass(frozen=True)
class Trip:
    """Each picture's way (`real`, `simulated` or `clean`), the k and the quality that it uses if it needs one."""

    kinds: tuple[str, ...]
    keeps: tuple[int, ...]
    qualities: tuple[int, ...]
    seed: int


def draw_trip(config: TrainingConfig, count: int, ratio: Mapping[str, int], rng: np.random.Generator) -> Trip:
    """A trip for a batch: rows in blocks of `ratio`, k and quality drawn for each picture.

    Raises:
        ValueError: where `count` cannot be divided so.
    """
    keeps = draw_keep(count, rng, config.k_low, config.k_high)
    qualities = rng.choice(config.qualities, count)
    return Trip(tuple(by_ratio(count, ratio)), tuple(keeps), tuple(int(q) for q in qualities), int(rng.integers(2**62)))


@lru_cache(maxsize=128)
def jpeg(quality: int) -> Channel:
    """The harness's own JPEG; RequestError where the plugin that has it is not installed."""
    if registry().degradations.find("jpeg") is None:
        raise RequestError(
            "training needs the degradation 'jpeg', which no plugin registers; install bench-degradations"
        )
    return Channel((registry().degradations.load("jpeg")(q=quality),))


def real_jpeg(gray: Tensor, qualities: list[int], seed: int, gradient: str = "none") -> Tensor:
    """What a receiver gets of gray pictures N×1×H×W in [−1, 1] rounded to 8 bits and sent as JPEG of one channel.

    The gradient is `none` or `identity`; see `bench_core.surrogates.codec.through_channel`.
    """
    return to_signed(through_channel(to_unit(gray), [jpeg(q) for q in qualities], seed, gradient=gradient))


def transmit(gray: Tensor, trip: Trip, config: TrainingConfig) -> Tensor:
    """What R gets of each gray picture N×1×H×W, in their order (JRIG, Section 3.4).

    Real rows have no gradient (JRIG) unless `real_grad` says so. Simulated rows keep the first k coefficients of each
    8×8 block, and are not clipped; the other ways of `sim` are beyond the paper. Clean rows pass as they are.
    """

    def real(images: Tensor, places: list[int], gradient: str = config.real_grad) -> Tensor:
        return real_jpeg(images, [trip.qualities[i] for i in places], trip.seed + places[0], gradient)

    def simulated(images: Tensor, places: list[int]) -> Tensor:
        if config.sim == "real_ste":
            return real(images, places, "identity")
        if config.sim == "dctq_ste":
            coded = simulate_jpeg(to_unit(images), [trip.qualities[i] for i in places], rounding=ste)
            return to_signed(coded)
        return dct_mask(images, [trip.keeps[i] for i in places])

    def clean(images: Tensor, places: list[int]) -> Tensor:
        return to_signed(round8(to_unit(images))) if config.clean_rows == "rounded" else images

    routes: dict[str, Route] = {"real": real, "simulated": simulated, "clean": clean}
    return route(gray, trip.kinds, routes)
