"""bench: how much of a picture survives the trip?

The names a plugin needs are here, and are imported only when they are asked for, so that importing a plugin's
hooks costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from bench_core.dataset import Dataset as Dataset
    from bench_core.degradation import Degradation as Degradation
    from bench_core.degradation import Received as Received
    from bench_core.degradation import Shipment as Shipment
    from bench_core.errors import CellFailure as CellFailure
    from bench_core.errors import RequestError as RequestError
    from bench_core.metric import Metric as Metric
    from bench_core.metric import Score as Score
    from bench_core.metric import SetMetric as SetMetric
    from bench_core.model import ArrayModel as ArrayModel
    from bench_core.model import Condition as Condition
    from bench_core.model import Model as Model
    from bench_core.model import Sample as Sample
    from bench_core.params import Param as Param
    from bench_core.task import COLORIZATION as COLORIZATION
    from bench_core.task import INVERTIBLE_GRAYSCALE as INVERTIBLE_GRAYSCALE
    from bench_core.task import STEGANOGRAPHY as STEGANOGRAPHY
    from bench_core.torch_model import TorchModel as TorchModel

__version__ = "0.1.0"

hookimpl = pluggy.HookimplMarker("bench")
"""Marks a plugin's implementation of one of bench_core.hookspecs."""

_HOME = {
    "Dataset": "dataset",
    "Degradation": "degradation",
    "Received": "degradation",
    "Shipment": "degradation",
    "CellFailure": "errors",
    "RequestError": "errors",
    "Metric": "metric",
    "Score": "metric",
    "SetMetric": "metric",
    "ArrayModel": "model",
    "Condition": "model",
    "Model": "model",
    "Sample": "model",
    "Param": "params",
    "COLORIZATION": "task",
    "INVERTIBLE_GRAYSCALE": "task",
    "STEGANOGRAPHY": "task",
    "TorchModel": "torch_model",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"bench_core.{_HOME[name]}"), name)
    raise AttributeError(f"module 'bench_core' has no attribute {name!r}")
