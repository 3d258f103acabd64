"""Generator and discriminators (specification §2, properties 1 to 5)."""

import pytest
import torch
from torch import nn

from bench_core.errors import RequestError
from bench_scgan.config import load_preset
from bench_scgan.discriminators import Judge
from bench_scgan.networks import Generator, Initializer

_BARE = ("global_encoder=off", "attention=off", "gan=none")


def count(network: nn.Module | None) -> int:
    return sum(parameter.numel() for parameter in network.parameters()) if network is not None else 0


def generator(preset: str, *overrides: str) -> Generator:
    with torch.device("meta"):
        return Generator(load_preset(preset, overrides)[0])


def judge(preset: str, *overrides: str) -> Judge:
    return Judge(load_preset(preset, overrides)[1])


@pytest.mark.parametrize(
    ("preset", "overrides", "parameters"),
    [
        ("paper", [], 58_755_200),
        ("paper", ["attention=off"], 57_130_752),
        ("paper", ["global_encoder=off"], 39_317_952),
        ("paper", ["attention=off", "global_encoder=off"], 37_693_504),
        ("paper", ["backbone=pix2pix", "global_encoder=off", "attention=off"], 54_411_907),
        ("small", [], 2_732_016),
        ("small", ["global_encoder=off"], 1_515_328),
        ("small", ["attention=off"], 2_690_240),
        ("small128", [], 3_174_896),
    ],
)
def test_generators_have_the_published_number_of_parameters(preset: str, overrides: list[str], parameters: int) -> None:
    assert count(generator(preset, *overrides)) == parameters


def test_the_parts_have_theirs() -> None:
    for preset, parts in (("paper", (17_077_952, 40_052_800, 1_624_448)), ("small", (1_069_232, 1_621_008, 41_776))):
        network = generator(preset)
        assert (count(network.global_encoder), count(network.unet), count(network.branch)) == parts
    full, without_branch, without_global = (
        count(generator("paper", *overrides)) for overrides in ([], ["attention=off"], ["global_encoder=off"])
    )
    assert full - without_branch == 1_624_448
    assert full - without_global == 17_077_952 + 512 * 512 * 9


@pytest.mark.parametrize(
    ("preset", "overrides", "parameters"),
    [
        ("paper", [], 5_766_144),
        ("paper", ["conditional_d=off"], 5_763_008),
        ("paper", ["d_layout=pix2pix"], 2_766_657),
        ("paper", ["d_layout=pix2pix", "conditional_d=off"], 2_765_633),
        ("small", ["norm_d=bn"], 175_569),
        ("small", [], 175_345),
    ],
)
def test_discriminators_have_the_published_number_of_parameters(
    preset: str, overrides: list[str], parameters: int
) -> None:
    with torch.device("meta"):
        assert count(Judge(load_preset(preset, [*overrides, "sn_d=off"])[1])) == parameters


def test_spectral_norm_adds_buffers_and_no_parameters() -> None:
    plain, normed = judge("small", "sn_d=off"), judge("small")
    assert count(plain) == count(normed)
    assert len(list(normed.buffers())) == 2 * 5
    network = Generator(load_preset("small", ["sn_g=on", "ch=4", "cap=8", "lat=4", "global_ch=2"])[0])
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    assert all(hasattr(layer, "parametrizations") for layer in convolutions)


def test_outputs_have_the_pictures_size_and_their_ranges() -> None:
    network = Generator(load_preset("paper", ["ch=4", "cap=8", "lat=4", "global_ch=2"])[0], "default").train()
    for height, width in ((256, 256), (256, 512)):
        with torch.no_grad():
            color, saliency = network(5 * torch.randn(2, 1, height, width))
        assert saliency is not None
        assert (color.shape, saliency.shape) == ((2, 3, height, width), (2, 1, height, width))
        assert color.abs().max() < 1
        assert saliency.min() > 0
        assert saliency.max() < 1


@pytest.mark.parametrize("size", [(255, 256), (288, 256), (128, 128), (1, 1)])
def test_other_sizes_are_one_clear_line(size: tuple[int, int]) -> None:
    network = generator("paper")
    with pytest.raises(RequestError, match=r"multiples of 256.*infer=resize"):
        network(torch.zeros(1, 1, *size))


@pytest.mark.parametrize("layout", ["released", "pix2pix"])
@pytest.mark.parametrize("norm", ["bn", "in", "none"])
def test_discriminators_judge_patches(layout: str, norm: str) -> None:
    network = judge("small", f"d_layout={layout}", f"norm_d={norm}", "d_ch=2")
    for side, patches in ((256, 30), (128, 14), (64, 6)):
        with torch.no_grad():
            scores = network(torch.zeros(1, 1, side, side), torch.zeros(1, 3, side, side))
        assert scores.shape == (1, 1, patches, patches)


