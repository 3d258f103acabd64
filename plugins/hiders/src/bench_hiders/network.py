"""The network of HiNet (ICCV 2021) and ISN (CVPR 2021): hiding blocks between a host branch and a secret branch.

Shapes: secrets N×3K×H×W, host and container N×3×H×W, all in [0, 1]; H and W are multiples of 2^L for L levels of the
Haar squeeze. What is lost, and the latent that stands in for it, is N×3K·4^L×H/2^L×W/2^L.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from bench_core.nn.invertible import DenseNet, haar, inverse_haar

MOST_SECRETS = 5
"""How many secrets both papers hide at most, of the host's size each."""


@dataclass(frozen=True)
class NetworkConfig:
    """The shape of the network: with the number of secrets, all that weights need to be loaded again."""

    blocks: int
    growth: int
    convs: int
    slope: float
    clamp: float
    haar_levels: int

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> "NetworkConfig":
        """The network's part of a mapping; KeyError where one is missing."""
        return cls(**{field.name: values[field.name] for field in fields(cls)})

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class HidingBlock(nn.Module):
    """h' = h + φ(s), then s' = s·exp(α(ρ(h'))) + η(h') (HiNet Eq. 1; ISN's block has the same form).

    α(t) = c·(2·sigmoid(t) − 1) bounds the log-scale by the clamp c. The networks' last layers start at zero, so a fresh
    block passes both branches on as they are.
    """

    def __init__(self, host: int, secret: int, config: NetworkConfig) -> None:
        super().__init__()
        self.clamp = config.clamp
        self.phi = _dense(secret, host, config)
        self.rho = _dense(host, secret, config)
        self.eta = _dense(host, secret, config)

    def log_scale(self, host: Tensor) -> Tensor:
        """α(ρ(h')), between −c and c."""
        return self.clamp * torch.tanh(self.rho(host).to(host) / 2)  # tanh(t/2) = 2·sigmoid(t) − 1

    def forward(self, host: Tensor, secret: Tensor) -> tuple[Tensor, Tensor]:
        """Both branches, one block nearer to container and lost information."""
        # Under autocast the networks may be 16 bits wide; sums and products stay as exact as the pictures are.
        host = host + self.phi(secret).to(host)
        return host, secret * torch.exp(self.log_scale(host)) + self.eta(host).to(secret)

    def inverse(self, host: Tensor, secret: Tensor) -> tuple[Tensor, Tensor]:
        """Undo `forward`, the secret branch first."""
        secret = (secret - self.eta(host).to(secret)) * torch.exp(-self.log_scale(host))
        return host - self.phi(secret).to(host), secret


class Revealed(NamedTuple):
    """What the receiver gets: secrets N×3K×H×W and host N×3×H×W, neither clipped nor rounded."""

    secret: Tensor
    host: Tensor


class HiderNetwork(nn.Module):
    """Hides `n_secrets` pictures in one host and reveals them; shapes and ranges as in the module's text."""

    def __init__(self, config: NetworkConfig, n_secrets: int = 1) -> None:
        super().__init__()
        if not 1 <= n_secrets <= MOST_SECRETS:
            raise ValueError(f"n_secrets must be 1 to {MOST_SECRETS}, not {n_secrets}")
        self.config, self.n_secrets = config, n_secrets
        channels = 3 * 4**config.haar_levels
        self.blocks = nn.ModuleList(HidingBlock(channels, n_secrets * channels, config) for _ in range(config.blocks))

    @property
    def multiple(self) -> int:
        """What height and width must be multiples of."""
        return int(2**self.config.haar_levels)

    def squeeze(self, pictures: Tensor) -> Tensor:
        """Pictures as the blocks see them: the Haar transform, orthonormal, low frequencies first."""
        return haar(pictures, self.config.haar_levels)

    def hide(self, secret: Tensor, host: Tensor) -> tuple[Tensor, Tensor]:
        """The container, neither rounded nor clipped, and the information that is lost."""
        host, secret = self.squeeze(host), self.squeeze(secret)
        for block in self.blocks:
            host, secret = block(host, secret)
        return inverse_haar(host, self.config.haar_levels), secret

    def reveal(self, container: Tensor, latent: Tensor) -> Revealed:
        """Secrets and host from the received container and what stands in for the lost information."""
        host, secret = self.squeeze(container), latent
        for block in reversed(self.blocks):
            host, secret = block.inverse(host, secret)  # type: ignore[operator]
        return Revealed(inverse_haar(secret, self.config.haar_levels), inverse_haar(host, self.config.haar_levels))

    def noise_shape(self, height: int, width: int) -> tuple[int, int, int]:
        """The shape of one picture's latent."""
        side = self.multiple
        return 3 * self.n_secrets * side**2, height // side, width // side


def _dense(inputs: int, outputs: int, config: NetworkConfig) -> DenseNet:
    return DenseNet(inputs, outputs, config.growth, config.convs, config.slope)
