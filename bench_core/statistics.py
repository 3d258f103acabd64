"""From cells to a figure: what one metric says over a data set, and how sure of it one may be.

Pictures are the sample: repeats of a noisy trip are averaged inside their image first, and images are resampled,
never repeats. Nothing depends on the order in which cells arrive.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from bench_core.randomness import keyed_generator

Floats = np.ndarray[Any, np.dtype[np.float64]]

RESAMPLES = 10_000
SMALL_N = 20
"""Below this many images a bootstrap interval is too narrow to trust; it is given, and marked."""
_Z95 = 1.959963984540054
_DRAWS_AT_ONCE = 200_000


@dataclass(frozen=True)
class Cell:
    """One cell as summaries read it; `details` is the `bench_core.metric.Score.details` stored with it."""

    image: str
    value: float | None
    status: str = "ok"
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """One metric over a data set; None where a figure does not exist.

    `n` counts images, `n_ok` and `n_total` cells; `failures` says how many cells had which status. `mean`, `median`,
    `sd` (n - 1) and `p5` (5th percentile) are over images, `low` and `high` bound the mean with 95 % confidence.
    `pooled` is the figure of all pictures together: the PSNR of the mean squared error (dB), or the mean over classes
    of the intersections' sum over the unions'; `reference` is the mean of the same figure over the references.
    `worst` is the mean with failures counted as what they are worth (`details["worst"]`), where there are any.
    `cap` is the number that stood in for values that do not exist, `n_identical` how many images had one.
    """

    n: int
    n_ok: int
    n_total: int
    mean: float | None = None
    median: float | None = None
    sd: float | None = None
    p5: float | None = None
    low: float | None = None
    high: float | None = None
    small_n: bool = True
    kind: str = "mean"
    n_identical: int = 0
    cap: float | None = None
    mse: float | None = None
    pooled: float | None = None
    reference: float | None = None
    worst: float | None = None
    failures: Mapping[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values; strict JSON can hold all of them."""
        return asdict(self)


def summarize(cells: Iterable[Cell], *, kind: str = "mean", seed: int = 0) -> Summary:
    """Summarize the cells of one metric, under one degradation, on one pair.

    Args:
        cells: Any number, in any order; several of one image are its repeats.
        kind: `mean`: percentile bootstrap interval over images; `proportion`: Wilson interval; `set`: the one cell is a
            figure of the whole set, which brings its own `n`, `low` and `high`.
        seed: The run's seed, which keys the resampling.

    Only cells with status `ok` enter the figures. A value that does not exist (`None`) enters as its `cap`, and so does
    one above it; without a cap, the cell counts as a failure `undefined`. So does a value that is not finite.
    """
    images: dict[str, list[Cell]] = defaultdict(list)
    pessimistic: dict[str, list[float]] = defaultdict(list)
    failures: Counter[str] = Counter()
    total = 0
    for cell in cells:
        total += 1
        number = usable(cell)
        if number is not None:
            images[cell.image].append(cell)
            pessimistic[cell.image].append(number)
            continue
        failures[cell.status if cell.status != "ok" else "undefined"] += 1
        if cell.details.get("worst") is not None:
            pessimistic[cell.image].append(cell.details["worst"])
    empty = Summary(
        n=len(images),
        n_ok=total - failures.total(),
        n_total=total,
        kind=kind,
        failures=dict(sorted(failures.items())),
        # In the order of the names, so that the last bit does not depend on the order of the cells.
        worst=_mean_of([_mean_of(pessimistic[name]) for name in sorted(pessimistic)])
        if failures and pessimistic
        else None,
    )
    if not images:
        return empty
    if kind == "set":
        return _of_a_set(empty, next(iter(images.values()))[0])
    repeats = [images[name] for name in sorted(images)]
    values = np.array([_mean_of([usable(cell) for cell in group]) for group in repeats])
    caps = [cell.details["cap"] for group in repeats for cell in group if cell.details.get("cap") is not None]
    mse = _mean_detail(repeats, "mse")
    low, high = wilson(float(values.mean()), len(values)) if kind == "proportion" else bootstrap_mean(values, seed)
    return replace(
        empty,
        mean=math.fsum(values) / len(values),
        median=float(np.median(values)),
        sd=float(values.std(ddof=1)) if len(values) > 1 else None,
        p5=float(np.percentile(values, 5)),
        low=low,
        high=high,
        small_n=len(values) < SMALL_N,
        n_identical=sum(all(cell.details.get("identical") for cell in group) for group in repeats),
        cap=max(caps) if caps else None,
        mse=mse,
        pooled=10 * math.log10(255**2 / mse) if mse else _pooled_iou(repeats),
        reference=_mean_detail(repeats, "reference"),
    )


