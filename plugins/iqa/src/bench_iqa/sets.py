"""FID and KID: how far a set of pictures is from the set of their references, in Inception's features.

Features and Fréchet distance are pyiqa's own; pictures are resized as clean-fid resizes them (Parmar, Zhang and Zhu
2022, "On aliased resizing and surprising subtleties in GAN evaluation").
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from PIL import Image

from bench_core.errors import CellFailure
from bench_core.metric import Array, Floats, Score, SetMetric
from bench_iqa import catalog

SIDE = 299
"""Inception's input, pixels."""

ENOUGH = 2048
"""Below as many pictures as there are features, a covariance is singular and FID says little."""

_ROWS = 1024


class InceptionSet(SetMetric):
    """A figure of sets of pictures, described by the 2048 features of FID's InceptionV3.

    Gray pictures have their channel three times. Everything runs on the CPU.
    """

    direction = "lower"
    least: ClassVar[int] = 2

    def __init__(self) -> None:
        self.version = f"pyiqa-{catalog.version()}-clean"

    def describe(self, image: Array) -> Floats:
        """The features of a uint8 H×W×C picture, float32, 2048.

        Raises:
            CellFailure: `weights_missing` and others, see `bench_iqa.backend`.
        """
        from bench_iqa import backend

        return backend.inception_features(inception_input(image))


class Fid(InceptionSet):
    """Fréchet inception distance of Heusel et al. 2017: Gaussians fitted to both sets, and their Fréchet distance.

    Biased: the fewer pictures, the larger. Only figures of equally many pictures compare, and below 2048 the score's
    details say so.
    """

    name = "iqa:fid"

    def compare(self, estimates: Floats, references: Floats, images: Sequence[str], seed: int) -> Score:
        """The distance of N×D features from N×D ones; 0 for equal sets, no upper bound."""
        from bench_iqa import backend

        details: dict[str, object] = {"n": len(estimates)}
        if len(estimates) < ENOUGH:
            details["note"] = f"of {len(estimates)} pictures; FID needs {ENOUGH} and is too large below"
        return Score(backend.frechet_distance(estimates, references), details)


class Kid(InceptionSet):
    """Kernel inception distance of Binkowski et al. 2018: the unbiased squared maximum mean discrepancy.

    With the kernel (x·y/D + 1)³ over the whole sets at once; pyiqa and clean-fid average it over random subsets of
    1000, which has the same expectation. May be slightly negative for sets that hardly differ.
    """

    name = "iqa:kid"

    def compare(self, estimates: Floats, references: Floats, images: Sequence[str], seed: int) -> Score:
        """The distance of N×D features from N×D ones."""
        count = len(estimates)
        within = sum(_kernel_sum(part, part, diagonal=False) for part in (estimates, references)) / (count - 1)
        value = (within - 2 * _kernel_sum(estimates, references, diagonal=True) / count) / count
        if not np.isfinite(value):
            raise CellFailure("nan_output", f"{self.name} gave {value}")
        return Score(value, {"n": count})


def inception_input(image: Array) -> Floats:
    """A uint8 H×W×C picture as FID's Inception wants it: float32 3×299×299, about [-1, 1].

    Each channel is resized in float by Pillow's antialiased bicubic filter and clipped, as in clean-fid.
    """
    planes = []
    for channel in range(3):
        plane = Image.fromarray(image[:, :, min(channel, image.shape[2] - 1)].astype(np.float32))
        planes.append(np.asarray(plane.resize((SIDE, SIDE), Image.Resampling.BICUBIC)).clip(0, 255))
    prepared: Floats = (np.stack(planes) - np.float32(128)) / np.float32(128)
    return prepared


def _kernel_sum(left: Floats, right: Floats, *, diagonal: bool) -> float:
    """The sum of the kernel over all pairs of rows, with or without those of a row with itself."""
    total = 0.0
    for start in range(0, len(left), _ROWS):
        rows = left[start : start + _ROWS].astype(np.float64)
        values = (rows @ right.T.astype(np.float64) / left.shape[1] + 1) ** 3
        total += values.sum() - (0 if diagonal else np.trace(values, offset=start))
    return float(total)
