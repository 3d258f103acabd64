"""The RIIS network: main flow f_θ, conditional flow CANP, and container enhancement CEM.

Shapes: secrets N×3K×H×W, host and container N×3×H×W, all in [0, 1], H and W even; latent and noise
N×12K×H/2×W/2. RIIS: "Robust Invertible Image Steganography", CVPR 2022.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from bench_core.nn.invertible import haar, inverse_haar
from bench_riis.blocks import AffineCoupling, Flow, FlowStep
from bench_riis.config import NetworkConfig


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x)))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return x + self.body(x)  # type: ignore[no-any-return]


class ResidualDenseBlock(nn.Module):
    """Five densely connected convolutions, scaled by 0.2 and added (ESRGAN, RRDBNet)."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv2d(channels + j * growth, growth if j < 4 else channels, 3, padding=1) for j in range(5)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        features = [x]
        for layer in self.layers[:-1]:
            features.append(nn.functional.leaky_relu(layer(torch.cat(features, dim=1)), 0.2))
        return x + 0.2 * self.layers[-1](torch.cat(features, dim=1))  # type: ignore[no-any-return]


class RRDB(nn.Module):
    """Three residual dense blocks with a residual around them, scaled by 0.2."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*(ResidualDenseBlock(channels, growth) for _ in range(3)))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return x + 0.2 * self.body(x)  # type: ignore[no-any-return]


class ConditionExtractor(nn.Module):
    """G: what CANP is told of the container, N×12×h×w to N×channels×h×w.

    `residual` is the small one; `rrdb` follows HCFlow's ConditionalFlow.py (RRDBs between two convolutions
    and a long skip).
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        channels = config.condition_channels
        self.head = nn.Conv2d(12, channels, 3, padding=1)
        self.long_skip = config.condition == "rrdb"
        if self.long_skip:
            blocks: list[nn.Module] = [RRDB(channels, config.condition_growth) for _ in range(config.condition_blocks)]
            self.body = nn.Sequential(*blocks, nn.Conv2d(channels, channels, 3, padding=1))
        else:
            self.body = nn.Sequential(*(ResidualBlock(channels) for _ in range(config.condition_blocks)))

    def forward(self, x: Tensor) -> Tensor:
        """The condition of every step of CANP."""
        head: Tensor = self.head(x)
        body: Tensor = self.body(head)
        return head + body if self.long_skip else body


class CEM(nn.Module):
    """Container enhancement: DnCNN without batch-norm, residual. Its last layer starts at zero: the identity."""

    def __init__(self, depth: int, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, channels, 3, padding=1), nn.ReLU()]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU()]
        last = nn.Conv2d(channels, 3, 3, padding=1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        self.net = nn.Sequential(*layers, last)

    def forward(self, received: Tensor) -> Tensor:
        """The enhanced container, not clipped."""
        return received - self.net(received).to(received)  # type: ignore[no-any-return]


class Revealed(NamedTuple):
    """What the receiver gets: secrets N×3K×H×W, host N×3×H×W and the enhanced container, none of them clipped."""

    secret: Tensor
    host: Tensor
    enhanced: Tensor


class RiisNetwork(nn.Module):
    """Hides `n_secrets` pictures in one host and reveals them; shapes and ranges as in the module's text."""

    def __init__(self, config: NetworkConfig, n_secrets: int = 1) -> None:
        super().__init__()
        if not 1 <= n_secrets <= 5:
            raise ValueError(f"n_secrets must be 1 to 5, not {n_secrets}")
        self.config = config
        self.n_secrets = n_secrets
        latent = 12 * n_secrets
        dense = (config.activation, config.clamp)
        # The main flow starts as the identity: a fresh network sends the host itself.
        self.flow = Flow(
            [
                FlowStep(AffineCoupling(latent, 12, config.flow_growth, config.flow_convs, *dense), mixed_start=False)
                for _ in range(config.flow_steps)
            ]
        )
        half, condition = latent // 2, config.condition_channels
        self.condition = ConditionExtractor(config)
        self.canp = Flow(
            [
                FlowStep(
                    AffineCoupling(half, latent - half, config.canp_growth, config.canp_convs, *dense, condition),
                    mixed_start=True,
                )
                for _ in range(config.canp_steps)
            ]
        )
        self.cem = CEM(config.cem_depth, config.cem_channels)

    def hide(self, secret: Tensor, host: Tensor) -> tuple[Tensor, Tensor]:
        """The container (unrounded, unclipped) and the latent that is dropped."""
        latent, container = self._split(self.flow(torch.cat((haar(secret), haar(host)), dim=1))[0])
        return inverse_haar(container), latent

    def whiten(self, latent: Tensor, container: Tensor) -> tuple[Tensor, Tensor]:
        """Training only: z = CANP(latent; G(container)), and CANP's log-determinant (N,)."""
        z, log_det = self.canp(latent, self.condition(haar(container)))
        return z, log_det

    def guess_latent(self, noise: Tensor, enhanced: Tensor) -> Tensor:
        """The receiver's latent: CANP⁻¹(noise; G(enhanced container))."""
        return self.canp.inverse(noise, self.condition(haar(enhanced)))

    def reveal(self, received: Tensor, noise: Tensor) -> Revealed:
        """Secrets and host from the received container and z̃ ~ N(0, T²I) of the latent's shape."""
        enhanced: Tensor = self.cem(received)
        return self.reveal_with(self.guess_latent(noise, enhanced), enhanced)

    def reveal_with(self, latent: Tensor, enhanced: Tensor) -> Revealed:
        """Secrets and host from a given latent and enhanced container: the inverse of `hide`."""
        secret, host = self._split(self.flow.inverse(torch.cat((latent, haar(enhanced)), dim=1)))
        return Revealed(inverse_haar(secret), inverse_haar(host), enhanced)

    def noise_shape(self, height: int, width: int) -> tuple[int, int, int]:
        """The shape of one picture's latent."""
        return 12 * self.n_secrets, height // 2, width // 2

    def _split(self, u: Tensor) -> tuple[Tensor, Tensor]:
        secret, host = torch.split(u, [12 * self.n_secrets, 12], dim=1)
        return secret, host
