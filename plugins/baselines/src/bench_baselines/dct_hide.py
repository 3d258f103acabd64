"""`dct-hide`: a classical hider made for lossy channels."""

from bench_baselines import qim, zonal
from bench_core.errors import CellFailure
from bench_core.model import Array, ArrayModel, Condition, Sample
from bench_core.params import Param
from bench_core.task import STEGANOGRAPHY

SMALLEST = 16
"""The shortest side, in pixels, of a host that holds anything worth reading."""


class DctHide(ArrayModel):
    """A coarse secret, in bits of known worth, in the low frequencies of the host's luminance.

    The sender codes the secret's low frequencies zone by zone (`zonal`), copies each bit as often as it is worth,
    and puts the copies into the 8×8 DCT of the host by quantization index modulation (`qim`; Chen and Wornell
    2001). The receiver weighs the copies by how reliable each frequency looks, and takes the mean of each
    coefficient given its bits: damage shows as blur. Nothing depends on chroma, so 4:2:0 costs nothing.

    `step` trades the container's quality for strength: distortion grows with its square, and errors below a
    quarter of it are harmless.
    """

    name = "dct-hide"
    task = STEGANOGRAPHY
    outputs = ("secret",)
    params = (
        Param("step", float, 4, 512, default=64.0, help="distance of lattice points, in units of 8×8 DCT coefficients"),
    )

    def setup(self) -> None:
        """Read the setting."""
        self._step = float(self.settings["step"])

    def encode(self, sample: Sample) -> Array:
        """The container, uint8 H×W×3; CellFailure (`skipped_unsupported`) where a side is below 16 pixels."""
        plan = _plan(sample["host"])
        bits = zonal.to_bits(zonal.analyze(sample["secret"], plan), plan)
        return qim.embed(sample["host"], bits, self._step)

    def decode(self, received: Array, condition: Condition) -> dict[str, Array]:
        """`secret`, uint8 H×W×3."""
        plan = _plan(received)
        coefficients = zonal.from_ratios(qim.read(received, self._step), plan)
        return {"secret": zonal.synthesize(coefficients, plan)}


def _plan(picture: Array) -> zonal.Plan:
    height, width = picture.shape[:2]
    if min(height, width) < SMALLEST:
        raise CellFailure(
            "skipped_unsupported", f"dct-hide needs sides of at least {SMALLEST} pixels, not {width}×{height}"
        )
    return zonal.make_plan(height, width, qim.slot_count(height, width))
