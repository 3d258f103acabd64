"""The training channel: the 8-bit grid, noise levels, libjpeg, and gradients."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from bench_riis.channel import Level, degrade, draw_levels, round8, transmit
from bench_riis.config import load_preset
from bench_riis.jpeg import quantization_tables, rounding, simulate_jpeg

GRAY = np.full((256, 256, 3), 128, np.uint8)


def photo(size: int = 64) -> torch.Tensor:
    return torch.from_numpy(data.astronaut()[:size, 180 : 180 + size].copy()).permute(2, 0, 1)[None] / 255


def test_round8_lies_on_the_grid_and_lets_the_gradient_pass() -> None:
    x = (torch.rand(1, 3, 8, 8) * 1.4 - 0.2).requires_grad_()
    y = round8(x)
    assert torch.equal(y.detach(), (y.detach() * 255).round() / 255)
    assert float(y.detach().min()) >= 0
    assert float(y.detach().max()) <= 1
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(gradient, torch.ones_like(x))


@pytest.mark.parametrize("sigma", [2.0, 10.0])
def test_gauss_has_the_stated_deviation(sigma: float) -> None:
    difference = degrade(GRAY, Level("gauss", sigma), np.random.default_rng(0)).astype(float) - 128
    assert difference.std() == pytest.approx((sigma**2 + 1 / 12) ** 0.5, rel=0.02)


@pytest.mark.parametrize("peak", [255.0, 60.0])
def test_poisson_variance_is_the_mean_over_the_peak(peak: float) -> None:
    received = degrade(GRAY, Level("poisson", peak), np.random.default_rng(0)) / 255
    assert received.mean() == pytest.approx(128 / 255, rel=0.01)
    assert received.var() == pytest.approx(128 / 255 / peak, rel=0.03)


def test_jpeg_is_baseline_420_and_clean_is_untouched() -> None:
    pixels = data.astronaut()[:64, :64]
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=40, subsampling="4:2:0")
    expected = np.asarray(Image.open(buffer))
    rng = np.random.default_rng(0)
    assert np.array_equal(degrade(pixels, Level("jpeg", 40), rng), expected)
    assert np.array_equal(degrade(pixels, Level("clean"), rng), pixels)
    with pytest.raises(ValueError, match="blur"):
        degrade(pixels, Level("blur"), rng)


def test_levels_follow_the_shares() -> None:
    _, config = load_preset("small", ["p_clean=0.2", "p_gauss=0.3", "p_poisson=0.1", "qf=30..32"])
    levels = draw_levels(config, 4000, np.random.default_rng(0))
    shares = {
        kind: sum(level.kind == kind for level in levels) / 4000 for kind in ("clean", "gauss", "poisson", "jpeg")
    }
    assert shares == pytest.approx({"clean": 0.2, "gauss": 0.3, "poisson": 0.1, "jpeg": 0.4}, abs=0.03)
    assert {level.value for level in levels if level.kind == "jpeg"} == {30, 31, 32}
    assert all(1 <= level.value <= 10 for level in levels if level.kind == "gauss")


def test_transmit_is_keyed_by_its_seed() -> None:
    levels = [Level("gauss", 5.0), Level("poisson", 255.0)]
    images = torch.rand(2, 3, 16, 16)
    assert torch.equal(transmit(images, levels, 1), transmit(images, levels, 1))
    assert not torch.equal(transmit(images, levels, 1), transmit(images, levels, 2))


@pytest.mark.parametrize("quality", [40, 75, 80, 90, 95, 100])
def test_tables_equal_pillows(quality: int) -> None:
    buffer = io.BytesIO()
    Image.fromarray(GRAY[:16, :16]).save(buffer, "JPEG", quality=quality)
    tables = Image.open(buffer).quantization  # type: ignore[attr-defined]
    for ours, theirs in zip(quantization_tables(quality), (tables[0], tables[1]), strict=True):
        assert ours.flatten().tolist() == list(theirs)


@pytest.mark.parametrize("quality", [40, 75, 90, 100])
def test_the_simulator_decodes_like_libjpeg(quality: int) -> None:
    gray = np.asarray(Image.fromarray(data.camera()[:128, :128]))
    buffer = io.BytesIO()
    Image.fromarray(gray).save(buffer, "JPEG", quality=quality)
    expected = np.asarray(Image.open(buffer)).astype(float)
    images = torch.from_numpy(np.stack([gray] * 3)[None].copy()).double() / 255
    found = simulate_jpeg(images, [quality], rounding("ste"))[0, 0].clamp(0, 1).numpy() * 255
    assert np.isfinite(found).all()
    assert np.abs(found - expected).mean() <= 0.3


def test_the_simulator_handles_color_and_any_size() -> None:
    pixels = data.astronaut()[:37, 180:231]
    images = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255
    found = simulate_jpeg(images, [90], rounding("ste"))
    real = degrade(pixels, Level("jpeg", 90), np.random.default_rng(0))
    assert found.shape == images.shape
    # libjpeg smooths the chroma it enlarges, the simulator repeats it.
    assert np.abs(found[0].permute(1, 2, 0).numpy() * 255 - real).mean() < 4


@pytest.mark.parametrize("kind", ["fourier", "cubic", "ste", "ste_real"])
def test_every_jpeg_lets_a_gradient_pass(kind: str) -> None:
    container = photo(32).repeat(2, 1, 1, 1).requires_grad_()
    received = transmit(container, [Level("jpeg", 80), Level("clean")], 0, jpeg_grad=kind)
    (gradient,) = torch.autograd.grad(received.square().sum(), container)
    assert all(float(part.abs().max()) > 0 for part in gradient)
    assert torch.isfinite(gradient).all()
    assert not transmit(container.detach(), [Level("jpeg", 80)] * 2, 0, jpeg_grad=kind).requires_grad
    assert torch.allclose(received[1], round8(container[1]))


def test_roundings_meet_at_the_integers() -> None:
    x = torch.linspace(-3, 3, 7)
    for name in ("fourier", "cubic", "ste"):
        assert torch.allclose(rounding(name)(x), x, atol=1e-4)
    assert float(rounding("cubic")(torch.tensor(1.3))) == pytest.approx(1.027)
    assert float(rounding("fourier", 200)(torch.tensor(1.3))) == pytest.approx(1.0, abs=0.01)
