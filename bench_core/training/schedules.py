"""Learning rates by step."""

import math
from collections.abc import Callable, Sequence


def cosine_lr(peak: float, end: float, warmup: int, steps: int) -> Callable[[int], float]:
    """Linear warm-up over `warmup` steps, then a half cosine from `peak` to `end` at the last step."""

    def lr(step: int) -> float:
        if step < warmup:
            return peak * (step + 1) / warmup
        share = (step - warmup) / max(1, steps - 1 - warmup)
        return end + (peak - end) * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))

    return lr


def halving_lr(peak: float, steps: int, parts: int = 5) -> Callable[[int], float]:
    """`peak`, halved after each of `parts` equal parts of the run but the last."""
    return lambda step: peak * 0.5 ** min(parts - 1, step * parts // steps)


def polynomial_lr(start: float, end: float, steps: int, power: float = 0.9) -> Callable[[int], float]:
    """From `start`: end + (start − end)·(1 − t/T)^power, `end` after T = `steps` (Invertible Grayscale, `main.py`)."""
    return lambda step: end + (start - end) * max(0.0, 1 - step / steps) ** power


def staged_lr(parts: Sequence[tuple[int, Callable[[int], float]]]) -> Callable[[int], float]:
    """One schedule after another, each a pair of its steps and the rate by step within it; the last one goes on."""
    parts = [part for part in parts if part[0]] or list(parts[-1:])

    def lr(step: int) -> float:
        for steps, part in parts[:-1]:
            if step < steps:
                return part(step)
            step -= steps
        return parts[-1][1](step)

    return lr
