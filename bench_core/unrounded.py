"""The one way past the 8 bits: a container handed on as the method made it, to reproduce figures that were made so."""

from typing import Any, ClassVar

import numpy as np

from bench_core.degradation import Array, Degradation, Received, Shipment


class FloatContainer(Degradation):
    """`float`: the container unclipped and unrounded. No file can hold it, so its figures are marked, not comparable.

    Some published code reveals from the float tensor that hiding gave. `float` stands first in a channel; behind it,
    noise is added without clipping and rounding (`float+gaussian:10`), and nothing that works on 8-bit pictures fits.
    Metrics see the rounded picture all the same.
    """

    name = "float"
    passes_floats: ClassVar[bool] = True

    def handle(self, image: Array, rng: np.random.Generator, shipment: Shipment) -> Received:
        """The carrier as it was made; a picture that never was anything but 8 bits, as it is."""
        made = image / np.float32(255) if shipment.exact is None else shipment.exact
        return Received(image, {"container": "float"}, exact=made.astype(np.float32))

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """As `handle`, of a picture that has 8 bits."""
        return self.handle(image, rng, Shipment())

    def provenance(self) -> dict[str, Any]:
        """That no 8-bit rounding stood before the channel."""
        return {"container": "float"}
