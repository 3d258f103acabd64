"""Parts of invertible networks: exact inverses, orthonormal squeezes, and what starts as nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.nn.invertible import ActNorm, DenseNet, InvertibleConv, haar, inverse_haar


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**31))
@settings(max_examples=25)
def test_haar_is_orthonormal(channels: int, rows: int, columns: int, seed: int) -> None:
    x = torch.randn(2, channels, 2 * rows, 2 * columns, generator=torch.Generator().manual_seed(seed))
    u = haar(x)
    assert u.shape == (2, 4 * channels, rows, columns)
    assert (inverse_haar(u) - x).abs().max() <= 1e-6
    assert float(u.square().sum() / x.square().sum()) == pytest.approx(1, abs=1e-6)


def test_haar_bands_are_sub_band_major() -> None:
    block = torch.tensor([[1.0, 2.0], [3.0, 5.0]]).expand(1, 2, 2, 2)
    assert haar(block).flatten().tolist() == [5.5, 5.5, -1.5, -1.5, -2.5, -2.5, 0.5, 0.5]


@given(st.integers(0, 3), st.integers(0, 2**31))
@settings(max_examples=12)
def test_levels_apply_haar_again_to_every_band(levels: int, seed: int) -> None:
    x = torch.randn(1, 2, 16, 8, generator=torch.Generator().manual_seed(seed))
    u = haar(x, levels)
    again = x
    for _ in range(levels):
        again = haar(again)
    assert torch.equal(u, again)
    assert u.shape == (1, 2 * 4**levels, 16 // 2**levels, 8 // 2**levels)
    assert (inverse_haar(u, levels) - x).abs().max() <= 2e-6
    assert float(u.square().sum() / x.square().sum()) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("height", "width"), [(4, 4), (3, 5)])
def test_each_layer_inverts_and_counts_its_volume(height: int, width: int) -> None:
    norm = ActNorm(5, from_data=True)
    x = 3 * torch.randn(4, 5, height, width) + 1
    whitened, _ = norm.train()(x)
    assert whitened.mean(dim=(0, 2, 3)).abs().max() < 1e-4
    assert (whitened.std(dim=(0, 2, 3)) - 1).abs().max() < 1e-4
    assert (norm.inverse(whitened) - x).abs().max() < 1e-5

    mix = InvertibleConv(5, rotate=True)
    assert mix(x)[1].abs().max() < 1e-4  # a rotation keeps volumes
    with torch.no_grad():
        mix.weight.add_(0.1 * torch.randn(5, 5))
    mixed, log_det = mix(x)
    assert (mix.inverse(mixed) - x).abs().max() < 1e-5
    assert log_det.tolist() == pytest.approx([height * width * float(torch.linalg.slogdet(mix.weight)[1].detach())] * 4)


def test_actnorm_looks_at_data_only_once_and_only_in_training() -> None:
    norm = ActNorm(3, from_data=True).eval()
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(norm(x)[0], x)
    assert not norm.initialized
    norm.train()(x)
    bias = norm.bias.clone()
    norm(5 * x)
    assert norm.initialized
    assert torch.equal(norm.bias, bias)


def test_a_fresh_factor_network_gives_zero() -> None:
    assert not DenseNet(3, 2, 4, 3, slope=0.2)(torch.randn(1, 3, 4, 4)).any()
