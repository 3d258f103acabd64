"""The training channel: which degradation is drawn, the harness's own pixels, the print, and gradients."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from skimage import data

from bench_core.degradation import Degradation, Received
from bench_core.errors import RequestError
from bench_core.grammar import parse_channels
from bench_core.params import Param
from bench_core.plugins import registry
from bench_core.surrogates.rounding import round8
from bench_riis import channel
from bench_riis.channel import Level, check_channel, draw_levels, harness_channel, print_limits, transmit
from bench_riis.config import TrainingConfig, load_preset

SMALL = load_preset("small")[1]
KINDS = ("ste_real", "fourier", "cubic", "ste", "noise")


def config(*settings: str) -> TrainingConfig:
    return load_preset("small", settings)[1]


def photos(size: int = 32, count: int = 2) -> torch.Tensor:
    pictures = (data.astronaut(), data.coffee(), data.chelsea(), data.rocket())[:count]
    cut = np.stack([picture[100 : 100 + size, 180 : 180 + size] for picture in pictures])
    return torch.from_numpy(cut).permute(0, 3, 1, 2).float() / 255


class Darken(Degradation):
    """Stands for `print-capture`, whose plugin may be missing."""

    name = "print-capture"
    params = (Param("severity", int, 1, 5, default=3),)

    def apply(self, image: Any, rng: np.random.Generator) -> Received:
        return Received(image // (1 + int(self.values["severity"])))


def others(kind: type[Degradation] | None) -> Any:
    """The registry with `print-capture` replaced, or without it."""
    real = registry().degradations

    def find(name: str) -> object:
        return kind if name == "print-capture" else real.find(name)

    def load(name: str) -> object:
        return kind if name == "print-capture" else real.load(name)

    return lambda: SimpleNamespace(degradations=SimpleNamespace(find=find, load=load))


@pytest.fixture(autouse=True)
def fresh_channels() -> Iterator[None]:
    harness_channel.cache_clear()
    yield
    harness_channel.cache_clear()


@pytest.mark.parametrize(
    ("level", "spec"),
    [
        (Level("clean"), "clean"),
        (Level("gauss", 3.7), "gaussian:3.7"),
        (Level("poisson", 60), "poisson:60"),
        (Level("jpeg", 40), "jpeg:40"),
    ],
)
def test_levels_are_the_harness_own_degradations(level: Level, spec: str) -> None:
    (expected,) = parse_channels([spec], registry().degradations, presets={})
    assert harness_channel(level).id == expected.id
    images = photos()
    arrived = transmit(images, [level] * 2, 7, SMALL)
    for place, picture in enumerate(images):
        pixels = np.rint(picture.permute(1, 2, 0).numpy() * 255).astype(np.uint8)
        sent = expected.send(pixels, 7, str(place)).image
        assert np.array_equal(np.rint(arrived[place].permute(1, 2, 0).numpy() * 255), sent)


def test_levels_follow_the_shares() -> None:
    settings = config("p_clean=0.2", "p_gauss=0.3", "p_poisson=0.1", "qf=30..32", "p_print=0.2", "print_real=0.25")
    levels = draw_levels(replace(settings, print_severity="2/4"), 4000, np.random.default_rng(0), step=17)
    shares = {kind: sum(level.kind == kind for level in levels) / 4000 for kind in {level.kind for level in levels}}
    expected = {"clean": 0.2, "gauss": 0.3, "poisson": 0.1, "jpeg": 0.2, "print": 0.15, "capture": 0.05}
    assert shares == pytest.approx(expected, abs=0.03)
    assert {level.value for level in levels if level.kind == "jpeg"} == {30, 31, 32}
    assert {level.value for level in levels if level.kind == "capture"} == {2, 4}
    assert {level.value for level in levels if level.kind == "print"} == {17}
    assert all(1 <= level.value <= 10 for level in levels if level.kind == "gauss")
    assert {level.kind for level in draw_levels(SMALL, 500, np.random.default_rng(0))} == {"clean", "gauss", "jpeg"}


def test_transmit_is_keyed_by_its_seed_and_the_place() -> None:
    levels = [Level("gauss", 5.0), Level("poisson", 255.0), Level("print", math.inf), Level("jpeg", 50)]
    images = photos(16, 4)
    noisy = config("jpeg_grad=noise")
    first = transmit(images, levels, 1, noisy)
    assert torch.equal(first, transmit(images, levels, 1, noisy))
    again = transmit(images, levels, 2, noisy)
    assert not any(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    others = [Level("clean"), levels[1], Level("clean"), Level("clean")]
    assert torch.equal(transmit(images, others, 1, noisy)[1], first[1])


@pytest.mark.parametrize("kind", KINDS)
def test_every_jpeg_lets_a_gradient_pass(kind: str) -> None:
    container = photos().requires_grad_()
    settings = config(f"jpeg_grad={kind}")
    received = transmit(container, [Level("jpeg", 80), Level("clean")], 0, settings)
    (gradient,) = torch.autograd.grad(received.square().sum(), container)
    assert all(float(part.abs().max()) > 0 for part in gradient)
    assert torch.isfinite(gradient).all()
    assert not transmit(container.detach(), [Level("jpeg", 80)] * 2, 0, settings).requires_grad
    assert torch.allclose(received[1], round8(container[1]))


@pytest.mark.parametrize("kind", ["fourier", "cubic", "ste"])
def test_simulated_jpeg_is_near_the_real_one(kind: str) -> None:
    images = photos(64)
    real, found = (
        transmit(images, [Level("jpeg", 60)] * 2, 0, config(f"jpeg_grad={name}")) for name in ("ste_real", kind)
    )
    assert float((found - real).square().mean()) < 0.1 * float((images - real).square().mean())


def test_the_print_grows_with_the_step_and_with_its_strength() -> None:
    images = photos(64)

    def damage(step: float, *settings: str) -> float:
        arrived = transmit(images, [Level("print", step)] * 2, 0, config(*settings))
        return float((arrived - images).square().mean())

    assert damage(0) < 1e-9
    assert damage(100) < damage(500) < damage(math.inf)
    assert damage(math.inf, "print_strength=0.3") < damage(math.inf) / 2
    assert damage(0, "print_ramp=0") == damage(math.inf)
    limits = print_limits(config("print_strength=0.5", "print_ramp=200"), 200)
    assert (limits.contrast, limits.corner) == pytest.approx((0.25, 0.005))


def test_a_printed_container_is_eight_bit_and_teaches_its_sender() -> None:
    container = photos(32).requires_grad_()
    received = transmit(container, [Level("print", math.inf)] * 2, 0, SMALL)
    levels = received.detach() * 255
    assert torch.allclose(levels, levels.round(), atol=1e-3)
    (gradient,) = torch.autograd.grad(received.sum(), container)
    assert all(float(part.abs().max()) > 0 for part in gradient)


def test_captures_are_real_and_straight_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "registry", others(Darken))
    container = photos().requires_grad_()
    received = transmit(container, [Level("capture", 1), Level("capture", 3)], 0, SMALL)
    pixels = (container.detach() * 255).round()
    assert torch.allclose(received.detach() * 255, torch.floor(pixels / torch.tensor([2, 4]).reshape(2, 1, 1, 1)))
    (gradient,) = torch.autograd.grad(received.sum(), container)
    assert torch.equal(gradient, torch.ones_like(gradient))
    check_channel(config("p_print=0.1", "print_real=1"))
    levels = [Level("capture", 1), Level("gauss", 1.0)]
    detached = transmit(container, levels, 0, config("print_grad=none"))
    assert torch.allclose(detached[0], received[0], atol=1e-6)
    (gradient,) = torch.autograd.grad(detached.sum(), container)
    assert [float(part.mean()) for part in gradient] == [0, 1]


def test_without_its_plugin_a_capture_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "registry", others(None))
    check_channel(SMALL)
    check_channel(config("p_print=0.5"))  # the simulated print needs no plugin
    with pytest.raises(
        RequestError, match=r"'print-capture'.*install bench-capture, or leave print_real at 0"
    ) as caught:
        check_channel(config("p_print=0.5", "print_real=0.5"))
    assert len(caught.value.problems) == 1


def test_an_unknown_kind_is_refused() -> None:
    levels: Sequence[Level] = [Level("blur"), Level("clean")]
    with pytest.raises(ValueError, match="blur"):
        transmit(photos(), levels, 0, SMALL)
