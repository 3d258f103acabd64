"""H, R and the discriminators: shapes, ranges, counts and paths (specification §2, §8, properties 15 to 17)."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from bench_core.nn.patchgan import PatchDiscriminator
from bench_jrig.config import NetworkConfig, load_preset
from bench_jrig.networks import Hiding, JrigNetwork, Restoring
from bench_jrig.objective import DiscriminatorObjective


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def on_meta(config: NetworkConfig) -> JrigNetwork:
    with torch.device("meta"):
        return JrigNetwork(config)


@pytest.mark.parametrize("preset", ["small", "iig-small", "paper", "iig"])
def test_networks_have_the_specified_size(preset: str) -> None:
    network = on_meta(load_preset(preset)[0])
    expected = (587_593, 52_467) if preset.endswith("small") else (6_674_688, 738_624)
    assert (count(network.hiding), count(network.restoring)) == expected


def test_options_change_the_size_as_specified() -> None:
    paper, _ = load_preset("paper")
    assert count(on_meta(replace(paper, bias=True)).hiding) == 6_678_465
    assert count(on_meta(replace(paper, bias=True)).restoring) == 739_971
    assert count(on_meta(replace(paper, r_last=3)).restoring) == 744_768
    assert count(on_meta(replace(paper, r_last=3, bias=True)).restoring) == 746_115


def test_discriminators_have_the_specified_size_and_channels() -> None:
    with torch.device("meta"):
        small, paper = (DiscriminatorObjective(load_preset(name)[1]) for name in ("small", "paper"))
    assert small.gray is not None
    assert paper.gray is not None
    assert (count(small.gray), count(small.color)) == (42_449, 42_961)
    assert (count(paper.gray), count(paper.color)) == (2_763_585, 2_765_633)
    first = [next(m for m in judge.modules() if isinstance(m, nn.Conv2d)) for judge in (paper.gray, paper.color)]
    assert [layer.in_channels for layer in first] == [1, 3]


def test_logits_are_30_by_30_of_256_and_14_by_14_of_64() -> None:
    with torch.device("meta"):
        assert PatchDiscriminator(1, 64, 3)(torch.empty(1, 1, 256, 256)).shape == (1, 1, 30, 30)
        assert PatchDiscriminator(3, 16, 2)(torch.empty(2, 3, 64, 64)).shape == (2, 1, 14, 14)


def test_a_logit_sees_70_by_70_pixels() -> None:
    judge = PatchDiscriminator(1, 2, 3).eval()
    picture = torch.randn(1, 1, 128, 128, requires_grad=True)
    logits = judge(picture)
    logits[0, 0, 7, 7].backward()
    assert picture.grad is not None
    seen = picture.grad[0, 0].abs() > 0
    rows, columns = (torch.nonzero(seen.any(dim=axis)).flatten() for axis in (1, 0))
    assert int(rows[-1] - rows[0] + 1) == 70
    assert int(columns[-1] - columns[0] + 1) == 70


@pytest.mark.parametrize("size", [(8, 8), (12, 20), (32, 16)])
def test_pictures_keep_their_size_and_range(network: JrigNetwork, size: tuple[int, int]) -> None:
    gray = network.hide(8 * torch.randn(2, 3, *size))
    assert gray.shape == (2, 1, *size)
    assert gray.dtype == torch.float32
    assert gray.abs().max() <= 1


@pytest.mark.parametrize("size", [(7, 5), (9, 30), (16, 16)])
def test_the_receiver_takes_any_size_and_values_beyond_the_range(network: JrigNetwork, size: tuple[int, int]) -> None:
    color = network.restore(1.2 * torch.ones(1, 1, *size))
    assert color.shape == (1, 3, *size)
    assert color.abs().max() < 1
    assert torch.isfinite(color).all()
    assert not torch.equal(color, network.restore(torch.ones(1, 1, *size)))  # and does not clip them


def test_outputs_stay_float32_where_convolutions_are_half_precision(network: JrigNetwork) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        gray = network.hide(torch.rand(1, 3, 16, 16))
        color = network.restore(gray)
    assert gray.dtype == color.dtype == torch.float32
    # A value that bfloat16 has not got: the last convolution was not rounded to it.
    assert not torch.equal(gray, gray.bfloat16().float())


def test_layers_that_see_or_make_pictures_keep_every_level(network: JrigNetwork) -> None:
    # In bfloat16 two levels near white would be one, and R would learn to live with that.
    edges = [network.hiding.head[0], network.hiding.last, network.restoring.head[0], network.restoring.last]
    inside = network.restoring.head[-1]
    kinds: dict[nn.Module, torch.dtype] = {}
    for layer in (*edges, inside):
        layer.register_forward_hook(lambda layer, given, made: kinds.update({layer: made.dtype}))
    with torch.autocast("cpu", torch.bfloat16):
        network.restore(network.hide(torch.zeros(1, 3, 16, 16)))
    assert [kinds[layer] for layer in edges] == [torch.float32] * 4
    assert kinds[inside] == torch.bfloat16


@pytest.mark.parametrize("skips", [True, False])
def test_skips_are_a_way_around_the_coarse_scales(tiny: NetworkConfig, skips: bool) -> None:
    hiding = Hiding(replace(tiny, skips=skips, bias=False))
    for part in (hiding.down2, hiding.middle, hiding.up1):
        for parameter in part.parameters():
            nn.init.zeros_(parameter)
    coarse = Hiding.forward(hiding, torch.rand(1, 3, 16, 16))
    for parameter in hiding.up2.parameters():
        nn.init.zeros_(parameter)
    fine = hiding(torch.rand(1, 3, 16, 16))
    assert bool(coarse.abs().sum() > 0) is skips
    assert bool(fine.abs().sum() > 0) is skips


def test_a_far_pixel_reaches_the_gray_picture_through_the_coarse_scale(tiny: NetworkConfig) -> None:
    hiding = Hiding(tiny)
    color = torch.rand(1, 3, 64, 64, requires_grad=True)
    hiding(color)[0, 0, 32, 32].backward()
    assert color.grad is not None
    reached = torch.nonzero(color.grad.abs().sum(dim=(0, 1)))
    assert int(reached[:, 0].max() - reached[:, 0].min()) > 30


def test_the_receiver_has_no_scales(tiny: NetworkConfig) -> None:
    strides = {m.stride for m in Restoring(tiny).modules() if isinstance(m, nn.Conv2d)}
    assert strides == {(1, 1)}


def test_normal_starts_as_xia_et_al() -> None:
    config, _ = load_preset("small")
    network = JrigNetwork(config, "normal")
    weights = torch.cat([m.weight.flatten() for m in network.modules() if isinstance(m, nn.Conv2d)])
    assert weights.std().item() == pytest.approx(0.02, rel=0.02)
    assert all(float(m.bias.detach().abs().sum()) == 0 for m in network.modules()
               if isinstance(m, nn.Conv2d) and m.bias is not None)  # fmt: skip
