"""Perspective on tensors. The corner of pixel (0, 0) is at (−½, −½), as everywhere in bench."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Points = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def corners(height: int, width: int) -> Points:
    """The outer corners 4×2 (x, y) of a picture, clockwise from the top left."""
    right, bottom = width - 0.5, height - 0.5
    return np.array([(-0.5, -0.5), (right, -0.5), (right, bottom), (-0.5, bottom)])


def homography(source: Points, target: Points) -> Points:
    """The 3×3 matrix that takes four points to four others (direct linear transform, last entry 1).

    Raises:
        numpy.linalg.LinAlgError: where three of the points are on a line.
    """
    rows = [
        row
        for (x, y), (u, v) in zip(source, target, strict=True)
        for row in ((x, y, 1, 0, 0, 0, -u * x, -u * y), (0, 0, 0, x, y, 1, -v * x, -v * y))
    ]
    return np.append(np.linalg.solve(np.array(rows), target.reshape(-1)), 1.0).reshape(3, 3)


def warp(images: Tensor, matrices: Sequence[Points], height: int, width: int, outside: float = 1.0) -> Tensor:
    """Pictures of another size, bicubic: the sample at (x, y) is `images`' at matrix·(x, y, 1), one matrix each.

    What lies outside of the picture has the value `outside`. Differentiable with respect to the pictures.
    """
    y, x = torch.meshgrid(
        torch.arange(height, dtype=torch.float64), torch.arange(width, dtype=torch.float64), indexing="ij"
    )
    here = torch.stack((x, y, torch.ones_like(x)), dim=-1)
    there = torch.einsum("nij,hwj->nhwi", torch.from_numpy(np.stack(matrices)), here)
    pixels = there[..., :2] / there[..., 2:]
    sides = torch.tensor((images.shape[-1], images.shape[-2]), dtype=torch.float64)
    grid = ((2 * pixels + 1) / sides - 1).to(images)
    # grid_sample knows zeros outside: shift them.
    sampled = F.grid_sample(images - outside, grid, mode="bicubic", padding_mode="zeros", align_corners=False)
    return sampled + outside
