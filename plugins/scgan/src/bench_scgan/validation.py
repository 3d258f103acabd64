"""How good a generator is while it trains: color and saliency of held-out photos, at the network's size."""

from collections.abc import Sequence

import torch
from torch import Tensor

from bench_core.nn.lab import colored, rgb_to_lab
from bench_core.photos import Pixels
from bench_core.training.figures import psnr8
from bench_scgan.batches import prepared
from bench_scgan.config import NetworkConfig
from bench_scgan.networks import Generator
from bench_scgan.views import to_range, to_unit

_SHOWN = 8


class Validation:
    """Whole photos, resized, with their saliency where they have it."""

    def __init__(self, photos: Sequence[Pixels], config: NetworkConfig) -> None:
        self.config = config
        found = prepared(photos, config)
        self.color, self.gray, self.saliency = found["color"], found["gray"], found.get("saliency")

    def run(self, network: Generator) -> dict[str, float]:
        """Figures, and `score`, which is the lower the better.

        `psnr_color` is of the predicted colors with the picture's own luminance, as a run gives them, and what `score`
        is about; `psnr_raw` is of the network's RGB, `psnr_copy` of gray alone. `ab_error` is the mean distance of
        (a, b), `chroma` the mean chroma by that of the originals (below 1: paler), `saliency_mae` the mean |G_s − s|.
        """
        raw, saliency = self._each(network)
        shown = self._joined(raw)
        true, found = rgb_to_lab(self.color)[:, 1:], rgb_to_lab(shown)[:, 1:]
        figures = {
            "psnr_color": psnr8(shown, self.color),
            "psnr_raw": psnr8(raw.clamp(0, 1), self.color),
            "psnr_copy": psnr8(self.gray.expand(-1, 3, -1, -1), self.color),
            "ab_error": float((found - true).norm(dim=1).mean()),
            "chroma": float(found.norm(dim=1).mean() / true.norm(dim=1).mean().clamp_min(1e-6)),
        }
        if saliency is not None and self.saliency is not None:
            figures["saliency_mae"] = float((saliency - self.saliency).abs().mean())
        return {**figures, "score": -figures["psnr_color"]}

    def pictures(self, network: Generator) -> dict[str, Tensor]:
        """A few originals, what is made of their gray, and the saliency, N×C×H×W in [0, 1]."""
        raw, saliency = self._each(network, _SHOWN)
        found = {"color": self.color[:_SHOWN], "colored": self._joined(raw), "raw": raw.clamp(0, 1)}
        return found | ({"saliency": saliency} if saliency is not None else {})

    def _joined(self, raw: Tensor) -> Tensor:
        return colored(self.gray[: len(raw)], rgb_to_lab(raw.clamp(0, 1))[:, 1:])

    @torch.no_grad()
    def _each(self, network: Generator, count: int | None = None) -> tuple[Tensor, Tensor | None]:
        device = next(network.parameters()).device
        grays = torch.split(to_range(self.gray[:count], self.config), 1)
        found = [network(gray.to(device)) for gray in grays]
        raw = torch.cat([color.cpu() for color, _ in found])
        saliency = torch.cat([s.cpu() for _, s in found]) if self.config.attention else None
        return to_unit(raw, self.config), saliency
