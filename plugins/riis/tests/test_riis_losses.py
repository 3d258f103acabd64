"""The losses: what they equal, and whom their gradients reach."""

from dataclasses import replace

import pytest
import torch

from bench_riis.architecture import NetworkConfig
from bench_riis.channel import Level, transmit
from bench_riis.config import load_preset
from bench_riis.losses import (
    DEQUANTIZATION,
    container_loss,
    distribution_loss,
    enhancement_loss,
    fft_loss,
    reveal_loss,
)
from bench_riis.model import RiisNetwork
from bench_riis.objective import Objective


def test_the_frequency_loss_equals_the_spatial_one() -> None:
    a, b = torch.rand(2, 3, 16, 12, dtype=torch.float64), torch.rand(2, 3, 16, 12, dtype=torch.float64)
    mse = (a - b).square().mean()
    assert float(fft_loss(a, b, "l2")) == pytest.approx(float(mse), rel=1e-6)
    assert float(container_loss(a, b, "l2")) == pytest.approx(2 * float(mse), rel=1e-6)
    assert float(container_loss(a, b, "off")) == pytest.approx(float(mse), rel=1e-6)
    bare = torch.fft.fft2(a - b).abs().square().mean()
    assert float(bare) == pytest.approx(float(mse) * 16 * 12, rel=1e-6)
    one_sided = torch.fft.rfft2(a - b, norm="ortho").abs().square().mean()
    assert float(one_sided) != pytest.approx(float(mse), rel=1e-6)
    assert float(fft_loss(a, b, "l1")) != pytest.approx(float((a - b).abs().mean()), rel=1e-2)


def test_the_reveal_loss_sums_over_secrets() -> None:
    zero = torch.zeros(1, 3, 4, 4)
    secrets = torch.cat((zero + 0.1, zero + 0.2), dim=1)
    found = reveal_loss(secrets, zero + 0.3, torch.zeros_like(secrets), zero, 2)
    assert float(found) == pytest.approx(0.01 + 0.04 + 0.09)


def test_the_enhancement_loss_reaches_cem_alone(tiny: NetworkConfig) -> None:
    network = RiisNetwork(tiny)
    config = replace(load_preset("small")[1], weight_rev=0.0, weight_con=0.0, weight_distr=0.0, distr="off")
    objective = Objective(network, config)
    losses = objective(torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16), [Level("jpeg", 60)] * 2, 0)
    losses["loss"].backward()
    gradients = {name: p.grad for name, p in network.named_parameters()}
    reached = {name.split(".")[0] for name, g in gradients.items() if g is not None and float(g.abs().max()) > 0}
    assert reached == {"cem"}
    container = torch.rand(1, 3, 8, 8).requires_grad_()
    assert not enhancement_loss(torch.zeros(1, 3, 8, 8), container).requires_grad


@pytest.mark.parametrize("kind", ["fourier", "cubic", "ste", "noise", "ste_real"])
def test_the_reveal_loss_reaches_the_container(tiny: NetworkConfig, kind: str) -> None:
    network = RiisNetwork(tiny).eval()
    secret, host = torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16)
    container = host.clone().requires_grad_()
    received = transmit(container, [Level("jpeg", 80)], 0, load_preset("small", [f"jpeg_grad={kind}"])[1])
    revealed = network.reveal(received, torch.randn(1, 12, 8, 8))
    (gradient,) = torch.autograd.grad(reveal_loss(revealed.secret, revealed.host, secret, host, 1), container)
    assert float(gradient.abs().max()) > 0


def test_the_losses_add_up_and_all_parts_learn(tiny: NetworkConfig) -> None:
    config = load_preset("small")[1]
    objective = Objective(RiisNetwork(tiny), config)
    losses = objective(torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16), [Level("clean"), Level("gauss", 3.0)], 0)
    expected = losses["reveal"] + 4 * losses["container"] + losses["enhancement"] + 0.01 * losses["distribution"]
    assert losses["loss"].item() == pytest.approx(expected.item(), rel=1e-6)
    losses["loss"].backward()
    for part in ("flow", "canp", "cem"):
        gradients = [p.grad for p in getattr(objective.network, part).parameters() if p.grad is not None]
        assert any(float(gradient.abs().max()) > 0 for gradient in gradients)


def test_the_likelihood_counts_the_jacobian() -> None:
    z, log_det = torch.ones(2, 12, 4, 4), torch.tensor([24.0, 48.0])
    assert float(distribution_loss(z, log_det, "ce", 1)) == pytest.approx(0.5)
    assert float(distribution_loss(z, log_det, "nll", 1)) == pytest.approx(0.5 - 36 / z[0].numel())
    # Per pixel of the host, not of all secrets: two of them count twice, as they do in L_rev.
    both, log_dets = torch.cat((z, z), dim=1), 2 * log_det
    assert float(distribution_loss(both, log_dets, "nll", 2)) == pytest.approx(2 * (0.5 - 36 / z[0].numel()))


def latent_spread(config: NetworkConfig, distr: str, weight: float) -> float:
    """std of CANP's output on the jittered latent after 200 steps of a toy run."""
    torch.manual_seed(1)
    network = RiisNetwork(config)
    training = replace(load_preset("small")[1], distr=distr, weight_distr=weight)
    objective = Objective(network, training)
    optimizer = torch.optim.Adam(network.parameters(), 5e-3, betas=(0.9, 0.99))
    for step in range(200):
        secret, host = torch.rand(2, 2, 3, 4, 4).repeat_interleave(4, -1).repeat_interleave(4, -2)
        optimizer.zero_grad()
        objective(secret, host, [Level("clean")] * 2, step)["loss"].backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    with torch.no_grad():
        container, latent = network.hide(secret, host)
        return float(network.whiten(latent + DEQUANTIZATION * torch.randn_like(latent), container)[0].std())


def test_the_literal_cross_entropy_collapses_and_the_likelihood_does_not(tiny: NetworkConfig) -> None:
    assert latent_spread(tiny, "ce", 0.5) < 0.2
    assert 0.5 < latent_spread(tiny, "nll", 0.01) < 2
