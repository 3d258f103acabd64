"""A metric of pyiqa as a metric of bench."""

from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.metric import Array, Metric, Score, SetMetric
from bench_iqa import catalog

if TYPE_CHECKING:
    import torch


class IqaMetric(Metric):
    """One of pyiqa's metrics, on the CPU, one picture at a time.

    Pictures go in as RGB in [0, 1], gray ones with their channel three times (several of pyiqa's metrics fail or go
    silently wrong on one channel); the estimate first, the reference second, and no reference for a metric that takes
    none. pyiqa and torch are imported, and weights looked for, when the first picture is scored. At a given number of
    torch threads the figure is always the same; across numbers of threads it may differ in float32's last digits.
    """

    def __init__(self, entry: catalog.Entry) -> None:
        self.name = f"iqa:{entry.name}"
        self.version = f"pyiqa-{catalog.version()}"
        self.direction = "lower" if entry.lower_is_better else "higher"
        self._entry = entry

    def prepare(self, reference: Array) -> Any:
        """The reference as a tensor, or None for a metric without one."""
        return _tensor(reference) if self._entry.needs_reference else None

    def measure(self, estimate: Array, prepared: Any) -> Score:
        """Score one uint8 H×W×C picture.

        Raises:
            CellFailure: see `bench_iqa.backend.score`.
        """
        from bench_iqa import backend

        return Score(backend.score(self._entry.name, _tensor(estimate), prepared))


def create(name: str) -> IqaMetric | SetMetric:
    """The metric that pyiqa calls `name`; RequestError for one it does not have or that needs more than it can get."""
    if name in catalog.SETS:
        from bench_iqa.sets import Fid, Kid

        return Fid() if name == "fid" else Kid()
    return IqaMetric(catalog.lookup(name))


def _tensor(image: Array) -> "torch.Tensor":
    """uint8 H×W×C to float32 1×3×H×W in [0, 1]."""
    import torch

    planes = np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32) / np.float32(255)
    return torch.from_numpy(planes).expand(3, -1, -1).contiguous()[None]
