"""The auto-encoder: a gray picture of 32×32 becomes 256 numbers, and those a color picture.

Source: "Automatic Image Colorization Using Auto-encoders without image compression" (student report, 2020), and the
script its listing follows, Advanced-Deep-Learning-with-Keras, `colorization-autoencoder-cifar10-3.4.1.py`. The layers
are Keras', with its "same" padding: where the stride is 2, a convolution pads one row and column at the end, and a
transposed one is its adjoint, which drops them.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench_autoencoder.config import SIDE, NetworkConfig

GRID = 8
"""Three halvings: sides that a network without bottleneck takes are multiples of it."""

_COARSE = SIDE // GRID


class Down(nn.Conv2d):
    """3×3 convolution of stride 2 on even sides, halved: pads 0 at the top and left, 1 at the bottom and right."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """N×C×H×W to N×C'×H/2×W/2."""
        return super().forward(F.pad(x, (0, 1, 0, 1)))


class Up(nn.ConvTranspose2d):
    """3×3 transposed convolution of stride 2, which doubles the sides: the adjoint of `Down`."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, stride=2)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """N×C×H×W to N×C'×2H×2W."""
        return super().forward(x, output_size)[..., :-1, :-1]


class Autoencoder(nn.Module):
    """Gray N×1×32×32 in [0, 1] to color N×3×32×32 in (0, 1).

    `encoder` ends in the latent vector N×latent, `decoder` in logits. Without bottleneck the latent is the map
    N×4·filters×H/8×W/8, and the sides are any multiples of 8. Glorot-uniform weights and zero biases, as Keras has.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        one, two, four = (config.filters * factor for factor in (1, 2, 4))
        flat = four * _COARSE**2
        dense = config.bottleneck == "dense"
        # Linear both: together one affine map of rank `latent` at most.
        squeeze = (nn.Flatten(), nn.Linear(flat, config.latent)) if dense else ()
        expand = (nn.Linear(config.latent, flat), nn.Unflatten(1, (four, _COARSE, _COARSE))) if dense else ()
        self.encoder = nn.Sequential(
            *self._hidden(Down(1, one)), *self._hidden(Down(one, two)), *self._hidden(Down(two, four)), *squeeze
        )
        self.decoder = nn.Sequential(
            *expand,
            *self._hidden(Up(four, four)),
            *self._hidden(Up(four, two)),
            *self._hidden(Up(two, one)),
            nn.ConvTranspose2d(one, 3, 3, padding=1),
        )
        self.apply(_initialize)

    def _hidden(self, layer: Down | Up) -> list[nn.Module]:
        """A hidden layer: convolution, batch norm if any (Keras' constants), ReLU, dropout if any."""
        norm = [nn.BatchNorm2d(layer.out_channels, eps=1e-3, momentum=0.01)] if self.config.batch_norm else []
        drop = [nn.Dropout(self.config.dropout)] if self.config.dropout else []
        return [layer, *norm, nn.ReLU(), *drop]

    def logits(self, gray: Tensor) -> Tensor:
        """The color before the sigmoid, N×3×H×W. ValueError for a size that the network does not take."""
        height, width = gray.shape[-2:]
        if self.config.bottleneck == "dense" and (height, width) != (SIDE, SIDE):
            raise ValueError(
                f"the network takes pictures of {SIDE}×{SIDE}, not {width}×{height}: its dense layers have one size; "
                "others go through thumb or tile"
            )
        if height % GRID or width % GRID:
            raise ValueError(f"the network takes sides that are multiples of {GRID}, not {width}×{height}")
        logits: Tensor = self.decoder(self.encoder(gray))
        return logits

    def forward(self, gray: Tensor) -> Tensor:
        """The color picture. ValueError as `logits`."""
        return torch.sigmoid(self.logits(gray))


def _initialize(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.xavier_uniform_(module.weight)
        assert module.bias is not None
        nn.init.zeros_(module.bias)
