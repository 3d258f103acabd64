"""Degradations that are a table of 256 levels: nothing at all, and fewer bits."""

import numpy as np

from bench_core.degradation import Array, Degradation, Received
from bench_core.params import Param
from bench_degradations.arrays import look_up


class Identity(Degradation):
    """The clean channel. Carriers are 8-bit before any degradation, so this is the 8-bit file itself."""

    name = "identity"

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """A copy, so that no receiver can write into the carrier."""
        return Received(image.copy())


class Quantise(Degradation):
    """Rounds to L + 1 levels, L = 2^bits - 1: `round(x L / 255) 255 / L`, rounded to uint8, halves to even.

    `quantise:8` gives the pixels of `identity`.
    """

    name = "quantise"
    params = (Param("bits", int, 1, 8, default=8, help="bits kept of each sample"),)

    def setup(self) -> None:
        """Make the table of the 256 levels."""
        steps = 2 ** int(self.values["bits"]) - 1
        levels = np.arange(256)
        # Products before quotients: 255 L is exact, so each half is a true half.
        self.table = np.rint(np.rint(levels * steps / 255) * 255 / steps).astype(np.uint8)

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Look every sample up."""
        return Received(look_up(self.table, image))


class Posterise(Degradation):
    """Keeps the `bits` high bits and clears the others, as Pillow's `ImageOps.posterize` does.

    Unlike `quantise`, which spreads its levels over 0..255, this darkens.
    """

    name = "posterise"
    params = (Param("bits", int, 1, 8, example="posterise:3", help="high bits kept of each sample"),)

    def setup(self) -> None:
        """Know which bits stay."""
        self.kept = np.uint8(256 - 2 ** (8 - int(self.values["bits"])))

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Clear bits."""
        return Received(image & self.kept)


class LsbZero(Degradation):
    """Clears the `bits` low bits of every sample: what a method that writes into them cannot survive."""

    name = "lsb-zero"
    params = (Param("bits", int, 1, 7, example="lsb-zero:1", help="low bits cleared of each sample"),)

    def setup(self) -> None:
        """Know which bits stay."""
        self.kept = np.uint8(256 - 2 ** int(self.values["bits"]))

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Clear bits."""
        return Received(image & self.kept)
