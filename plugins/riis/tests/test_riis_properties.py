"""What the specification asks of rounding, noise and JPEG on the way from the sender to the receiver of RIIS."""

import pytest
import torch
from skimage import data

from bench_core.surrogates.jpeg import simulate_jpeg
from bench_core.surrogates.rounding import round8
from bench_riis.architecture import NetworkConfig
from bench_riis.channel import Level, harness_channel, transmit
from bench_riis.config import load_preset
from bench_riis.losses import reveal_loss
from bench_riis.model import RiisNetwork

CONFIG = load_preset("small")[1]


def test_what_is_sent_lies_on_the_eight_bit_grid_with_a_gradient_of_one() -> None:
    container = torch.rand(2, 3, 16, 16).requires_grad_()
    sent = transmit(container, [Level("clean")] * 2, 0, CONFIG)
    levels = sent.detach().double() * 255
    assert (levels - levels.round()).abs().max() < 1e-4
    assert (sent - container).abs().max() <= 0.5 / 255 + 1e-6
    (gradient,) = torch.autograd.grad(sent.sum(), container)
    assert torch.equal(gradient, torch.ones_like(gradient))


@pytest.mark.parametrize("sigma", [3.0, 10.0])
def test_gaussian_noise_has_its_strength(sigma: float) -> None:
    gray = torch.full((1, 3, 192, 192), 128 / 255)
    noise = (transmit(gray, [Level("gauss", sigma)], 0, CONFIG) - gray) * 255
    assert float(noise.var()) == pytest.approx(sigma**2 + 1 / 12, rel=0.04)  # 2 % of the standard deviation
    assert abs(float(noise.mean())) < 0.1


def test_poisson_noise_has_the_variance_of_its_mean() -> None:
    for peak in (255.0, 60.0):
        gray = torch.full((1, 3, 192, 192), 100 / 255)
        noise = transmit(gray, [Level("poisson", peak)], 0, CONFIG) - gray
        assert float(noise.var()) == pytest.approx(100 / 255 / peak + 1 / 12 / 255**2, rel=0.04)


@pytest.mark.parametrize("quality", [40, 80, 90, 100])
def test_the_simulator_with_hard_rounding_is_near_the_real_gray_jpeg(quality: int) -> None:
    pixels = data.camera()[100:228, 100:228, None].copy()
    real = harness_channel(Level("jpeg", quality)).send(pixels, 0, "photo").image
    gray = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    found = round8(simulate_jpeg(gray, quality)) * 255
    assert torch.isfinite(found).all()
    assert float((found[0, 0] - torch.from_numpy(real)[..., 0]).abs().mean()) <= 0.3


def test_a_detached_jpeg_teaches_the_sender_nothing(tiny: NetworkConfig) -> None:
    network = RiisNetwork(tiny).eval()
    secret, host = torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16)
    container = host.clone().requires_grad_()
    received = transmit(container, [Level("jpeg", 80)], 0, CONFIG).detach()
    revealed = network.reveal(received, torch.randn(1, 12, 8, 8))
    loss = reveal_loss(revealed.secret, revealed.host, secret, host, 1)
    assert torch.autograd.grad(loss, container, allow_unused=True) == (None,)
