"""What a carrier betrays at a glance: how regular its bit planes are, and how large its file."""

import io
from typing import Any

import numpy as np
from PIL import Image

from bench_core.errors import CellFailure
from bench_core.metric import Array, Metric, Score
from bench_metrics.pairs import CARRIER

Floats = np.ndarray[Any, np.dtype[np.float64]]


def plane_entropies(image: Array) -> Floats:
    """The entropy of each of the eight bit planes of uint8 H×W×C, the lowest first, in bits a pixel, 0 to 1.

    Shannon's entropy of the 16 patterns of 2×2 neighbors, overlapping, over 4; the mean over channels. 1 for
    independent fair coins, 0 for a constant plane.

    Raises:
        CellFailure: `skipped_unsupported`, for a side below 2 pixels.
    """
    height, width, channels = image.shape
    if min(height, width) < 2:
        raise CellFailure("skipped_unsupported", f"too_small: neighbors need 2 pixels a side, not {width}×{height}")
    entropies = np.empty((8, channels))
    for channel in range(channels):
        plane = np.ascontiguousarray(image[:, :, channel])
        for bit in range(8):
            bits = (plane >> bit) & 1
            pairs_of_bits = bits[:, :-1] | bits[:, 1:] << 1
            patterns = pairs_of_bits[:-1] | pairs_of_bits[1:] << 2
            counts = np.bincount(patterns.ravel(), minlength=16)
            share = counts[counts > 0] / patterns.size
            entropies[bit, channel] = max(0.0, -float(share @ np.log2(share)) / 4)
    mean: Floats = entropies.mean(axis=1)
    return mean


class EntropyPlanes(Metric):
    """The mean entropy of a carrier's bit planes, see `plane_entropies`; the cover's as `reference` in the details.

    A photo's high planes are smooth and its low ones nearly random. Bits of a picture put into a low plane make it more
    regular, encrypted or noise-like ones a higher plane less so: a figure far from the cover's gives a method away.
    `planes` in the details has the eight figures, the lowest plane first.
    """

    name = "entropy_planes"
    direction = "none"
    unit = "bit"
    pairs = CARRIER

    def prepare(self, reference: Array) -> float:
        """The cover's figure."""
        return float(plane_entropies(reference).mean())

    def measure(self, estimate: Array, prepared: float) -> Score:
        """Score a uint8 H×W×C carrier."""
        planes = plane_entropies(estimate)
        return Score(
            float(planes.mean()), {"planes": [round(float(value), 6) for value in planes], "reference": prepared}
        )


class PngRatio(Metric):
    """The size of a carrier as a PNG file, relative to its cover's: how much larger hiding makes the file, 1 at best.

    Pillow's PNG at its default effort (zlib level 6). Details hold both sizes, `bytes` and `bytes_reference`. Depends a
    little on the version of zlib.
    """

    name = "png_ratio"
    direction = "none"
    pairs = CARRIER

    def prepare(self, reference: Array) -> int:
        """The size of the cover's file, in bytes."""
        return _png_bytes(reference)

    def measure(self, estimate: Array, prepared: int) -> Score:
        """Score a uint8 H×W×C carrier."""
        size = _png_bytes(estimate)
        return Score(size / prepared, {"bytes": size, "bytes_reference": prepared})


def _png_bytes(image: Array) -> int:
    file = io.BytesIO()
    Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image).save(file, "PNG")
    return file.tell()