def bootstrap_mean(values: Sequence[float] | Floats, seed: int, resamples: int = RESAMPLES) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval of the mean (Efron 1979).

    The resampling depends on the seed and the number of values alone, so that figures of the same images are
    resampled alike. The caller gives the values in a fixed order.

    Raises:
        ValueError: for no values.
    """
    data = np.asarray(values, dtype=np.float64)
    n = data.size
    if n == 0:
        raise ValueError("nothing to resample")
    generator = keyed_generator(seed, "", -1, "bootstrap", 0)
    dtype = np.uint16 if n <= 2**16 else np.uint32
    means = np.empty(resamples)
    step = max(1, _DRAWS_AT_ONCE // n)
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        means[start : start + count] = data.take(generator.integers(0, n, (count, n), dtype=dtype)).mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def wilson(proportion: float, n: int) -> tuple[float, float]:
    """The 95 % score interval of a proportion seen in `n` trials (Wilson 1927).

    Raises:
        ValueError: where `n` is not positive or the proportion is outside [0, 1].
    """
    if n < 1 or not 0 <= proportion <= 1:
        raise ValueError(f"no interval for the proportion {proportion} of {n}")
    z2 = _Z95**2
    center = proportion + z2 / (2 * n)
    half = _Z95 * math.sqrt(proportion * (1 - proportion) / n + z2 / (4 * n * n))
    scale = 1 + z2 / n
    # At 0 and 1 the bound is the proportion itself; the sum misses it by a rounding error.
    low = 0.0 if proportion == 0 else (center - half) / scale
    high = 1.0 if proportion == 1 else (center + half) / scale
    return low, high


def _of_a_set(empty: Summary, cell: Cell) -> Summary:
    n = int(cell.details.get("n", 0))
    low, high = (cell.details.get(name) for name in ("low", "high"))
    value = usable(cell)
    return replace(empty, n=n, mean=value, median=value, low=low, high=high, small_n=n < SMALL_N)


def usable(cell: Cell) -> float | None:
    """The number a cell enters the figures with; None for one that failed or has none."""
    if cell.status != "ok":
        return None
    value, cap = cell.value, cell.details.get("cap")
    if value is None or (cap is not None and value > cap):
        value = cap
    return float(value) if value is not None and math.isfinite(value) else None


def _mean_of(values: Sequence[float | None]) -> float:
    numbers = [value for value in values if value is not None]
    return math.fsum(numbers) / len(numbers)


def _mean_detail(repeats: Sequence[Sequence[Cell]], name: str) -> float | None:
    """The mean over images of a detail, or None where a cell lacks it."""
    found = [[cell.details.get(name) for cell in group] for group in repeats]
    if any(value is None for group in found for value in group):
        return None
    return math.fsum(_mean_of(group) for group in found) / len(found)


def _pooled_iou(repeats: Sequence[Sequence[Cell]]) -> float | None:
    """The mean over classes of Σ intersection / Σ union, or None where a cell does not count them (by class)."""
    intersections: Counter[str] = Counter()
    unions: Counter[str] = Counter()
    for cell in (cell for group in repeats for cell in group):
        if not {"intersection", "union"} <= cell.details.keys():
            return None
        intersections.update(cell.details["intersection"])
        unions.update(cell.details["union"])
    return math.fsum(intersections[name] / unions[name] for name in sorted(unions)) / len(unions) if unions else None
