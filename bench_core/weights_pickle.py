"""Reading weights and data sets that come as pickles of numpy arrays, without trusting them.

A pickle is a program: it may name any function and have it called. Here it may name what arrays are made of, and
nothing else.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench_core.errors import BenchError, one_line

_ARRAYS = {
    ("numpy.core.multiarray", "_reconstruct"): ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"): ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.numeric", "_frombuffer"): ("numpy._core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"): ("numpy._core.numeric", "_frombuffer"),
    ("numpy", "ndarray"): ("numpy", "ndarray"),
    ("numpy", "dtype"): ("numpy", "dtype"),
}
"""What a pickle may name, in the spelling of numpy 1 and of numpy 2."""


class ArraysOnly(pickle.Unpickler):
    """Unpickles arrays, and lists, dicts, text, bytes and numbers; UnpicklingError for whatever names anything else."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        """What the pickle names, where it is part of an array."""
        try:
            return super().find_class(*_ARRAYS[module_name, global_name])
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module_name}.{global_name}, and may hold arrays only") from None


def read_arrays(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays in a pickle of nested dicts, under their keys joined by dots.

    Raises:
        BenchError: for anything but dicts with text keys that hold arrays of numbers; nothing of it is called.
    """
    try:
        with path.open("rb") as file:
            return dict(_leaves(ArraysOnly(file).load(), ""))
    except Exception as error:  # a broken pickle may raise anything
        raise BenchError(f"{path.name} is no pickle of arrays: {one_line(error)}") from error


def _leaves(node: Any, name: str) -> list[tuple[str, np.ndarray[Any, Any]]]:
    if isinstance(node, np.ndarray) and node.dtype.kind in "fiu":
        return [(name, node)]
    if not isinstance(node, Mapping) or not all(isinstance(key, str) for key in node):
        raise ValueError(f"'{name}' is {type(node).__name__}")
    return [leaf for key, value in node.items() for leaf in _leaves(value, f"{name}.{key}" if name else key)]
