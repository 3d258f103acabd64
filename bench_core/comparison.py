"""Two methods on the same pictures and the same noise: the mean of their differences, and how sure of it one may be."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench_core.records import WHOLE_SET
from bench_core.statistics import SMALL_N, Cell, bootstrap_mean, usable
from bench_core.store.queries import Row
from bench_core.summary import natural_order
from bench_core.task import TASKS

Key = tuple[str, str, str, str]
"""Degradation, pair, metric, implementation."""


@dataclass(frozen=True)
class Comparison:
    """One metric of two runs under one degradation on one pair.

    `difference` is the mean over images of A's figure less B's; `low` and `high` bound it with 95 % confidence
    (percentile bootstrap over images of the paired differences). `wins` is the share of images on which A is better,
    ties counted half; None where neither high nor low is better. `n` counts images that both have figures of,
    `left_out` trips that only one has; a figure of a whole set has no interval and no wins.
    """

    degradation: str
    pair: str
    metric: str
    kind: str
    n: int
    mean_a: float
    mean_b: float
    difference: float
    low: float | None
    high: float | None
    wins: float | None
    small_n: bool
    left_out: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values; strict JSON can hold all of them."""
        return asdict(self)


def compare(
    rows_a: Sequence[Row], rows_b: Sequence[Row], directions: Mapping[str, str], *, seed: int = 0
) -> list[Comparison]:
    """Compare what two runs measured of the same samples, trip by trip, in reading order.

    Trips are matched by image, the content of its sample, channel and repeat, so that both methods met the same noise;
    repeats are averaged inside their image. Cells of different implementations of a metric are never compared.

    Args:
        rows_a: The long rows of one run.
        rows_b: Those of another, of the same task and seed.
        directions: For each metric, which is better: `higher`, `lower` or `none`.
        seed: Keys the resampling.
    """
    found_a, found_b = _cells(rows_a), _cells(rows_b)
    pairs = [pair.name for task in {row.task for row in rows_a} if task in TASKS for pair in TASKS[task].pairs]

    def order(key: Key) -> tuple[Any, ...]:
        degradation, pair, metric, implementation = key
        return natural_order(degradation), pairs.index(pair) if pair in pairs else len(pairs), metric, implementation

    keys = sorted(found_a.keys() & found_b.keys(), key=order)
    compared = (_compare(key, found_a[key], found_b[key], directions.get(key[2], "none"), seed) for key in keys)
    return [comparison for comparison in compared if comparison is not None]


def _cells(rows: Iterable[Row]) -> dict[Key, dict[tuple[str, str, int], Cell]]:
    found: dict[Key, dict[tuple[str, str, int], Cell]] = defaultdict(dict)
    for row in rows:
        key = (row.degradation, row.pair, row.metric, row.implementation)
        found[key][row.image, row.sample, row.repeat] = Cell(row.image, row.value, row.status, row.details)
    return found


def _compare(
    key: Key,
    cells_a: Mapping[tuple[str, str, int], Cell],
    cells_b: Mapping[tuple[str, str, int], Cell],
    direction: str,
    seed: int,
) -> Comparison | None:
    images: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for trip in sorted(cells_a.keys() & cells_b.keys()):
        a, b = usable(cells_a[trip]), usable(cells_b[trip])
        if a is not None and b is not None:
            images[trip[0]].append((a, b))
    if not images:
        return None
    means = [[math.fsum(side) / len(side) for side in zip(*trips, strict=True)] for trips in images.values()]
    differences = [a - b for a, b in means]
    whole = set(images) == {WHOLE_SET}
    example = next(iter(cells_a.values()))
    n = int(example.details.get("n", 0)) if whole else len(images)
    low, high = (None, None) if whole else bootstrap_mean(differences, seed)
    sign = {"higher": 1, "lower": -1}.get(direction, 0)
    wins = sum(1.0 if sign * d > 0 else 0.5 if d == 0 else 0.0 for d in differences) / len(differences)
    return Comparison(
        *key[:3],
        kind=str(example.details.get("kind", "mean")),
        n=n,
        mean_a=math.fsum(a for a, _ in means) / len(means),
        mean_b=math.fsum(b for _, b in means) / len(means),
        difference=math.fsum(differences) / len(differences),
        low=low,
        high=high,
        wins=wins if sign and not whole else None,
        small_n=n < SMALL_N,
        left_out=len(cells_a.keys() | cells_b.keys()) - sum(map(len, images.values())),
    )
