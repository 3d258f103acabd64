"""The three tasks: what a sample holds, what a method returns, and which pictures are compared.

A *source* names a picture on the trip: `carrier`, `received`, `sample.FIELD` or `output.FIELD`.
"""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Pair:
    """Two pictures to compare: an estimate against its reference.

    `kind` says what they are, and so which metrics mean something on them: `picture`, or `labels` for maps of class
    numbers (uint8 H×W×1), of which no difference can be taken.
    """

    name: str
    estimate: str
    reference: str
    kind: str = "picture"

    @property
    def output(self) -> str | None:
        """The output field that this pair scores, or None where it scores the carrier or the channel."""
        kind, _, field = self.estimate.partition(".")
        return field if kind == "output" else None

    @property
    def before_channel(self) -> bool:
        """Whether no degradation can change this pair, so that one measurement serves all of them."""
        return self.estimate == "carrier"


CHANNEL = Pair("channel", "received", "carrier")
"""The damage the degradation itself did; every task scores it."""


@dataclass(frozen=True)
class Task:
    """One kind of trip.

    `fields` are what a sample always holds, `optional` what it holds where the data set has it;
    `outputs` what `decode` may return. `carrier` names the field that is the carrier where the task fixes it, so that
    a method only decodes. All pictures are uint8 H×W×C. A pair whose reference is optional is scored where the sample
    has it; elsewhere there is no such cell.
    """

    name: str
    fields: tuple[str, ...]
    outputs: tuple[str, ...]
    carrier_channels: int
    pairs: tuple[Pair, ...]
    optional: tuple[str, ...] = ()
    carrier: str | None = None

    def pairs_for(self, outputs: Collection[str]) -> tuple[Pair, ...]:
        """The pairs that a method returning just `outputs` can be scored on."""
        return tuple(pair for pair in self.pairs if pair.output is None or pair.output in outputs)


STEGANOGRAPHY = Task(
    "steganography",
    fields=("host", "secret"),
    outputs=("secret", "host"),
    carrier_channels=3,
    pairs=(
        Pair("container", "carrier", "sample.host"),
        Pair("secret", "output.secret", "sample.secret"),
        Pair("host", "output.host", "sample.host"),
        CHANNEL,
    ),
)
"""Hide K secrets in a host. `secret` is H×W×3K: the secrets, concatenated on the channels."""

INVERTIBLE_GRAYSCALE = Task(
    "invertible-grayscale",
    fields=("color", "gray"),
    outputs=("color",),
    carrier_channels=1,
    pairs=(
        Pair("grayscale", "carrier", "sample.gray"),
        Pair("restored", "output.color", "sample.color"),
        CHANNEL,
    ),
    optional=("label",),
)
"""Store a color picture in a gray one. `gray` is the luminance the carrier should look like."""

COLORIZATION = Task(
    "colorization",
    fields=("color", "gray"),
    outputs=("color", "saliency", "semantic"),
    carrier_channels=1,
    pairs=(
        Pair("colorized", "output.color", "sample.color"),
        Pair("saliency", "output.saliency", "sample.saliency"),
        Pair("semantic", "output.semantic", "sample.semantic", kind="labels"),
        CHANNEL,
    ),
    optional=("saliency", "semantic", "label"),
    carrier="gray",
)
"""Give a gray picture its colors back. The carrier is the luminance; a method only decodes.

`saliency` is 0..255, none to all of the attention; `semantic` holds class numbers, 255 is void.
"""

TASKS = {task.name: task for task in (STEGANOGRAPHY, INVERTIBLE_GRAYSCALE, COLORIZATION)}
