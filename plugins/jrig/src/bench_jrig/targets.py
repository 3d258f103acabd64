"""f(I_c): what the gray picture should look like (JRIG, Sections 3.3 and 4.4)."""

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from bench_core.images import luminance as luma8
from bench_core.surrogates.ycbcr import luminance
from bench_jrig.losses import LEVELS

CANNY = (100, 200)
"""OpenCV's lower and upper threshold; the paper states none."""


def to_signed(pictures: Tensor) -> Tensor:
    """From [0, 1] to the networks' [−1, 1]."""
    return pictures * 2 - 1


def to_unit(pictures: Tensor) -> Tensor:
    """From the networks' [−1, 1] to [0, 1]."""
    return (pictures + 1) / 2


def target_of(pictures: NDArray[np.uint8], kind: str) -> Tensor:
    """Targets N×1×H×W in [−1, 1], float32, of uint8 pictures N×H×W×3.

    `luminance` is BT.601, not rounded; so is that of `none`, for which no loss uses it. `edge` is Canny's, white on
    black (the paper does not state which); `halftone` is Floyd and Steinberg's of the luminance, black and white.

    Raises:
        ValueError: for any other kind.
    """
    if kind in ("luminance", "none"):
        color = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))).float() / LEVELS - 1
        return luminance(color)
    if kind == "edge":
        import cv2

        planes = [cv2.Canny(luma8(picture)[..., 0], *CANNY) for picture in pictures]
    elif kind == "halftone":
        planes = [
            np.asarray(Image.fromarray(luma8(picture)[..., 0]).convert("1"), np.uint8) * np.uint8(255)
            for picture in pictures
        ]
    else:
        raise ValueError(f"unknown target {kind!r}; known: luminance, edge, halftone, none")
    return torch.from_numpy(np.stack(planes)[:, None]).float() / LEVELS - 1
