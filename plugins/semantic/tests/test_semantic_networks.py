"""The color network and GridNet (specification of SDC, Section 9, properties 1 to 7 and 14)."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from bench_semantic.color_net import ColorNet, Normalization
from bench_semantic.config import load_color, load_segmentation
from bench_semantic.grid_net import GridNet, Lateral

Make = Callable[..., ColorNet]


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def shaped(build: Callable[[], nn.Module]) -> nn.Module:
    """A network without memory: only its shapes."""
    with torch.device("meta"):
        return build()


def color(preset: str = "paper", *overrides: str, n_classes: int = 60) -> ColorNet:
    return shaped(lambda: ColorNet(load_color(preset, n_classes, overrides)[0]))  # type: ignore[return-value]


def grid(preset: str = "paper", *overrides: str, n_classes: int = 60) -> GridNet:
    return shaped(lambda: GridNet(load_segmentation(preset, n_classes, overrides)[0]))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("network", "parameters"),
    [
        (color(), 37_704_096),
        (color("small"), 2_356_776),
        (color("paper", "width=16"), 9_426_384),
        (color("paper", "levels=5"), 14_111_136),
        (color("paper", "share_encoder=off"), 47_132_352),
        (color("paper", "sem_encoding=embed1"), 37_704_096 + 60),
        (grid(), 13_206_674),
        (grid("small", n_classes=12), 517_162),
        (grid("small"), 551_914),
        (grid("paper", "seg_width=8"), 3_333_002),
        (grid("paper", "seg_width=8", n_classes=21), 3_301_607),
        (grid("paper", "seg_width=8", n_classes=12), 3_298_250),
    ],
)
def test_parameter_counts(network: nn.Module, parameters: int) -> None:
    assert count(network) == parameters


def test_parameters_of_every_layer() -> None:
    network = color()
    assert [count(layer) for layer in network.encoder.layers] == [9504, 55296, 221184, 884736, 3538944, 4718592]
    assert [count(layer) for layer in network.decoder] == [18874368, 7077888, 1769472, 442368, 110592]
    assert count(network.last) == 1152
    network = grid()
    parts = [count(part) for part in (network.lateral, network.down, network.up, network.exit)]
    assert parts == [7_866_560, 3_529_440, 1_766_880, 41_280]
    assert (count(network.entry[0]), count(network.entry)) == (2, 2 + 2512)


def test_normalization_has_neither_parameters_nor_state() -> None:
    states = [color("paper", f"use_in={choice}").state_dict() for choice in ("on", "off", "all")]
    assert states[0].keys() == states[1].keys() == states[2].keys()
    assert not list(Normalization().state_dict())
    assert all(name.endswith("weight") for name in states[0])


def test_shapes_of_the_paper() -> None:
    network, gray = color(), torch.empty(2, 1, 352, 352, device="meta")
    assert [tuple(f.shape[1:]) for f in network.features(gray, gray)] == [
        (64, 352, 352), (128, 176, 176), (256, 88, 88), (512, 44, 44), (1024, 22, 22), (1024, 11, 11),
    ]  # fmt: skip
    assert network(gray, gray).shape == (2, 2, 352, 352)
    wide = torch.empty(1, 1, 64, 96, device="meta")
    assert network(wide, wide).shape == (1, 2, 64, 96)
    assert grid()(gray).shape == (2, 60, 352, 352)
    for side in (100, 33):
        odd = torch.empty(1, 1, side, side, device="meta")
        with pytest.raises(RuntimeError):
            network(odd, odd)
    odd = torch.empty(1, 1, 64, 80, device="meta")
    assert grid()(odd).shape == (1, 60, 64, 80)
    with pytest.raises(RuntimeError):
        network(odd, odd)


def test_no_convolution_has_a_bias() -> None:
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    for network in (color(), grid()):
        layers = [module for module in network.modules() if isinstance(module, kinds)]
        assert layers
        assert all(layer.bias is None for layer in layers)


def test_nothing_gives_nothing(color_net: Make) -> None:
    zero = torch.zeros(1, 1, 16, 16)
    assert not color_net()(zero, zero).any()


def test_normalization_removes_gain_and_offset() -> None:
    features = torch.randn(2, 3, 9, 7, dtype=torch.float64)
    normalization = Normalization(eps=0.0)
    found = normalization(features)
    assert torch.allclose(normalization(3 * features + 5), found, atol=1e-12)
    assert torch.allclose(found.mean((2, 3)), torch.zeros(2, 3, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(Normalization()(3 * features + 5), found, atol=1e-4)
    assert not Normalization()(torch.ones(1, 3, 1, 1)).any()


def test_the_network_does_not_see_contrast_but_all_else(color_net: Make) -> None:
    gray, codes = (torch.rand(1, 1, 16, 24, dtype=torch.float64) * 2 - 1 for _ in range(2))
    network = color_net(eps=1e-24).double()

    reference = network(gray, codes)
    for gain in (0.1, 0.5, 2):
        assert torch.allclose(network(gain * gray, codes), reference, rtol=0, atol=1e-10 * float(reference.abs().max()))
    for other in ((gray + 0.2, codes), (-gray, codes), (gray, codes / 2)):
        assert float((network(*other) - reference).abs().max()) > 1e-3 * float(reference.abs().max())
    plain = color_net("use_in=off").double()
    assert not torch.allclose(plain(2 * gray, codes), plain(gray, codes), rtol=1e-3)


def test_only_features_of_the_map_keep_their_scale(color_net: Make) -> None:
    network = color_net(eps=1e-20)
    gray, codes = (torch.rand(1, 1, 16, 16) * 2 - 1 for _ in range(2))
    for before, louder, scaled in zip(
        network.features(gray, codes), network.features(2 * gray, codes), network.features(gray, 2 * codes), strict=True
    ):
        half = before.shape[1] // 2
        assert torch.allclose(before, louder, atol=1e-4)
        assert torch.allclose(before[:, :half], scaled[:, :half])
        assert torch.allclose(2 * before[:, half:], scaled[:, half:], rtol=1e-4)


def test_one_encoder_reads_both(color_net: Make) -> None:
    network = color_net("use_in=off").requires_grad_(True)
    assert network.map_encoder is network.encoder
    same = torch.rand(1, 1, 16, 16)
    for features in network.features(same, same):
        left, right = features.chunk(2, dim=1)
        assert torch.equal(left, right)
    # The map's half of the features alone reaches the encoder's weights.
    sum(features.chunk(2, dim=1)[1].sum() for features in network.features(same, same)).backward()  # type: ignore[union-attr]
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.encoder.parameters())
    normalized = color_net()
    for features in normalized.features(same, same):
        left, right = features.chunk(2, dim=1)
        assert torch.allclose(left, normalized.normalization(right))
    both = color_net("use_in=all")
    for features in both.features(same, same):
        assert torch.equal(*features.chunk(2, dim=1))
    apart = color_net("share_encoder=off")
    assert apart.map_encoder is not apart.encoder


def test_gray_and_map_are_not_interchangeable(color_net: Make) -> None:
    network = color_net()
    gray, codes = (torch.rand(1, 1, 16, 16) * 2 - 1 for _ in range(2))
    assert float((network(gray, codes) - network(codes, gray)).abs().max()) > 1e-4


@pytest.mark.parametrize(
    ("setting", "holds"),
    [("out_act=tanh", lambda ab: float(ab.abs().max()) <= 1), ("out_act=none", lambda ab: float(ab.min()) < -1)],
)
def test_the_last_activation(color_net: Make, setting: str, holds: Callable[[torch.Tensor], bool]) -> None:
    network = color_net(setting)
    network.last.weight.data *= 1000
    assert holds(network(torch.rand(1, 1, 16, 16), torch.rand(1, 1, 16, 16)))


def test_leaky_compresses_what_is_negative(color_net: Make) -> None:
    inputs = torch.rand(1, 1, 16, 16), torch.rand(1, 1, 16, 16)
    leaky, plain = color_net(), color_net("out_act=none")
    plain.load_state_dict(leaky.state_dict())
    found, linear = leaky(*inputs), plain(*inputs)
    assert torch.allclose(found, torch.where(linear < 0, 0.1 * linear, linear))
    steeper = color_net("leaky=0.01")
    steeper.load_state_dict(leaky.state_dict())
    assert not torch.allclose(steeper(*inputs), found)


def test_replicated_borders_do_not_darken(color_net: Make) -> None:
    flat = torch.ones(1, 1, 16, 16)
    for padding, even in (("replicate", True), ("zero", False)):
        first = color_net(f"padding={padding}").encoder.layers[0](flat)
        assert torch.allclose(first[..., 0, 0], first[..., 8, 8], atol=1e-6) == even


def test_the_first_weights_keep_the_features_alive() -> None:
    gray = torch.rand(1, 1, 32, 32) * 2 - 1
    shape = load_color("small", 60, ["width=4", "crop=32", "resize=32"])[0]
    deepest = {init: ColorNet(shape, init).encoder(gray)[-1].std() for init in ("kaiming", "default")}
    assert deepest["kaiming"] > 20 * deepest["default"]


def test_gridnet_has_its_blocks() -> None:
    network = grid()
    assert sum(len(row) for row in network.lateral) == 25
    assert [sum(len(gap) for gap in gaps) for gaps in (network.down, network.up)] == [12, 12]


def test_gridnet_adds_up_as_drawn() -> None:
    """Node = lateral input + vertical input; down columns from left and top, up columns from left and below."""
    network = GridNet(load_segmentation("small", 5, ["seg_width=2", "rows=3", "columns=4", "crop=16"])[0]).eval()
    gray = torch.rand(1, 1, 16, 16)
    nodes: dict[tuple[int, int], torch.Tensor] = {(0, 0): network.entry(gray)}
    for column in range(2):
        for row in range(3):
            if (row, column) == (0, 0):
                continue
            beside = network.lateral[row][column - 1](nodes[row, column - 1]) if column else 0
            above = network.down[row - 1][column](nodes[row - 1, column]) if row else 0
            nodes[row, column] = beside + above
    for column in (2, 3):
        for row in (2, 1, 0):
            beside = network.lateral[row][column - 1](nodes[row, column - 1])
            below = network.up[row][column - 2](nodes[row + 1, column]) if row < 2 else 0
            nodes[row, column] = beside + below
    assert torch.equal(network(gray), network.exit(nodes[0, 3]))


def test_branches_drop_out_only_while_training() -> None:
    network = GridNet(load_segmentation("small", 5, ["seg_width=2", "rows=2", "columns=2", "crop=16", "drop=0.5"])[0])
    gray = torch.rand(2, 1, 16, 16)
    network.train()
    assert len({float(network(gray)[0, 0, 0, 0].detach()) for _ in range(12)}) > 1
    network.eval()
    assert torch.equal(network(gray), network(gray))
    lateral = Lateral(2, 0.25).eval()
    x = torch.rand(1, 2, 4, 4)
    assert torch.allclose(lateral(x), x + 0.75 * lateral.branch(x))
