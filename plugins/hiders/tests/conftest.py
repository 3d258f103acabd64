"""What the tests of the hiders share: tiny networks."""

from collections.abc import Callable

import pytest
import torch

from bench_hiders.network import HiderNetwork, NetworkConfig


@pytest.fixture
def tiny() -> NetworkConfig:
    return NetworkConfig(blocks=3, growth=4, convs=3, slope=0.2, clamp=2.0, haar_levels=1)


@pytest.fixture
def jittered() -> Callable[..., HiderNetwork]:
    """A network none of whose layers is the identity any more."""

    def build(config: NetworkConfig, n_secrets: int = 1, scale: float = 0.01) -> HiderNetwork:
        network = HiderNetwork(config, n_secrets)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(scale * torch.randn_like(parameter))
        return network

    return build
