"""The network: exact inverses, bounds, shapes and sizes, and that its exact part stays exact under autocast."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.nn.invertible import haar
from bench_hiders.network import HiderNetwork, HidingBlock, NetworkConfig
from bench_hiders.train import HYPERPARAMETERS


@pytest.mark.parametrize("secrets", [1, 2, 5])
@pytest.mark.parametrize(("dtype", "most"), [(torch.float32, 1e-5), (torch.float64, 1e-11)])
def test_reveal_undoes_hide(tiny, jittered, secrets, dtype, most):
    network = jittered(replace(tiny, blocks=16), secrets).to(dtype)
    secret, host = torch.rand(2, 3 * secrets, 12, 20, dtype=dtype), torch.rand(2, 3, 12, 20, dtype=dtype)
    container, lost = network.hide(secret, host)
    found = network.reveal(container, lost)
    assert (found.secret - secret).abs().max() < most
    assert (found.host - host).abs().max() < most
    assert (container - host).abs().max() > 1e-3  # something was hidden at all


@settings(max_examples=15)
@given(st.integers(1, 5), st.integers(0, 2), st.integers(1, 5), st.integers(1, 5))
def test_shapes_of_every_count_and_squeeze(secrets, levels, height, width):
    network = HiderNetwork(NetworkConfig(1, 2, 2, 0.2, 2.0, levels), secrets)
    height, width = height * network.multiple, width * network.multiple
    container, lost = network.hide(torch.rand(1, 3 * secrets, height, width), torch.rand(1, 3, height, width))
    assert container.shape == (1, 3, height, width)
    assert tuple(lost.shape[1:]) == network.noise_shape(height, width)
    assert lost.numel() == 3 * secrets * height * width


def test_a_fresh_network_sends_the_host_and_loses_the_secret(tiny):
    network, secret, host = HiderNetwork(tiny), torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8)
    container, lost = network.hide(secret, host)
    assert (container - host).abs().max() < 1e-6
    assert (lost - haar(secret)).abs().max() < 1e-6


@pytest.mark.parametrize("clamp", [0.8, 2.0])
def test_the_log_scale_is_bounded_by_the_clamp(tiny, clamp):
    block = HidingBlock(12, 12, replace(tiny, clamp=clamp))
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.normal_(0, 30)
    scale = block.log_scale(torch.randn(1, 12, 8, 8) * 100)
    assert scale.abs().max() <= clamp
    assert scale.abs().max() > 0.99 * clamp


def test_the_log_scale_is_the_clamped_sigmoid_of_the_paper(tiny, jittered):
    block, host = jittered(tiny).blocks[0], torch.randn(1, 12, 4, 4)
    assert torch.allclose(block.log_scale(host), 2.0 * (2 * torch.sigmoid(block.rho(host)) - 1), atol=1e-6)


def test_a_block_is_additive_for_the_host_and_affine_for_the_secret(tiny, jittered):
    block = jittered(tiny, scale=0.2).blocks[0]
    host, other, secret = torch.randn(3, 1, 12, 4, 4)
    added = block(host, secret)[0] - host
    assert torch.allclose(block(other, secret)[0] - other, added, atol=1e-5)
    found = block(host, secret)
    expected = secret * torch.exp(block.log_scale(found[0])) + block.eta(found[0])
    assert torch.allclose(found[1], expected, atol=1e-6)


def test_autocast_coarsens_the_networks_and_not_the_inverse(tiny, jittered):
    network, secret, host = jittered(tiny), torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        container, lost = network.hide(secret, host)
        found = network.reveal(container, lost)
    assert container.dtype == lost.dtype == found.secret.dtype == torch.float32
    # A container of 16 bits would be off by 2^-9, and so would the secret.
    assert (found.secret - secret).abs().max() < 1e-3
    assert (found.host - host).abs().max() < 1e-3
    assert not torch.equal(container, network.hide(secret, host)[0])


@pytest.mark.parametrize("secrets", range(1, 6))
def test_parameters_of_the_presets(secrets):
    # φ maps 12K to 12 channels, ρ and η 12 to 12K; a 3×3 convolution from a to b channels has (9a + 1)·b parameters.
    for hyperparameters in HYPERPARAMETERS.values():
        for preset in hyperparameters.presets:
            config = NetworkConfig.read(hyperparameters.resolve(preset, ()))

            def dense(inputs, outputs, config=config):
                last = config.convs - 1
                widths = [(inputs + j * config.growth, config.growth) for j in range(last)]
                return sum((9 * a + 1) * b for a, b in [*widths, (inputs + last * config.growth, outputs)])

            expected = config.blocks * (dense(12 * secrets, 12) + 2 * dense(12, 12 * secrets))
            assert sum(p.numel() for p in HiderNetwork(config, secrets).parameters()) == expected


def test_the_paper_preset_is_as_large_as_the_public_code():
    config = NetworkConfig.read(HYPERPARAMETERS["hinet"].resolve("paper", ()))
    # HiNet's INV_block × 16 with ResidualDenseBlock_out of 12 to 12 channels.
    assert sum(p.numel() for p in HiderNetwork(config).parameters()) == 16 * 3 * (
        (9 * 12 + 1) * 32 + (9 * 44 + 1) * 32 + (9 * 76 + 1) * 32 + (9 * 108 + 1) * 32 + (9 * 140 + 1) * 12
    )


@pytest.mark.parametrize("secrets", [0, 6])
def test_more_secrets_than_the_papers_hide_are_refused(tiny, secrets):
    with pytest.raises(ValueError, match="1 to 5"):
        HiderNetwork(tiny, secrets)
