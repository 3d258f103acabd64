"""Does a hidden QR code still scan? Metrics of the pair `secret`, for runs with `--secrets qr`."""

from typing import Any

from bench_core.errors import CellFailure
from bench_core.metric import Array, Metric, Score
from bench_metrics.qr_decoders import LADDER, VERSIONS, readings
from bench_metrics.qr_modules import Modules, locate


class _Scan(Metric):
    """1 where a pinned decoder reads exactly the reference's payload, else 0."""

    version = f"1+{VERSIONS}"
    kind = "proportion"
    worst = 0.0
    pairs = ("secret",)

    def prepare(self, reference: Array) -> str:
        """The payload of the untouched code.

        Raises:
            CellFailure: `skipped_unsupported`, where no decoder reads one.
        """
        for text, _, _ in readings(reference, LADDER[:1]):
            return text
        raise CellFailure(
            "skipped_unsupported", "no decoder reads a QR code in the reference; hide some with --secrets qr"
        )


class QrRaw(_Scan):
    """Whether a decoder reads the payload off the restored picture as it is.

    All decoders are asked; details hold `payload`, whether it was read, and `qr_decoder`, the names of those that read
    it, joined by commas.
    """

    name = "qr_raw"

    def measure(self, estimate: Array, prepared: Any) -> Score:
        """Score a uint8 H×W×C picture against a payload."""
        who = [decoder for text, decoder, _ in readings(estimate, LADDER[:1]) if text == prepared]
        return Score(float(bool(who)), {"payload": bool(who), "qr_decoder": ",".join(dict.fromkeys(who))})


class QrAssisted(_Scan):
    """Whether a decoder reads the payload after a little image processing, as the app of a phone would try.

    The picture is taken as it is, after a 3×3 median, a Gaussian of σ 1.5, a Gaussian of σ 1 with Otsu's threshold, and
    doubled (bicubic), until one decoder succeeds; details hold `payload`, whether one did, `qr_decoder` and `qr_step`,
    which one and after what.
    """

    name = "qr_assisted"

    def measure(self, estimate: Array, prepared: Any) -> Score:
        """Score a uint8 H×W×C picture against a payload."""
        for text, decoder, step in readings(estimate, LADDER):
            if text == prepared:
                return Score(1.0, {"payload": True, "qr_decoder": decoder, "qr_step": step})
        return Score(0.0, {"payload": False, "qr_decoder": "", "qr_step": ""})


class QrModuleError(Metric):
    """The fraction of the code's modules that came back wrong, 0..1: about 0.5 for noise, 1 for a negative.

    Where the modules are is known from the reference; a module is the mean luma of its central half, dark where below
    Otsu's threshold of all modules. Smooth and free of decoders, unlike scanning.
    """

    name = "qr_module_error"
    direction = "lower"
    pairs = ("secret",)

    def prepare(self, reference: Array) -> Modules:
        """Where the modules are; CellFailure (`skipped_unsupported`) where the reference is no QR code."""
        return locate(reference)

    def measure(self, estimate: Array, prepared: Modules) -> Score:
        """Score a uint8 H×W×C picture."""
        return Score(prepared.error(estimate))
