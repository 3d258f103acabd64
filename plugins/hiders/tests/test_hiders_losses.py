"""Losses: what each is, where its gradient goes, and that rounding is on the way."""

import pytest
import torch

from bench_core.nn.invertible import haar, inverse_haar
from bench_hiders.losses import concealing_loss, low_frequency_loss, revealing_loss
from bench_hiders.network import HiderNetwork
from bench_hiders.objective import LossConfig, Objective, reveal

PLAIN = LossConfig(1, 1, 1, 0, 0, True)


def test_the_low_frequency_loss_sees_the_low_sub_band_alone():
    host = torch.rand(2, 3, 8, 8)
    bands = haar(host)
    high, low = bands.clone(), bands.clone()
    high[:, 3:] += torch.rand_like(high[:, 3:])
    low[:, :3] += 0.1
    assert low_frequency_loss(inverse_haar(high), host) < 1e-12
    # An orthonormal transform: the energy of a change of the LL band is the energy of the change of the picture.
    changed = inverse_haar(low)
    assert low_frequency_loss(changed, host) == pytest.approx(float(concealing_loss(changed, host)), rel=1e-4)
    assert low_frequency_loss(changed, host) == pytest.approx(0.01 / 4, rel=1e-4)


def test_sums_keep_the_ratios_of_the_public_code():
    # There every term is Σ of squares; here Σ/(3HW), for one secret and for several.
    a, b, pixels = torch.rand(1, 3, 8, 6), torch.rand(1, 3, 8, 6), 3 * 8 * 6
    bands = (haar(a)[:, :3] - haar(b)[:, :3]).square().sum() / pixels
    assert float(low_frequency_loss(a, b)) == pytest.approx(float(bands), rel=1e-5)
    several, true = torch.rand(1, 9, 8, 6), torch.rand(1, 9, 8, 6)
    assert float(revealing_loss(several, true)) == pytest.approx(float((several - true).square().sum() / pixels))


def test_the_objective_is_the_weighted_sum_and_reaches_every_parameter(tiny, jittered):
    network, config = jittered(tiny), LossConfig(1, 5, 0.5, 0.25, 1, True)
    losses = Objective(network, config)(torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8), 0)
    expected = losses["concealing"] + 5 * losses["revealing"] + 0.5 * losses["low_frequency"] + 0.25 * losses["host"]
    assert float(losses["loss"].detach()) == pytest.approx(float(expected.detach()))
    losses["loss"].backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in network.parameters())


def test_the_receiver_sees_the_rounded_container(tiny):
    network = HiderNetwork(tiny)
    container = torch.full((1, 3, 8, 8), 0.5, requires_grad=True)  # 127.5 lies between two levels
    rounded = reveal(network, container, 0, True, 0).host
    assert float((rounded * 255 - 128).abs().max().detach()) < 1e-4
    rounded.sum().backward()
    assert torch.allclose(container.grad, torch.ones_like(container), atol=1e-5)
    assert float((reveal(network, container, 0, False, 0).host - 0.5).abs().max().detach()) < 1e-6


def test_noise_is_keyed_by_the_seed_and_scaled_by_the_temperature(tiny, jittered):
    network, container = jittered(tiny), torch.rand(1, 3, 8, 8)

    def found(temperature, seed):
        return reveal(network, container, temperature, True, seed).secret

    assert torch.equal(found(1, 3), found(1, 3))
    assert not torch.equal(found(1, 3), found(1, 4))
    assert torch.equal(found(0, 3), found(0, 4))
    assert not torch.equal(found(0.5, 3), found(1, 3))


@torch.no_grad()
def test_a_fresh_network_reveals_nothing(tiny):
    losses = Objective(HiderNetwork(tiny), PLAIN)(torch.full((1, 3, 8, 8), 0.5), torch.rand(1, 3, 8, 8), 0)
    assert float(losses["concealing"]) < 1e-10
    assert float(losses["revealing"]) == pytest.approx(0.25, rel=1e-4)
