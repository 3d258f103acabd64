"""LPIPS and ST-LPIPS as metrics of bench."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from bench_core.errors import CellFailure
from bench_core.metric import Array, Metric, Score
from bench_learned import runtime

if TYPE_CHECKING:
    from torch import Tensor

    from bench_learned.networks import PerceptualDistance

KEPT_BYTES = 64 * 2**20
"""Features of a reference are kept for its other estimates up to this size; larger ones are computed again."""


class Perceptual(Metric):
    """A distance between features of two pictures; 0 for equal pictures, no upper bound.

    Pictures go in as RGB in [0, 1], gray ones with their channel three times.
    """

    direction = "lower"
    net: ClassVar[str]
    shift_tolerant: ClassVar[bool] = False
    weights: ClassVar[str]
    least: ClassVar[int]
    """The shortest side that the network can look at, in pixels."""

    def prepare(self, reference: Array) -> Any:
        """The reference's features, or, where they would take much memory, the reference itself.

        Raises:
            CellFailure: `skipped_unsupported` for a picture that is too small, `weights_missing`, `oom`.
        """
        height, width = reference.shape[:2]
        if min(height, width) < self.least:
            raise CellFailure(
                "skipped_unsupported", f"too_small: {self.name} needs {self.least} pixels a side, not {width}×{height}"
            )
        features = self._features(reference)
        return features if sum(layer.nbytes for layer in features) <= KEPT_BYTES else reference

    def measure(self, estimate: Array, prepared: Any) -> Score:
        """Score one uint8 H×W×C picture."""
        references = prepared if isinstance(prepared, list) else self._features(prepared)
        features = self._features(estimate)
        with runtime.computing(self.name):
            return Score(float(self._network().compare(features, references)))

    def _features(self, image: Array) -> "list[Tensor]":
        with runtime.computing(self.name):
            return self._network().describe(runtime.tensor(image))

    def _network(self) -> "PerceptualDistance":
        return cast("PerceptualDistance", runtime.network(self.weights, self._build))

    def _build(self, path: Path) -> "PerceptualDistance":
        import torch
        from safetensors.torch import load_file

        from bench_learned import networks

        if self.shift_tolerant:
            published = torch.load(path, map_location="cpu", weights_only=True)
            state = networks.st_lpips_names(published, self.net)
        else:
            state = load_file(path)
        return cast(
            "PerceptualDistance", networks.load(networks.PerceptualDistance(self.net, self.shift_tolerant), state)
        )


class Lpips(Perceptual):
    """LPIPS v0.1 on AlexNet, what papers mean by LPIPS unless they say otherwise."""

    name = "lpips"
    version = "v0.1-alex-443c5bc3"
    net = "alex"
    weights = "lpips-alex"
    least = 31


class LpipsVgg(Perceptual):
    """LPIPS v0.1 on VGG-16."""

    name = "lpips-vgg"
    version = "v0.1-vgg-2ecbe4ce"
    net = "vgg"
    weights = "lpips-vgg"
    least = 16


class StLpips(Perceptual):
    """Shift-tolerant LPIPS on AlexNet: another metric than LPIPS, with another scale."""

    name = "st-lpips"
    version = "v0.0-alex-b356b382"
    net = "alex"
    shift_tolerant = True
    weights = "st-lpips-alex"
    least = 21


class StLpipsVgg(Perceptual):
    """Shift-tolerant LPIPS on VGG-16: another metric than LPIPS, with another scale."""

    name = "st-lpips-vgg"
    version = "v0.0-vgg-44597da6"
    net = "vgg"
    shift_tolerant = True
    weights = "st-lpips-vgg"
    least = 18
