"""Invertible colorization: exact color transforms, gray containers, its training, and the method."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from skimage import data

from bench_core.errors import RequestError
from bench_core.images import luminance as eight_bit_luminance
from bench_core.model import Condition, Sample
from bench_core.plugins import registry
from bench_core.randomness import keyed_generator
from bench_core.surrogates.ycbcr import luminance
from bench_riis.architecture import NetworkConfig
from bench_riis.channel import Level, transmit
from bench_riis.color import ColorMatrix, ColorNetwork, yuv_matrix
from bench_riis.color_method import RiisColor
from bench_riis.color_train import ColorObjective, ColorValidation, main
from bench_riis.config import COLOR, load_preset
from bench_riis.method import Riis
from bench_riis.model import RiisNetwork
from bench_riis.weights import load_weights, save_weights, start_from

Jitter = Callable[[torch.nn.Module, float], None]
PHOTO = data.astronaut()[:33, 160:190]


def test_the_color_matrix_is_yuv_and_inverts() -> None:
    color = torch.rand(2, 3, 6, 5)
    matrix = ColorMatrix("yuv")
    sent, hidden = matrix(color)
    assert (sent.shape, hidden.shape) == ((2, 1, 6, 5), (2, 2, 6, 5))
    assert torch.allclose(sent, luminance(color), atol=1e-6)
    assert (matrix.inverse(sent, hidden) - color).abs().max() < 1e-6
    # Gray has no chroma; blue and red are its extremes.
    gray, extremes = yuv_matrix() @ torch.ones(3, dtype=torch.float64), yuv_matrix()
    assert gray.tolist() == pytest.approx([1, 0, 0], abs=1e-12)
    assert (float(extremes[1, 2]), float(extremes[2, 0])) == pytest.approx((0.436, 0.615))
    assert not list(matrix.parameters())
    assert [p.shape for p in ColorMatrix("learned").parameters()] == [(3, 3)]
    with pytest.raises(ValueError, match="yuv, learned"):
        ColorMatrix("lab")


def test_the_target_is_what_the_harness_compares_with() -> None:
    pixels = torch.from_numpy(PHOTO.transpose(2, 0, 1)[None].copy()).float() / 255
    ours = (luminance(pixels)[0, 0] * 255).numpy()
    assert np.abs(ours - eight_bit_luminance(PHOTO)[..., 0]).max() <= 0.5 + 1e-4


@pytest.mark.parametrize("matrix", ["yuv", "learned"])
@pytest.mark.parametrize(("squeeze", "factor"), [("haar", 4), ("haar2", 16)])
def test_a_fresh_network_sends_the_luminance_and_inverts(
    tiny: NetworkConfig, jitter: Jitter, matrix: str, squeeze: str, factor: int
) -> None:
    network = ColorNetwork(replace(tiny, squeeze=squeeze), matrix)
    assert (network.latent_size, network.host_size) == (2 * factor, factor)
    color = torch.rand(1, 3, 16, 8)
    assert (network.to_gray(color) - luminance(color)).abs().max() < 2e-6
    jitter(network, 0.01)
    sent, hidden = network.colors(color)
    gray, latent = network.hide(hidden, sent)
    assert gray.shape == (1, 1, 16, 8)
    found = network.reveal_with(latent, gray)
    assert (network.colors.inverse(found.host, found.secret) - color).abs().max() < 1e-4
    assert network.restore(gray, torch.randn(1, *network.noise_shape(16, 8))).color.shape == color.shape


@pytest.mark.parametrize("kind", ["ste_real", "fourier"])
def test_a_gray_container_goes_through_gray_jpeg(kind: str) -> None:
    config = load_preset("small", [f"jpeg_grad={kind}"], COLOR)[1]
    assert config.qualities == (80,)
    gray = torch.rand(2, 1, 16, 16).requires_grad_()
    received = transmit(gray, [Level("jpeg", 80), Level("gauss", 5.0)], 0, config)
    assert received.shape == gray.shape
    received.sum().backward()
    assert all(bool(part.any()) for part in gray.grad)


def test_what_the_losses_are(tiny: NetworkConfig) -> None:
    color, levels = torch.rand(2, 3, 16, 16), [Level("jpeg", 80)] * 2
    config = load_preset("small", (), COLOR)[1]
    torch.manual_seed(1)
    network = ColorNetwork(tiny)
    found = {}
    for matrix in ("yuv", "learned"):
        torch.manual_seed(1)
        network = ColorNetwork(tiny, matrix)
        found[matrix] = ColorObjective(network, config)(color, levels, 0)
        found[matrix]["loss"].backward()
        assert all(parameter.grad is not None for parameter in network.parameters())
    assert found["yuv"]["container"].item() < 1e-10
    assert found["yuv"]["rgb"].item() == pytest.approx(found["learned"]["reveal"].item(), rel=1e-5)
    assert found["yuv"]["reveal"].item() > found["yuv"]["chroma"].item()
    assert not found["yuv"]["rgb"].requires_grad


def test_validation_scores_rgb_and_the_gray(tiny: NetworkConfig) -> None:
    pictures = [PHOTO[:32], PHOTO[1:33]]
    validation = ColorValidation(pictures, load_preset("small", (), COLOR)[1], 0)
    network = ColorNetwork(tiny).eval()
    figures = validation.run(network)
    assert {"container", "color_clean", "color_jpeg40", "color_jpeg80", "score"} < set(figures)
    assert figures["container"] > 58  # a fresh network sends the luminance itself; the rest is rounding
    assert validation.pictures["color_jpeg80"].shape[1] == 3


@pytest.fixture
def weights(tiny: NetworkConfig, jitter: Jitter, tmp_path: Path) -> Path:
    network = ColorNetwork(tiny)
    jitter(network, 0.02)
    save_weights(tmp_path / "color.safetensors", network, {"color_matrix": "yuv"})
    return tmp_path / "color.safetensors"


def test_the_method_keeps_sizes_and_draws_when_it_says_so(weights: Path) -> None:
    warm, cold = RiisColor(weights=weights), RiisColor({"temperature": 0.0}, weights=weights)
    carrier = warm.encode_all([Sample({"color": PHOTO, "gray": eight_bit_luminance(PHOTO)})])[0]
    assert carrier.shape == (33, 30, 1)
    received = np.rint(np.clip(carrier, 0, 1) * 255).astype(np.uint8)

    def color(model: RiisColor, repeat: int) -> np.ndarray:
        condition = Condition(rngs=(keyed_generator(0, "photo", 0, "decode", repeat),))
        return model.decode_all([received], condition)[0]["color"]

    assert color(warm, 0).shape == PHOTO.shape
    assert np.array_equal(color(warm, 0), color(warm, 0))
    assert not np.array_equal(color(warm, 0), color(warm, 1))
    assert np.array_equal(color(cold, 0), color(cold, 1))
    assert (warm.stochastic, cold.stochastic) == (True, False)
    assert registry().models.load("riis-color") is RiisColor


def test_weights_say_what_they_are_of(tiny: NetworkConfig, weights: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="weights of riis-color, not of riis; try -p riis-color"):
        Riis(weights=weights)
    save_weights(tmp_path / "riis.safetensors", RiisNetwork(tiny), {})
    with pytest.raises(RequestError, match="weights of riis, not of riis-color"):
        RiisColor(weights=tmp_path / "riis.safetensors")
    with pytest.raises(RequestError, match="another network: riis-color, not riis"):
        start_from(weights, RiisNetwork(tiny))
    learned = ColorNetwork(tiny, "learned")
    start_from(weights, learned)  # a learned matrix starts from YUV
    save_weights(tmp_path / "learned.safetensors", learned, {})
    found = load_weights(tmp_path / "learned.safetensors").network
    assert isinstance(found, ColorNetwork)
    assert found.colors.kind == "learned"
    with pytest.raises(RequestError, match="color_matrix=learned, not yuv"):
        start_from(tmp_path / "learned.safetensors", ColorNetwork(tiny))


def test_without_weights_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RiisColor, "default_weights", None)
    with pytest.raises(RequestError, match="riis-color needs weights"):
        RiisColor()


def test_the_command_trains_and_its_weights_run(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for index in range(3):
        Image.fromarray(data.coffee()[60 * index : 60 * index + 48, 100:148]).save(tmp_path / "photos" / f"{index}.png")
    tiny = (
        "flow_steps=1", "flow_growth=4", "flow_convs=2", "canp_growth=4", "canp_convs=2", "canp_steps=1", "cem_depth=2",
        "cem_channels=4", "condition_channels=4", "condition_blocks=1", "crop=16", "batch=2", "late_fraction=0",
        "steps=2", "color_matrix=learned", "decoupled=1",
    )  # fmt: skip
    arguments = ["--data", f"folder:{tmp_path / 'photos'}", "--out", str(tmp_path / "out"), "--device", "cpu"]
    for setting in tiny:
        arguments += ["--set", setting]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    loaded = load_weights(tmp_path / "out" / "best.safetensors")
    assert loaded.training["color_matrix"] == "learned"
    assert RiisColor(weights=tmp_path / "out" / "best.safetensors").stochastic
    refused = CliRunner().invoke(main, [*arguments, "--set", "dgm=1"])
    assert refused.exit_code == 2
    assert "unknown hyper-parameter 'dgm'" in refused.output


def test_a_short_run_learns_to_hide_color() -> None:
    # Gray pictures and this one's own chroma: an untrained network can only guess it (T = 0: no chroma at all).
    torch.manual_seed(0)
    config = load_preset("small", ["temperature=0", "p_clean=1", "p_gauss=0", "distr=off"], COLOR)[1]
    shape = load_preset(
        "small", ["flow_growth=8", "canp_steps=1", "canp_growth=4", "cem_depth=2", "cem_channels=4"], COLOR
    )
    network = ColorNetwork(replace(shape[0], flow_steps=3))
    picture = torch.from_numpy(data.coffee()[100:164:2, 200:264:2].transpose(2, 0, 1)[None].copy()).float() / 255
    objective = ColorObjective(network, config)
    optimizer = torch.optim.Adam(network.parameters(), 4e-3, betas=(0.9, 0.99))
    errors = []
    for step in range(50):
        optimizer.zero_grad()
        losses = objective(picture, [Level("clean")], step)
        losses["loss"].backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        errors.append(losses["rgb"].item())
    assert errors[-1] < errors[0] / 3
    assert losses["container"].item() < 2e-3
