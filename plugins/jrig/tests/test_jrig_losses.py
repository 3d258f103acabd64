"""The losses (specification §3, properties 10 to 13)."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data
from skimage.metrics import structural_similarity

from bench_core.surrogates.ycbcr import luminance
from bench_jrig.losses import (
    basic_loss,
    quantization_loss,
    structure_loss,
    total_variation,
    variation_loss,
)

WINDOWS = ("gaussian", "uniform")


@pytest.mark.parametrize("window", WINDOWS)
def test_structure_loss_is_0_for_equal_pictures_and_falls_on_the_way(window: str) -> None:
    torch.manual_seed(1)
    x, y = torch.rand(2, 3, 24, 24) * 2 - 1, torch.rand(2, 3, 24, 24) * 2 - 1
    assert structure_loss(x, x, window).item() == pytest.approx(0, abs=1e-6)
    losses = [structure_loss(torch.lerp(x, y, t), y, window).item() for t in (0.0, 0.3, 0.6, 0.9)]
    assert all(a > b > 0 for a, b in itertools.pairwise(losses))


def test_structure_loss_is_one_minus_ssim_as_others_compute_it() -> None:
    photo = data.astronaut()[:60, 100:180]
    other = np.clip(photo + np.random.default_rng(0).normal(0, 20, photo.shape), 0, 255).astype(np.uint8)
    _, picture = structural_similarity(
        photo, other, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255,
        full=True,
    )  # fmt: skip
    a, b = (torch.from_numpy(p.transpose(2, 0, 1)[None] / 127.5 - 1) for p in (photo, other))
    assert structure_loss(a, b).item() == pytest.approx(1 - picture[5:-5, 5:-5].mean(), abs=1e-9)


def test_uniform_windows_lie_side_by_side() -> None:
    torch.manual_seed(2)
    x, y = torch.rand(1, 1, 16, 24) * 2 - 1, torch.rand(1, 1, 16, 24) * 2 - 1
    blocks = [
        (x[..., i : i + 8, j : j + 8], y[..., i : i + 8, j : j + 8]) for i in (0, 8) for j in (0, 8, 16)
    ]  # fmt: skip
    alone = [structure_loss(a, b, "uniform", 8) for a, b in blocks]
    assert structure_loss(x, y, "uniform", 8).item() == pytest.approx(torch.stack(alone).mean().item(), abs=1e-6)
    (a, b), (c1, c2) = blocks[0], (0.02**2, 0.06**2)
    l_ = (2 * (a + 1).mean() * (b + 1).mean() + c1) / ((a + 1).mean() ** 2 + (b + 1).mean() ** 2 + c1)
    contrast = (2 * a.std(correction=0) * b.std(correction=0) + c2) / (
        a.var(correction=0) + b.var(correction=0) + c2
    )  # fmt: skip
    covariance = ((a - a.mean()) * (b - b.mean())).mean()
    structure = (covariance + c2 / 2) / (a.std(correction=0) * b.std(correction=0) + c2 / 2)
    assert 1 - alone[0].item() == pytest.approx((l_ * contrast * structure).item(), abs=1e-5)  # l·c·s with C3 = C2/2


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("level", [-1.0, 0.0, 1.0])
def test_structure_loss_has_a_finite_gradient_on_constant_pictures(window: str, level: float) -> None:
    x = torch.full((1, 3, 16, 16), level, requires_grad=True)
    structure_loss(x, torch.zeros(1, 3, 16, 16), window).backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()


def test_an_unknown_window_is_refused() -> None:
    with pytest.raises(ValueError, match="known: gaussian, uniform"):
        structure_loss(torch.rand(1, 1, 16, 16), torch.rand(1, 1, 16, 16), "box")


@given(st.floats(0, 255), st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_basic_loss_is_the_mean_of_what_exceeds_the_threshold(threshold: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    gray, target = (torch.rand(2, 1, 6, 5, generator=generator, dtype=torch.float64) * 2 - 1 for _ in range(2))
    difference = (gray - target).abs().numpy() * 127.5
    expected = np.maximum(difference - threshold, 0).mean() / 127.5
    assert basic_loss(gray, target, threshold).item() == pytest.approx(expected, abs=1e-12)


def test_a_threshold_of_70_is_0_549() -> None:
    target = torch.zeros(1, 1, 4, 4)
    assert basic_loss(target + 70 / 127.5 - 1e-4, target, 70).item() == 0
    assert basic_loss(target + 0.649, target, 70).item() == pytest.approx(0.649 - 70 / 127.5, abs=1e-6)


def test_quantization_loss_is_0_on_levels_and_largest_half_way() -> None:
    levels = torch.arange(256, dtype=torch.float64) / 127.5 - 1
    assert quantization_loss(levels).item() == pytest.approx(0, abs=1e-12)
    assert quantization_loss(levels[:-1] + 0.5 / 127.5).item() == pytest.approx(1 / 255, abs=1e-12)
    literal = (torch.linspace(-1, 1, 999, dtype=torch.float64)[:, None] - levels).abs().min(dim=1).values.mean()
    assert quantization_loss(torch.linspace(-1, 1, 999, dtype=torch.float64)).item() == pytest.approx(literal.item())


def test_quantization_loss_pulls_by_one_over_n() -> None:
    gray = (torch.tensor([10.3, 10.7, 200.2, 99.9]) / 127.5 - 1).requires_grad_()
    quantization_loss(gray).backward()
    assert gray.grad is not None
    assert gray.grad.tolist() == pytest.approx([0.25, -0.25, 0.25, -0.25])


def test_variation_loss_compares_luminance_and_no_offset() -> None:
    torch.manual_seed(3)
    color = torch.rand(3, 3, 9, 7) - 0.5
    gray = luminance(color)
    assert variation_loss(gray, color).item() == pytest.approx(0, abs=1e-7)
    assert variation_loss(gray + 0.3, color).item() == pytest.approx(0, abs=1e-6)
    assert variation_loss(gray, color + 0.2).item() == pytest.approx(0, abs=1e-6)
    assert variation_loss(torch.flip(gray, dims=(2, 3)), color).item() == pytest.approx(0, abs=1e-6)
    assert variation_loss(2 * gray, color).item() == pytest.approx(total_variation(gray).mean().item(), rel=1e-5)


def test_variation_is_compared_picture_by_picture() -> None:
    flat, rough = torch.zeros(1, 1, 8, 8), torch.rand(1, 1, 8, 8)
    gray, color = torch.cat((flat, rough)), torch.cat((rough, flat)).expand(-1, 3, -1, -1)
    # A difference of batch means, as in the public code, would be 0.
    assert variation_loss(gray, color).item() == pytest.approx(total_variation(rough).item(), rel=1e-5)


def test_total_variation_is_a_sum_of_differences_a_pixel() -> None:
    x = torch.tensor([[0.0, 1.0, 1.0], [0.0, 0.0, 3.0]])[None, None]
    assert total_variation(x).tolist() == pytest.approx([(0 + 1 + 2 + 1 + 0 + 0 + 3) / 6])
