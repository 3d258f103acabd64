"""The way from H to R, and f(I_c) (specification §2.4, §2.5, §4, properties 1 to 8 and 23)."""

import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch import Tensor

from bench_core.surrogates.dct_mask import ZIGZAG, dct_mask, mask
from bench_core.surrogates.ycbcr import luminance
from bench_jrig.channel import Trip, draw_trip, real_jpeg, transmit
from bench_jrig.config import TrainingConfig
from bench_jrig.networks import JrigNetwork
from bench_jrig.schedule import MIXED, SIMULATED
from bench_jrig.targets import target_of

Config = Callable[..., TrainingConfig]

# ITU-T T.81, Fig. 5, as the specification lists it.
STANDARD = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
]  # fmt: skip


def trip(kinds: list[str], k: int = 40, quality: int = 80) -> Trip:
    return Trip(tuple(kinds), (k,) * len(kinds), (quality,) * len(kinds), 7)


def gray_of(pictures: Tensor) -> Tensor:
    return luminance(pictures)


def test_the_mask_keeps_the_first_k_of_the_standard_zigzag() -> None:
    assert list(ZIGZAG) == STANDARD
    for k in range(1, 65):
        assert torch.nonzero(mask(k).flatten()).flatten().tolist() == sorted(STANDARD[:k])


def test_j_is_a_nested_orthogonal_projection() -> None:
    torch.manual_seed(4)
    x, y = torch.randn(2, 1, 16, 24), torch.randn(2, 1, 16, 24)
    for k in (1, 32, 48, 64):
        once = dct_mask(x, k)
        assert torch.allclose(dct_mask(once, k), once, atol=1e-5)
        assert torch.allclose(dct_mask(dct_mask(x, 40), k), dct_mask(x, min(40, k)), atol=1e-5)
        assert (once * y).sum().item() == pytest.approx((x * dct_mask(y, k)).sum().item(), abs=1e-3)
    assert torch.allclose(dct_mask(x, 64), x, atol=1e-5)
    means = torch.nn.functional.interpolate(torch.nn.functional.avg_pool2d(x, 8), scale_factor=8)
    assert torch.allclose(dct_mask(x, 1), means, atol=1e-5)
    white = torch.randn(4, 1, 64, 64)
    assert (dct_mask(white, 32).var() / white.var()).item() == pytest.approx(0.5, abs=0.03)


def test_simulated_rows_may_leave_the_range_and_are_not_clipped(config: Config) -> None:
    corner = torch.full((1, 1, 8, 8), -1.0)
    corner[..., :5, :5] = 1
    arrived = transmit(corner, trip(["simulated"], k=32), config())
    assert arrived.abs().max() > 1.1
    assert torch.allclose(arrived, dct_mask(corner, 32), atol=1e-6)


def test_k_and_quality_are_drawn_for_each_picture_within_their_bounds(config: Config) -> None:
    rng = np.random.default_rng(0)
    trips = [draw_trip(config("qf=75..100"), 8, MIXED, rng) for _ in range(150)]
    keeps, qualities = ({v for t in trips for v in values(t)} for values in (lambda t: t.keeps, lambda t: t.qualities))
    assert (min(keeps), max(keeps), len(keeps)) == (32, 64, 33)
    assert qualities == set(range(75, 101))
    assert any(len(set(t.keeps)) > 1 for t in trips)
    fixed = [draw_trip(config("k_low=48", "k_high=48", "qf=95"), 8, MIXED, rng) for _ in range(20)]
    assert {k for t in fixed for k in t.keeps} == {48}
    assert {q for t in fixed for q in t.qualities} == {95}


def test_real_jpeg_is_pillows_of_one_channel_and_repeatable() -> None:
    picture = data.astronaut()[:64, 100:164]
    gray = target_of(picture[None], "luminance")
    level = np.rint((gray[0, 0].numpy() + 1) * 127.5).astype(np.uint8)
    for quality in (50, 90):
        buffer = io.BytesIO()
        Image.fromarray(level).save(buffer, "JPEG", quality=quality)
        with Image.open(buffer) as opened:
            assert opened.mode == "L"
            assert len(opened.quantization) == 1
            expected = np.asarray(opened, np.float32) / 127.5 - 1
        arrived = real_jpeg(gray, [quality], 0)
        assert np.allclose(arrived[0, 0].numpy(), expected, atol=1e-6)
        assert torch.equal(arrived, real_jpeg(gray, [quality], 1))
        assert not real_jpeg(gray.clone().requires_grad_(), [quality], 0).requires_grad
    nearly = (real_jpeg(gray, [100], 0) - torch.from_numpy(level / 127.5 - 1)).abs() * 127.5
    assert (nearly < 1.01).float().mean() > 0.99


