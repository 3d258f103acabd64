"""How good a network is while it trains: PSNR on held-out photos under fixed degradations."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from bench_core.errors import RequestError
from bench_core.photos import Pixels, center_crop
from bench_core.torch_model import to_tensor
from bench_core.training.figures import psnr8
from bench_riis.channel import Level, condition_vectors, transmit
from bench_riis.config import TrainingConfig
from bench_riis.model import RiisNetwork

LEVELS = {
    "clean": Level("clean"),
    "jpeg90": Level("jpeg", 90),
    "jpeg40": Level("jpeg", 40),
    "gauss10": Level("gauss", 10.0),
    "poisson": Level("poisson", 255.0),
}
"""Under which every network is validated."""

SIZE = 192
"""Larger than the training crops, because a network that only works at its crop's size must not look good."""


def levels_of(config: TrainingConfig) -> dict[str, Level]:
    """`LEVELS`, and for a network that trains on prints those: simulated, at the end of the ramp, and captured."""
    levels = dict(LEVELS)
    if config.p_print and config.print_real < 1:
        levels["print"] = Level("print", math.inf)
    if config.p_print and config.print_real:
        levels["capture"] = Level("capture", sorted(config.severities)[len(config.severities) // 2])
    return levels


class Validation:
    """Center crops of held-out photos; picture i hides the next ones."""

    revealed: ClassVar[str] = "secret"

    def __init__(self, photos: Sequence[Pixels], config: TrainingConfig, n_secrets: int, seed: int) -> None:
        self.host = centers(photos, n_secrets)
        # What the container should look like, and what should be revealed.
        self.target, self.wanted = self.host, self._secrets(n_secrets)
        self.levels = levels_of(config)
        # Training may simulate JPEG; what counts is the real one.
        self.config, self.seed = replace(config, jpeg_grad="ste_real"), seed
        self.pictures: dict[str, Tensor] = {}
        """What the last run saw, clipped, N×C×H×W."""
        own = config.validation_temperature
        self.temperature = config.temperature if own < 0 else own

    def _secrets(self, n_secrets: int) -> Tensor:
        return torch.cat([self.host.roll(-1 - k, dims=0) for k in range(n_secrets)], dim=1)

    @torch.no_grad()
    def run(self, network: RiisNetwork) -> dict[str, float]:
        """PSNR of container and of what is revealed under each level, and `score`: the losses that a user sees.

        A sender that is told the degradation makes a container for each; the figures are then of the one sent clean.
        """
        device = next(network.parameters()).device
        target, wanted = self.target.to(device), self.wanted.to(device)
        told_sender = network.config.dgm and self.config.dgm_sender == "told"
        container = self._hide(network, Level("clean"))
        figures = {"container": psnr8(container, target)}
        seen = {"target": target, "container": container, self.revealed: wanted}
        errors = []
        for name, level in self.levels.items():
            found = self._reveal(network, self._hide(network, level) if told_sender else container, level)
            figures[f"{self.revealed}_{name}"] = psnr8(found, wanted)
            seen[f"{self.revealed}_{name}"] = found
            errors.append(float(F.mse_loss(found, wanted)))
        self.pictures = {name: _rgb(pictures) for name, pictures in seen.items()}
        score = self.config.weight_rev * sum(errors) / len(errors)
        return {**figures, "score": score + self.config.weight_con * float(F.mse_loss(container, target))}

    def _hide(self, network: RiisNetwork, level: Level) -> Tensor:
        device = next(network.parameters()).device
        told = condition_vectors([level if self.config.dgm_sender == "told" else Level("clean")])
        pairs = zip(torch.split(self.wanted.to(device), 1), torch.split(self.host.to(device), 1), strict=True)
        return torch.cat([network.hide(secret, host, told)[0] for secret, host in pairs])

    def _reveal(self, network: RiisNetwork, container: Tensor, level: Level) -> Tensor:
        received = transmit(container, [level] * len(container), self.seed, self.config)
        shape = network.noise_shape(*container.shape[-2:])
        noise = torch.randn((len(container), *shape), generator=torch.Generator().manual_seed(self.seed)).to(container)
        told = condition_vectors([level])
        pairs = zip(torch.split(received, 1), torch.split(noise, 1), strict=True)
        return torch.cat([self._found(network, r, self.temperature * z, told) for r, z in pairs])

    def _found(self, network: RiisNetwork, received: Tensor, noise: Tensor, told: Tensor) -> Tensor:
        return network.reveal(received, noise, told).secret


def centers(photos: Sequence[Pixels], n_secrets: int) -> Tensor:
    """Center crops of one size, N×3×H×W; RequestError where there are too few photos or too small ones."""
    size = min(SIZE, *(min(photo.shape[:2]) for photo in photos)) // 16 * 16
    if len(photos) <= n_secrets or size < 16:
        raise RequestError(
            f"validation needs more than {n_secrets} photo(s) of at least 16×16 pixels; "
            f"it has {len(photos)}, the smallest side {min(min(photo.shape[:2]) for photo in photos)}"
        )
    return to_tensor([center_crop(photo, size) for photo in photos])


def _rgb(pictures: Tensor) -> Tensor:
    """Several secrets below each other, N×3K×H×W to N×3×KH×W, clipped."""
    return torch.cat(torch.split(pictures.clamp(0, 1), 3, dim=1), dim=2)
