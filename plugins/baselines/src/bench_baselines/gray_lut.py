"""Colorization by a table: what is known of colors from the gray level of a single pixel."""

import numpy as np

from bench_baselines.gray_table import MADE_BY, read_table
from bench_core.errors import MissingWeights
from bench_core.model import Array, ArrayModel, Condition
from bench_core.task import COLORIZATION


class GrayLut(ArrayModel):
    """Each gray level becomes the mean color it had in the training photos.

    E[color | gray], rounded to 8 bits: on the photos it is made from, the least mean squared error that a method can
    have which sees one pixel at a time, and so the bar for methods that are trained on that error. The table is the
    weights file, CSV with the columns gray, red, green and blue, as `bench train gray-lut` writes it; none ships.

    Raises:
        MissingWeights: without a table.
        RequestError: for a file that is no such table.
    """

    name = "gray-lut"
    task = COLORIZATION
    outputs = ("color",)

    def setup(self) -> None:
        """Read the table."""
        if self.weights is None:
            raise MissingWeights(
                f"{self.name} needs a table of colors, and none ships with it; make one, e.g. {MADE_BY}, "
                f"then --weights runs/gray-lut/lut.csv"
            )
        self._table = np.rint(read_table(self.weights)).astype(np.uint8)

    def decode(self, received: Array, condition: Condition) -> dict[str, Array]:
        """`color`, uint8 H×W×3, of a received uint8 H×W×1."""
        return {"color": self._table[received[:, :, 0]]}