def test_each_row_of_a_mixed_batch_goes_its_way(config: Config, pictures: Tensor) -> None:
    gray = gray_of(pictures)
    drawn = draw_trip(config("qf=60"), 8, MIXED, np.random.default_rng(1))
    assert drawn.kinds == ("real",) * 2 + ("simulated",) * 4 + ("clean",) * 2
    arrived = transmit(gray, drawn, config("qf=60"))
    assert torch.equal(arrived[6:], gray[6:])
    for row in range(2, 6):
        assert torch.allclose(arrived[row : row + 1], dct_mask(gray[row : row + 1], drawn.keeps[row]), atol=1e-6)
    levels = (arrived[:2] + 1) * 127.5
    assert torch.allclose(levels, levels.round(), atol=1e-3)
    assert (arrived[:2] - gray[:2]).abs().max() > 2 / 127.5


@pytest.mark.parametrize(("count", "rows"), [(4, (1, 2, 1)), (16, (4, 8, 4))])
def test_other_batches_keep_the_ratio(config: Config, count: int, rows: tuple[int, ...]) -> None:
    kinds = draw_trip(config(), count, MIXED, np.random.default_rng(0)).kinds
    assert tuple(kinds.count(kind) for kind in ("real", "simulated", "clean")) == rows
    with pytest.raises(ValueError, match="cannot be divided"):
        draw_trip(config(), 6, MIXED, np.random.default_rng(0))


@pytest.mark.parametrize(("kinds", "reached"), [(["real"] * 4, False), (["simulated"] * 4, True)])
def test_real_rows_teach_the_receiver_alone(
    config: Config, network: JrigNetwork, pictures: Tensor, kinds: list[str], reached: bool
) -> None:
    color = pictures[:4]
    restored = network.restore(transmit(network.hide(color), trip(kinds), config()))
    (restored - color).square().mean().backward()
    gradients = [p.grad for p in network.hiding.parameters()]
    assert any(g is not None and bool(g.abs().sum() > 0) for g in gradients) is reached
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.restoring.parameters())


def test_the_gradient_through_j_is_j_of_the_upstream_gradient(config: Config) -> None:
    gray = torch.randn(3, 1, 16, 16, requires_grad=True)
    upstream = torch.randn(3, 1, 16, 16)
    transmit(gray, trip(["simulated"] * 3, k=37), config()).backward(upstream)
    assert gray.grad is not None
    assert torch.allclose(gray.grad, dct_mask(upstream, 37), atol=1e-5)


@pytest.mark.parametrize("sim", ["dctq_ste", "real_ste"])
def test_other_simulations_give_what_jpeg_gives_and_a_gradient(config: Config, pictures: Tensor, sim: str) -> None:
    gray = gray_of(pictures[:2]).requires_grad_()
    arrived = transmit(gray, trip(["simulated"] * 2, quality=60), config(f"sim={sim}"))
    real = real_jpeg(gray, [60, 60], 0)
    assert (arrived - real).abs().mean() < 1.5 / 127.5
    assert (arrived - real_jpeg(gray, [95, 95], 0)).abs().mean() > (arrived - real).abs().mean()
    arrived.sum().backward()
    assert gray.grad is not None
    assert gray.grad.mean().item() == pytest.approx(1, abs=0.2)


def test_real_rows_have_a_gradient_where_asked_for(config: Config, pictures: Tensor) -> None:
    gray = gray_of(pictures[:2]).requires_grad_()
    transmit(gray, trip(["real"] * 2), config("real_grad=identity")).sum().backward()
    assert gray.grad is not None
    assert torch.equal(gray.grad, torch.ones_like(gray))


def test_clean_rows_are_rounded_where_asked_for(config: Config) -> None:
    gray = torch.tensor([[[[0.3, -0.7123]]]], requires_grad=True)
    arrived = transmit(gray, trip(["clean"]), config("clean_rows=rounded"))
    levels = (arrived.detach() + 1) * 127.5
    assert torch.allclose(levels, ((gray.detach() + 1) * 127.5).round(), atol=1e-4)
    arrived.sum().backward()
    assert gray.grad is not None
    assert torch.allclose(gray.grad, torch.ones_like(gray))


def test_the_last_part_of_stage_has_simulated_rows_only(config: Config) -> None:
    assert set(draw_trip(config("train=stage"), 4, SIMULATED, np.random.default_rng(0)).kinds) == {"simulated"}


def test_targets() -> None:
    picture = data.astronaut()[:40, 100:148]
    luma = target_of(picture[None], "luminance")
    expected = picture @ np.array([0.299, 0.587, 0.114]) / 127.5 - 1
    assert np.allclose(luma[0, 0].numpy(), expected, atol=1e-5)
    assert torch.equal(luma, target_of(picture[None], "none"))
    square = np.zeros((1, 32, 32, 3), np.uint8)
    square[:, 8:24, 8:24] = 255
    edges = target_of(square, "edge")
    assert set(edges.unique().tolist()) == {-1.0, 1.0}
    assert edges[0, 0, 16, 16] == edges[0, 0, 0, 0] == -1  # white lines on black
    assert (edges == 1).sum() > 40
    for level in (64, 128, 200):
        halftone = target_of(np.full((1, 64, 64, 3), level, np.uint8), "halftone")
        assert set(halftone.unique().tolist()) == {-1.0, 1.0}
        assert (halftone.mean().item() + 1) * 127.5 == pytest.approx(level, abs=4)  # the tone is kept
    with pytest.raises(ValueError, match="known: luminance, edge, halftone, none"):
        target_of(square, "sepia")
