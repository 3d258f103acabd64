"""`Scgan`: the generator as a method that the harness can test."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench_core.model import Condition
from bench_core.nn.lab import colored, rgb_to_lab
from bench_core.nn.padding import crop_to, pad_to
from bench_core.params import Param
from bench_core.task import COLORIZATION
from bench_core.torch_model import TorchModel
from bench_scgan.views import resized, to_range, to_unit
from bench_scgan.weights import SHIPPED, load_weights


class Scgan(TorchModel):
    """Saliency-map-guided colorization with a GAN (IEEE TCSVT 2020).

    `infer` says how a picture of any size meets a network of one: `resize` looks at the whole picture at the training
    size and gives its own luminance the colors found there (as richzhang/colorization); `pad` repeats the last row and
    column until the sides fit, and looks at full size; `resize_rgb` enlarges the network's RGB itself, as the public
    code, and loses detail. `bn_mode_at_test=batch` takes batch norm's statistics from the picture at hand, as
    that code does. Weights without a saliency branch return the color alone.
    """

    name = "scgan"
    task = COLORIZATION
    outputs: tuple[str, ...] = ("color", "saliency")
    params: ClassVar[tuple[Param, ...]] = (
        Param("infer", str, choices=("resize", "resize_rgb", "pad"), default="resize", help="how a picture is fitted"),
        Param(
            "bn_mode_at_test",
            str,
            choices=("running", "batch"),
            default="running",
            help="batch norm's statistics: of training, or of the picture at hand",
        ),
    )
    default_weights = SHIPPED

    def setup(self) -> None:
        """Load the network that the weights file describes."""
        self.network = load_weights(self.needed_weights(), self.device).network
        if self.settings["bn_mode_at_test"] == "batch":
            for layer in self.network.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    layer.train()
                    layer.track_running_stats = False
        if not self.network.config.attention:
            self.outputs = ("color",)

    def decode(self, received: Tensor, condition: Condition) -> dict[str, Tensor]:
        """`color` N×3×H×W and `saliency` N×1×H×W of a received gray picture N×1×H×W of any size, all in [0, 1]."""
        color, saliency = self._generate(received)
        if self.settings["infer"] == "resize_rgb":
            # The public code cuts to 8 bits what it then enlarges.
            small = torch.floor(color * 255) / 255
            color = F.interpolate(small, received.shape[-2:], mode="bilinear", align_corners=False)
        else:
            color = colored(received, rgb_to_lab(color)[:, 1:])
        if saliency is None:
            return {"color": color}
        if saliency.shape[-2:] != received.shape[-2:]:
            saliency = F.interpolate(saliency, received.shape[-2:], mode="bilinear", align_corners=False)
        return {"color": color, "saliency": saliency}

    def _generate(self, received: Tensor) -> tuple[Tensor, Tensor | None]:
        """The network's own RGB in [0, 1] and saliency, at its size or, padded and cut again, at the picture's."""
        config = self.network.config
        padded = self.settings["infer"] == "pad"
        seen = pad_to(received, config.multiple) if padded else resized(received, config)
        color, saliency = self._alone(to_range(seen, config))
        color = to_unit(color, config).clamp(0, 1)
        if not padded:
            return color, saliency
        return crop_to(color, received), crop_to(saliency, received) if saliency is not None else None

    def _alone(self, gray: Tensor) -> tuple[Tensor, Tensor | None]:
        """The network's results; one picture after the other where they depend on what is in the batch."""
        if self.settings["bn_mode_at_test"] == "running":
            found: tuple[Tensor, Tensor | None] = self.network(gray)
            return found
        each = [self.network(picture) for picture in torch.split(gray, 1)]
        color = torch.cat([color for color, _ in each])
        return color, torch.cat([saliency for _, saliency in each]) if self.network.config.attention else None
