"""What the runner hands to the store: one record a trip, with one score record a cell."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from bench_core.errors import CellFailure

Floats = np.ndarray[Any, np.dtype[np.floating[Any]]]

WHOLE_SET = "*"
"""The image of a cell that scores a whole set of pictures (bench_core.metric.SetMetric)."""


class TripKey(NamedTuple):
    """Which trip: an image, through a channel (canonical id), for the n-th time."""

    image: str
    degradation: str
    repeat: int


class CellKey(NamedTuple):
    """Which cell of a run. `implementation` is the metric with its version."""

    image: str
    degradation: str
    repeat: int
    pair: str
    implementation: str

    @property
    def trip(self) -> TripKey:
        """The trip this cell measures."""
        return TripKey(self.image, self.degradation, self.repeat)


@dataclass
class ScoreRecord:
    """One cell: a value, or a status with a reason."""

    pair: str
    metric: str
    implementation: str
    value: float | None = None
    status: str = "ok"
    error: str = ""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass
class Description:
    """What a set's metric needs of one trip: K×D descriptions of the K estimates, and of their references.

    Both are None where there is a `failure` instead.
    """

    pair: str
    implementation: str
    estimates: Floats | None = None
    references: Floats | None = None
    failure: CellFailure | None = None


@dataclass
class TripRecord:
    """One trip with its scores, its part in figures of whole sets, and the pictures to keep (role to uint8 H×W×C)."""

    key: TripKey
    sample_digest: str
    encode_s: float | None = None
    degrade_s: float | None = None
    decode_s: float | None = None
    details: dict[str, Any] = field(default_factory=dict)
    scores: list[ScoreRecord] = field(default_factory=list)
    pictures: dict[str, np.ndarray[Any, np.dtype[np.uint8]]] = field(default_factory=dict)
    described: list[Description] = field(default_factory=list)
