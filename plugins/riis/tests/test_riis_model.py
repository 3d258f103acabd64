"""The network: inversion, identity at the start, conditioning, parameter counts."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from bench_core.nn.invertible import haar
from bench_riis.architecture import NetworkConfig
from bench_riis.config import load_preset
from bench_riis.model import RiisNetwork

Warm = Callable[[RiisNetwork], RiisNetwork]
Jitter = Callable[[torch.nn.Module, float], None]

# Appendix of the specification: small and paper, 1 to 5 secrets.
COUNTS = {
    "small": (509_659, 671_803, 840_859, 1_016_827, 1_199_707),
    "paper": (9_729_635, 11_109_059, 12_510_371, 13_933_571, 15_378_659),
}


@pytest.mark.parametrize("preset", COUNTS)
def test_parameter_counts(preset: str) -> None:
    config = replace(load_preset(preset)[0], decoupled=False)
    with torch.device("meta"):
        found = tuple(sum(p.numel() for p in RiisNetwork(config, n).parameters()) for n in range(1, 6))
    assert found == COUNTS[preset]


def test_a_fresh_network_sends_the_host_and_is_identity() -> None:
    network = RiisNetwork(load_preset("small")[0])
    secret, host = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    container, latent = network.hide(secret, host)
    assert (container - host).abs().max() < 1e-6
    assert (latent - haar(secret)).abs().max() < 1e-6
    assert torch.equal(network.cem(host), host)


@pytest.mark.parametrize(
    ("scale", "dtype", "bound"),
    [
        (0.0, torch.float32, 1e-5),
        (0.0, torch.float64, 1e-12),
        (0.01, torch.float32, 1e-4),
        (0.01, torch.float64, 1e-11),
    ],
)
@pytest.mark.parametrize("n_secrets", [1, 2])
def test_reveal_with_the_true_latent_is_exact(
    warmed: Warm, jitter: Jitter, scale: float, dtype: torch.dtype, bound: float, n_secrets: int
) -> None:
    network = warmed(RiisNetwork(load_preset("small")[0], n_secrets))
    jitter(network, scale)
    network = network.to(dtype)
    secret, host = torch.rand(1, 3 * n_secrets, 32, 24, dtype=dtype), torch.rand(1, 3, 32, 24, dtype=dtype)
    with torch.no_grad():
        container, latent = network.hide(secret, host)
        z, _ = network.whiten(latent, container)
        found = network.reveal_with(network.guess_latent(z, container), container)
    assert (found.secret - secret).abs().max() <= bound
    assert (found.host - host).abs().max() <= bound


def test_the_log_det_of_canp_equals_the_jacobian(tiny: NetworkConfig, warmed: Warm, jitter: Jitter) -> None:
    network = warmed(RiisNetwork(tiny)).double()
    jitter(network, 0.1)
    container = torch.rand(1, 3, 4, 4, dtype=torch.float64)
    latent = torch.randn(48, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(
        lambda values: network.whiten(values.view(1, 12, 2, 2), container)[0].flatten(), latent
    )
    log_det = network.whiten(latent.view(1, 12, 2, 2), container)[1]
    assert abs(float((torch.linalg.slogdet(jacobian)[1] - log_det[0]).detach())) < 1e-9


def test_canp_listens_to_the_container_and_the_noise(tiny: NetworkConfig, warmed: Warm, jitter: Jitter) -> None:
    network = warmed(RiisNetwork(tiny))
    jitter(network, 0.1)
    noise, container = torch.randn(1, 12, 8, 8), torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        guess = network.guess_latent(noise, container)
        assert torch.equal(guess, network.guess_latent(noise, container))
        assert not torch.allclose(guess, network.guess_latent(noise, container.flip(-1)))
        assert not torch.allclose(guess, network.guess_latent(0 * noise, container))


def test_the_number_of_secrets_is_checked(tiny: NetworkConfig) -> None:
    with pytest.raises(ValueError, match="1 to 5"):
        RiisNetwork(tiny, 6)
