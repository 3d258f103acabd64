"""How good a network is while it trains: PSNR on held-out photos over the clean channel, rounded and not."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from bench_core.errors import RequestError
from bench_core.photos import Pixels, center_crop
from bench_core.torch_model import to_tensor
from bench_core.training.figures import psnr8
from bench_hiders.losses import concealing_loss, low_frequency_loss, revealing_loss
from bench_hiders.network import HiderNetwork
from bench_hiders.objective import LossConfig, reveal

SIZE = 192
"""Larger than the training crops, because a network that only works at its crop's size must not look good."""


class Validation:
    """Center crops of held-out photos; picture i hides the next ones."""

    def __init__(self, photos: Sequence[Pixels], network: HiderNetwork, config: LossConfig, seed: int) -> None:
        secrets, multiple = network.n_secrets, max(8, network.multiple)
        size = min(SIZE, *(min(photo.shape[:2]) for photo in photos)) // multiple * multiple
        if len(photos) <= secrets or size < multiple:
            raise RequestError(
                f"validation needs more than {secrets} photo(s) of at least {multiple}×{multiple} pixels; it has "
                f"{len(photos)}, the smallest side {min(min(photo.shape[:2]) for photo in photos)}; give others: --val"
            )
        self.network, self.config, self.seed = network, config, seed
        self.host = to_tensor([center_crop(photo, size) for photo in photos])
        self.secret = torch.cat([self.host.roll(-1 - k, dims=0) for k in range(secrets)], dim=1)
        self.seen: dict[str, Tensor] = {}

    @torch.no_grad()
    def run(self) -> dict[str, float]:
        """PSNR of container and secrets, and `score`: the weighted losses over the channel that training has.

        `secret` is what the method gives: 8-bit container, the training's temperature; `secret_still` is without noise
        and `secret_float` with the container unrounded, as the public code of HiNet evaluates.
        """
        device = next(self.network.parameters()).device
        names = ("container", "secret", "secret_still", "secret_float")
        found: dict[str, list[Tensor]] = {name: [] for name in names}
        hosts: list[Tensor] = []
        # One picture at a time, for a validation at a larger size needs memory for one.
        for host, secret in zip(torch.split(self.host, 1), torch.split(self.secret, 1), strict=True):
            container = self.network.hide(secret.to(device), host.to(device))[0]
            found["container"].append(container)
            kinds = (("secret", self.config.temperature, True), ("secret_still", 0.0, True))
            for name, temperature, rounded in (*kinds, ("secret_float", self.config.temperature, False)):
                revealed = reveal(self.network, container, temperature, rounded, self.seed)
                found[name].append(revealed.secret)
                if name == ("secret" if self.config.round else "secret_float"):
                    hosts.append(revealed.host)
        seen = {name: torch.cat(pictures).cpu().float() for name, pictures in found.items()}
        self.seen = {"container": seen["container"], "secret": seen["secret"][:, :3]}
        figures = {
            name: psnr8(pictures, self.host if name == "container" else self.secret) for name, pictures in seen.items()
        }
        secret = seen["secret" if self.config.round else "secret_float"]
        score = (
            self.config.weight_concealing * concealing_loss(seen["container"], self.host)
            + self.config.weight_revealing * revealing_loss(secret, self.secret)
            + self.config.weight_low_frequency * low_frequency_loss(seen["container"], self.host)
            + self.config.weight_host * F.mse_loss(torch.cat(hosts).cpu().float(), self.host)
        )
        return {**figures, "score": float(score)}

    def pictures(self) -> dict[str, Tensor]:
        """What the last `run` saw: hosts, containers, first secrets and how they came back; N×3×H×W in [0, 1]."""
        truth = {"host": self.host, "true_secret": self.secret[:, :3]}
        return {name: pictures[:4].clamp(0, 1) for name, pictures in {**truth, **self.seen}.items()}
