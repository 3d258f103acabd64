"""What the tests of RIIS share: and tiny networks."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from bench_riis.architecture import NetworkConfig
from bench_riis.config import load_preset
from bench_riis.model import RiisNetwork


@pytest.fixture
def tiny() -> NetworkConfig:
    small, _ = load_preset("small")
    return replace(
        small, flow_steps=2, flow_growth=4, flow_convs=2, canp_growth=4, canp_convs=2, condition_channels=4,
        condition_blocks=1, cem_depth=2, cem_channels=4,
    )  # fmt: skip


@pytest.fixture
def warmed() -> Callable[[RiisNetwork], RiisNetwork]:
    """Let CANP's actnorm see one batch, as training does, then switch to evaluation."""

    def warm(network: RiisNetwork) -> RiisNetwork:
        secret, host = torch.rand(2, 3 * network.n_secrets, 16, 16), torch.rand(2, 3, 16, 16)
        with torch.no_grad():
            container, latent = network.train().hide(secret, host)
            network.whiten(latent, container)
        return network.eval()

    return warm


@pytest.fixture
def jitter() -> Callable[[torch.nn.Module, float], None]:
    """Move every parameter a little, so that no layer is the identity any more."""

    def move(module: torch.nn.Module, scale: float) -> None:
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(scale * torch.randn_like(parameter))

    return move