@pytest.mark.parametrize(("layout", "field"), [("released", 69), ("pix2pix", 70)])
def test_a_score_sees_as_many_pixels_as_the_layout_says(layout: str, field: int) -> None:
    network = judge("small", f"d_layout={layout}", "d_ch=2").double().eval()
    picture = torch.rand(1, 3, 256, 256, dtype=torch.float64, requires_grad=True)
    network(torch.zeros(1, 1, 256, 256, dtype=torch.float64), picture)[0, 0, 15, 15].backward()
    assert picture.grad is not None
    seen = picture.grad[0].abs().sum(dim=0) > 0
    assert (int(seen.any(dim=0).sum()), int(seen.any(dim=1).sum())) == (field, field)


@pytest.mark.parametrize("layout", ["released", "pix2pix"])
def test_no_weight_of_a_discriminator_stretches_anything(layout: str) -> None:
    network = judge("small", f"d_layout={layout}", "d_ch=4").train()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(40)
        for _ in range(1000):  # a power iteration each, from vectors that the seed draws
            network(torch.zeros(1, 1, 32, 32), torch.zeros(1, 3, 32, 32))
        convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
        largest = [torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() for layer in convolutions]
    assert len(largest) == (6 if layout == "released" else 5)
    assert max(largest) <= 1 + 1e-3
    assert min(largest) > 0.9


def test_the_condition_counts_only_where_it_is_asked_for() -> None:
    picture, gray = torch.rand(1, 3, 64, 64), torch.rand(1, 1, 64, 64)
    for setting, changes in (("on", True), ("off", False)):
        network = judge("small", f"conditional_d={setting}", "d_ch=4").eval()
        assert torch.equal(network(gray, picture), network(1 - gray, picture)) is not changes


def test_pix2pix_is_the_public_generator_and_takes_the_branch() -> None:
    without = generator("paper", "backbone=pix2pix", "global_encoder=off", "attention=off")
    # "Total number of parameters : 54.414 M" is what the public code prints; its first layer sees three channels.
    assert count(without) + 2 * 64 * 4 * 4 == 54_413_955
    assert [type(layer) for block in without.unet.up for layer in block.children()].count(nn.Dropout) == 3
    network = Generator(load_preset("small", ["backbone=pix2pix", "global_encoder=off", "ch=4", "cap=8"])[0]).eval()
    color, saliency = network(torch.rand(2, 1, 64, 128))
    assert saliency is not None
    assert (color.shape, saliency.shape) == ((2, 3, 64, 128), (2, 1, 64, 128))
    saliency.sum().backward()
    assert network.unet.up[0][1].weight.grad is not None
    assert network.unet.last[1].weight.grad is None  # saliency is told before the colors are
    with pytest.raises(ValueError, match="no place for global features"):
        network.unet(torch.zeros(1, 1, 64, 64), torch.zeros(1, 8, 2, 2))


def test_first_weights_are_as_published() -> None:
    torch.manual_seed(0)
    network = Generator(load_preset("small")[0], "normal")
    weight = torch.cat([layer.weight.flatten() for layer in network.modules() if isinstance(layer, nn.Conv2d)])
    assert weight.std().item() == pytest.approx(0.02, rel=0.01)
    gains = torch.cat([layer.weight for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)])
    assert gains.mean().item() == pytest.approx(1, abs=0.01)
    assert gains.std().item() == pytest.approx(0.02, rel=0.1)
    layer = nn.Conv2d(8, 8, 3)
    Initializer("xavier")(layer)
    assert layer.weight.std().item() == pytest.approx(0.02 * (2 / (2 * 8 * 9)) ** 0.5, rel=0.1)
    with pytest.raises(ValueError, match="unknown first weights"):
        Initializer("zeros")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["size=100"], "with depth=6 size must be a multiple of 64, e.g. size=64; not 100"),
        (["size=18", "depth=1", *_BARE], "with depth=1 size must be a multiple of 4, e.g. size=16; not 18"),
        (["depth=5"], "depth must be at least 6 with the global encoder"),
        (["backbone=pix2pix"], "backbone=pix2pix has no place for global features; add global_encoder=off"),
        (["depth=3", "global_encoder=off"], "depth must be at least 4 with the saliency branch"),
        (["size=16", "depth=4", "global_encoder=off"], "discriminators need a size of at least 32"),
        (["stage1=0", "stage2=0"], "nothing to train"),
    ],
)
def test_shapes_that_cannot_be_are_one_clear_line(overrides: list[str], message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        load_preset("small", overrides)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    "setting",
    ["lr1=1e300", "noise_std=1e300", "weight_gp=1e300", "batch=1000000000", "ch=1000000000", "stage1=1000000000000"],
)
def test_numbers_that_nothing_can_hold_are_one_clear_line(setting: str) -> None:
    with pytest.raises(RequestError, match=f"{setting.partition('=')[0]} must be"):
        load_preset("small", [setting])
