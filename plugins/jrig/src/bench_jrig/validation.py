"""How good a network is while it trains: PSNR on held-out photos, clean and after real JPEG."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from bench_core.errors import RequestError
from bench_core.photos import Pixels, center_crop
from bench_core.surrogates.rounding import round8
from bench_core.training.figures import psnr8
from bench_jrig.channel import real_jpeg
from bench_jrig.config import GRID, TrainingConfig
from bench_jrig.networks import JrigNetwork
from bench_jrig.targets import target_of, to_signed, to_unit

QUALITIES = (95, 90, 75)
"""JPEG qualities that every network is validated at."""

SIZE = 192
"""Larger than the training crops of `small`: a network that leans on its crop's border must not look good."""

GRAY_SHARE = 0.4
"""Of the gray picture in `score`; the rest is the restored one's, in equal parts over what training prepares it for."""

_SHOWN = 4


class Validation:
    """Center crops of held-out photos. Figures are those of the 8-bit gray picture, the clean one too."""

    def __init__(self, photos: Sequence[Pixels], config: TrainingConfig) -> None:
        sides = [min(photo.shape[:2]) for photo in photos]
        largest = max(SIZE, config.crop, config.late_crop if config.late_fraction else 0)
        size = min([largest, *sides]) // GRID * GRID
        if not sides or size < 2 * GRID:
            smallest = f"the smallest side is {min(sides)}" if sides else "there are none"
            raise RequestError(f"validation needs photos of at least {2 * GRID}×{2 * GRID} pixels; {smallest}")
        pictures = np.stack([center_crop(photo, size) for photo in photos])
        self.color = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))).float() / 255
        self.target = target_of(pictures, config.target)
        self.luminance = target_of(pictures, "luminance")
        self.shaped, self.mixes = config.target != "none", config.mixes

    def run(self, network: JrigNetwork) -> dict[str, float]:
        """PSNR-g, PSNR-c clean and at each quality, and `score`, which is lower the better.

        `psnr_plain` is R's on the plain luminance, which hides nothing: a working pair leaves it several dB behind
        `psnr_clean`. `psnr_copy` is the gray picture's own, shown as color: what no restoring at all gets.
        """
        gray = self._gray(network)
        figures = {"psnr_gray": psnr8(to_unit(gray), round8(to_unit(self.target)))} if self.shaped else {}
        figures["psnr_clean"] = self._restored(network, gray)
        for quality in QUALITIES:
            figures[f"psnr_jpeg{quality}"] = self._restored(network, real_jpeg(gray, [quality] * len(gray), 0))
        figures["psnr_plain"] = self._restored(network, _rounded(self.luminance))
        figures["psnr_copy"] = psnr8(to_unit(gray).expand(-1, 3, -1, -1), self.color)
        trained_for = ["psnr_clean", *(f"psnr_jpeg{quality}" for quality in QUALITIES if self.mixes)]
        restored = sum(figures[name] for name in trained_for) / len(trained_for)
        share = GRAY_SHARE if self.shaped else 0.0
        return {**figures, "score": -(share * figures.get("psnr_gray", 0.0) + (1 - share) * restored)}

    @torch.no_grad()
    def pictures(self, network: JrigNetwork) -> dict[str, Tensor]:
        """A few originals, gray pictures and what comes back of them, N×C×H×W in [0, 1]."""
        gray = self._gray(network, _SHOWN)
        arrived = real_jpeg(gray, [QUALITIES[1]] * len(gray), 0)
        return {
            "color": self.color[:_SHOWN],
            "gray": to_unit(gray),
            "restored-clean": to_unit(self._each(network, gray)),
            f"restored-jpeg{QUALITIES[1]}": to_unit(self._each(network, arrived)),
        }

    @torch.no_grad()
    def _gray(self, network: JrigNetwork, count: int | None = None) -> Tensor:
        device = next(network.parameters()).device
        colors = torch.split(to_signed(self.color[:count]), 1)
        return _rounded(torch.cat([network.hide(color.to(device)).cpu() for color in colors]))

    @torch.no_grad()
    def _restored(self, network: JrigNetwork, received: Tensor) -> float:
        return psnr8(to_unit(self._each(network, received)), self.color)

    def _each(self, network: JrigNetwork, received: Tensor) -> Tensor:
        device = next(network.parameters()).device
        return torch.cat([network.restore(gray.to(device)).cpu() for gray in torch.split(received, 1)])


def _rounded(gray: Tensor) -> Tensor:
    return to_signed(round8(to_unit(gray)))
