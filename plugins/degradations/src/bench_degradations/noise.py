"""Noise on every sample: drawn per picture from a keyed generator, clipped, rounded to 8 bits."""

import numpy as np

from bench_core.degradation import Array, Degradation, Received
from bench_core.images import luminance
from bench_core.params import Param
from bench_degradations.arrays import Floats, to_uint8

_GRAY = Param("gray", bool, default=False, help="1: one noise plane for all channels")


def _explain_sigma(text: str) -> str | None:
    return "sigma must be >= 0 on the 0..255 scale" if text.startswith("-") else None


def _advise_sigma(sigma: float) -> str | None:
    if 0 < sigma < 0.5:
        return f"sigma {sigma:g} is on the 0..255 scale (invisible); for sigma on 0..1 write gaussian:sigma01={sigma:g}"
    return None


class _Noise(Degradation):
    """Noise whose field depends on the key and the picture's shape alone, so that two methods meet the same."""

    stochastic = True
    passes_floats = True

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Add noise, then clip and round."""
        return Received(to_uint8(self.apply_exact(image, rng)))

    def _shape(self, image: Array | Floats) -> tuple[int, int, int]:
        """Of the noise: one plane for all channels with `gray`."""
        height, width, channels = image.shape
        return height, width, 1 if self.values["gray"] else channels


class Gaussian(_Noise):
    """`y = x + sigma N(0, 1)` for each sample, then clip and round; sigma on the 0..255 scale."""

    name = "gaussian"
    params = (
        Param(
            "sigma",
            float,
            0,
            255,
            rule="sigma must be a number from 0 to 255 (sigma01: from 0 to 1)",
            example="gaussian:10",
            explain=_explain_sigma,
            advise=_advise_sigma,
            also=(("sigma01", 255),),
            help="standard deviation in levels; sigma01 gives it on 0..1",
        ),
        _GRAY,
    )

    def apply_exact(self, levels: Array | Floats, rng: np.random.Generator) -> Floats:
        """Add noise."""
        noise = rng.standard_normal(self._shape(levels), dtype=np.float32)
        noise *= np.float32(self.values["sigma"])
        return noise + levels


class Uniform(_Noise):
    """`y = x + U(-amplitude, amplitude)` for each sample, then clip and round; its deviation is amplitude / √3."""

    name = "uniform"
    params = (
        Param("amplitude", float, 0, 255, example="uniform:10", help="largest change in levels, on 0..255"),
        _GRAY,
    )

    def apply_exact(self, levels: Array | Floats, rng: np.random.Generator) -> Floats:
        """Add noise."""
        noise = rng.random(self._shape(levels), dtype=np.float32)
        noise -= np.float32(0.5)
        noise *= np.float32(2 * float(self.values["amplitude"]))
        return noise + levels


class Speckle(_Noise):
    """`y = x + x std N(0, 1)` for each sample, then clip and round: noise in proportion to the light."""

    name = "speckle"
    params = (
        Param("std", float, 0, 10, example="speckle:0.15", help="standard deviation, as a share of the sample"),
        _GRAY,
    )

    def apply_exact(self, levels: Array | Floats, rng: np.random.Generator) -> Floats:
        """Multiply by noise."""
        noise = rng.standard_normal(self._shape(levels), dtype=np.float32)
        noise *= np.float32(self.values["std"])
        noise += np.float32(1)
        return noise * levels


class Poisson(Degradation):
    """`y = Poisson(x / 255 PEAK) / PEAK 255`, then clip and round: the variance is `x 255 / PEAK` levels².

    `peak` is the expected photon count of a sample of 255; at 255 the sample itself is the mean. With `gray`, the
    photons are counted on the luma (BT.601), and its noise is added to all channels.
    """

    name = "poisson"
    stochastic = True
    passes_floats = True
    params = (
        Param(
            "peak",
            float,
            1,
            1_000_000,
            default=255.0,
            rule="peak must be between 1 and 1000000 photons at white",
            example="poisson:255",
            help="expected photons of a full-scale sample",
        ),
        _GRAY,
    )

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Count photons, then clip and round."""
        return Received(to_uint8(self.apply_exact(image, rng)))

    def apply_exact(self, levels: Array | Floats, rng: np.random.Generator) -> Floats:
        """Count photons; of less light than none there are none."""
        photons = float(self.values["peak"]) / 255  # of one level; 1 exactly at the default peak
        if not self.values["gray"] or levels.shape[2] == 1:
            return rng.poisson(np.maximum(levels, 0) * photons) / photons
        luma = luminance(to_uint8(levels.astype(np.float32))).astype(np.float64)
        return levels + (rng.poisson(luma * photons) / photons - luma)
