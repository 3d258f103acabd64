"""The patch discriminator of pix2pix (Isola et al., CVPR 2017), which judges each patch of a picture."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

_STEEPEST = 8
"""Channels grow to at most 8 times the first layer's."""


NORMS = ("bn", "in", "none")
"""Of the inner layers: batch norm, instance norm without parameters, or none."""


class PatchDiscriminator(nn.Module):
    """Convolutions 4×4: one of stride 2, `layers` − 1 more with a norm, then two of stride 1; LeakyReLU 0.2.

    As `NLayerDiscriminator` of junyanz/pytorch-CycleGAN-and-pix2pix (`models/networks.py`). With 3 `layers` a logit
    sees 70×70 pixels. Weights are drawn from N(0, 0.02²), those of batch norm from N(1, 0.02²). Real and generated
    pictures belong into batches of their own, because batch norm would let each see the other's statistics.
    A gradient penalty is a picture's own, and wants another `norm` than the default (one of `NORMS`). ValueError for
    one that is none.
    """

    def __init__(self, inputs: int, width: int = 64, layers: int = 3, norm: str = "bn") -> None:
        super().__init__()
        if norm not in NORMS:
            raise ValueError(f"a discriminator's norm is one of {', '.join(NORMS)}, not '{norm}'")
        parts: list[nn.Module] = [nn.Conv2d(inputs, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        channels = width
        for depth in range(1, layers + 1):
            stride, grown = 2 if depth < layers else 1, width * min(2**depth, _STEEPEST)
            # No bias where batch norm takes the mean away; pix2pix has one before instance norm, which does too.
            parts += [nn.Conv2d(channels, grown, 4, stride, 1, bias=norm != "bn"), *normalization(norm, grown)]
            parts.append(nn.LeakyReLU(0.2))
            channels = grown
        self.layers = nn.Sequential(*parts, nn.Conv2d(channels, 1, 4, 1, 1))
        self.apply(_initialize)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits N×1×h×w, the higher the more real, of pictures N×C×H×W; 256×256 gives 30×30 with 3 layers."""
        logits: Tensor = self.layers(pictures)
        return logits


def normalization(norm: str, channels: int) -> list[nn.Module]:
    """The layer of one of `NORMS`, in a list that is empty for none."""
    if norm == "none":
        return []
    return [nn.BatchNorm2d(channels) if norm == "bn" else nn.InstanceNorm2d(channels)]


def _initialize(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


@contextmanager
def frozen_statistics(module: nn.Module) -> Iterator[None]:
    """Let the batch norms of `module` normalize as they do, but not learn running statistics meanwhile.

    For the generator's update: it sends its pictures through a discriminator in training mode, which is to change
    only in its own update. (The trainer keeps the discriminator's parameters from that.)
    """
    tracking = [layer for layer in module.modules() if isinstance(layer, _BatchNorm) and layer.track_running_stats]
    for layer in tracking:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in tracking:
            layer.track_running_stats = True
