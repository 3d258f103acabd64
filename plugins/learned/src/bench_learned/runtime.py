"""Networks in use: built once a process, used by all threads at once, on the CPU.

Their forward passes keep nothing, so threads do not disturb each other. At a given number of torch threads a figure is
always the same; across numbers of threads it may differ in float32's last digits.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench_core.errors import CellFailure, one_line
from bench_core.metric import Array
from bench_core.weights import find

if TYPE_CHECKING:
    from torch import Tensor, nn

_lock = threading.Lock()
_built: dict[str, "nn.Module"] = {}


def network(weights: str, build: Callable[[Path], "nn.Module"]) -> "nn.Module":
    """The network of these weights; `build` makes it of their path, the first time.

    Raises:
        CellFailure: `weights_missing`, with the command that fetches them, or where they do not fit the network.
    """
    with _lock:
        if weights not in _built:
            path = find(weights)
            try:
                _built[weights] = build(path)
            except Exception as error:  # whatever reading a damaged file may raise
                raise CellFailure(
                    "weights_missing",
                    f"{path} cannot be used ({one_line(error, 120)}); delete it, then: bench weights fetch {weights}",
                ) from error
        return _built[weights]


@contextmanager
def computing(name: str) -> Iterator[None]:
    """No gradients; and a lack of memory, which torch calls a RuntimeError, is the status `oom`."""
    import torch

    try:
        with torch.inference_mode():
            yield
    except RuntimeError as error:
        if "memory" not in str(error):
            raise
        raise CellFailure("oom", f"{name}: {one_line(error)}") from error


def tensor(image: Array) -> "Tensor":
    """uint8 H×W×C to float32 1×3×H×W in [0, 1], a gray channel three times."""
    import torch

    planes = np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32) / np.float32(255)
    return torch.from_numpy(planes).expand(3, -1, -1)[None]
