"""Least significant bits: the oldest way to hide a picture, perfect over a perfect channel."""

import numpy as np

from bench_core.model import Array, ArrayModel, Condition, Sample
from bench_core.params import Param
from bench_core.task import STEGANOGRAPHY


class Lsb(ArrayModel):
    """The `bits` high bits of the secret replace the `bits` low bits of the host (uint8 H×W×3 each).

    Decoding puts the middle of the range where bits are missing: low bits of the secret, and of the host. See
    Kurak and McHugh, "A cautionary note on image downgrading", ACSAC 1992.
    """

    name = "lsb"
    task = STEGANOGRAPHY
    params = (Param("bits", int, 1, 7, default=4, help="how many bits of each sample carry the secret"),)

    def setup(self) -> None:
        """Work out the masks."""
        self._bits = int(self.settings["bits"])
        self._low = np.uint8(2**self._bits - 1)
        self._high = np.uint8(255 - self._low)

    def encode(self, sample: Sample) -> Array:
        """The container, uint8 H×W×3."""
        container: Array = (sample["host"] & self._high) | (sample["secret"] >> np.uint8(8 - self._bits))
        return container

    def decode(self, received: Array, condition: Condition) -> dict[str, Array]:
        """`secret` and `host`, uint8 H×W×3 each."""
        kept = (received & self._low) << np.uint8(8 - self._bits)
        return {
            "secret": kept | np.uint8(2 ** (7 - self._bits)),
            "host": (received & self._high) | np.uint8(2 ** (self._bits - 1)),
        }
