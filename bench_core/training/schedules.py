"""Learning rates by step."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any


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


class PlateauLr:
    """The rate that Keras' `ReduceLROnPlateau` makes (keras/src/callbacks/reduce_lr_on_plateau.py, cooldown 0).

    A validation improves where `figure` is below the best so far by more than `min_delta`; after `patience` that do
    not, one after another, the rate is multiplied by `factor`, never below `lowest`, and the count begins again.
    torch's own scheduler waits for one more, and measures the improvement relatively.
    """

    def __init__(
        self, start: float, factor: float, patience: int, lowest: float, min_delta: float, figure: str = "score"
    ) -> None:
        self.start, self.factor, self.patience = start, factor, patience
        self.lowest, self.min_delta, self.figure = lowest, min_delta, figure
        self._best, self._bad, self._reductions = math.inf, 0, 0

    def __call__(self, step: int) -> float:
        """The rate in force, whatever the step."""
        return self.rate

    @property
    def rate(self) -> float:
        """The rate in force; where `start` is below `lowest`, it stays."""
        return max(self.start * self.factor**self._reductions, min(self.lowest, self.start))

    def validated(self, figures: Mapping[str, float]) -> None:
        """Count one validation; a figure that is no number does not improve."""
        if figures[self.figure] < self._best - self.min_delta:
            self._best, self._bad = figures[self.figure], 0
            return
        self._bad += 1
        if self._bad >= self.patience:
            self._reductions, self._bad = self._reductions + 1, 0

    def state(self) -> dict[str, Any]:
        """The best figure, and how often the rate was lowered: not the rate, so that a resume may change `start`."""
        return {"best": self._best, "bad": self._bad, "reductions": self._reductions}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._best, self._bad, self._reductions = state["best"], state["bad"], state["reductions"]
