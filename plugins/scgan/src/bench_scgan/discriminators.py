"""D_c and D_A, which judge patches: in the layout of SCGAN's public code, or in the one of pix2pix."""

import torch
from torch import Tensor, nn

from bench_core.nn.patchgan import PatchDiscriminator, normalization
from bench_scgan.config import TrainingConfig
from bench_scgan.networks import SLOPE, Initializer, normalize_spectra


class ReleasedDiscriminator(nn.Module):
    """The public code's: 7×7, three 3×3 of stride 2, and two 4×4, padded by reflection; a logit sees 69×69 pixels.

    `train/network.py` of zhaoyuzhi/Semantic-Colorization-GAN. Inner layers have a bias where no batch norm takes it
    away, the first and last one none.
    """

    def __init__(self, inputs: int, width: int, norm: str) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(inputs, width, 7, padding=3, bias=False, padding_mode="reflect"),
            nn.LeakyReLU(SLOPE),
        ]
        shapes = [(1, 2, 3, 2), (2, 4, 3, 2), (4, 8, 3, 2), (8, 8, 4, 1)]
        for before, after, size, stride in shapes:
            layers.append(
                nn.Conv2d(before * width, after * width, size, stride, 1, bias=norm != "bn", padding_mode="reflect")
            )
            layers += [*normalization(norm, after * width), nn.LeakyReLU(SLOPE)]
        layers.append(nn.Conv2d(8 * width, 1, 4, padding=1, bias=False, padding_mode="reflect"))
        self.layers = nn.Sequential(*layers)
        self.apply(Initializer("normal"))

    def forward(self, pictures: Tensor) -> Tensor:
        """Scores N×1×h×w, the higher the more real, of pictures N×C×H×W; 256×256 gives 30×30."""
        scores: Tensor = self.layers(pictures)
        return scores


class Judge(nn.Module):
    """One discriminator; told the gray picture (4 channels) or not (3)."""

    def __init__(self, config: TrainingConfig) -> None:
        super().__init__()
        self.conditional = config.conditional_d
        inputs = 4 if config.conditional_d else 3
        if config.d_layout == "released":
            self.layers: nn.Module = ReleasedDiscriminator(inputs, config.d_ch, config.norm_d)
        else:
            self.layers = PatchDiscriminator(inputs, config.d_ch, norm=config.norm_d)
        if config.sn_d:
            normalize_spectra(self)

    def forward(self, gray: Tensor, picture: Tensor) -> Tensor:
        """Scores N×1×h×w of pictures N×3×H×W whose gray is N×1×H×W."""
        scores: Tensor = self.layers(torch.cat((gray, picture), dim=1) if self.conditional else picture)
        return scores
