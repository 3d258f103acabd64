"""The network: parameters, shapes, Keras' padding, and what its options change (properties 1 to 5 and 12)."""

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from bench_autoencoder.config import load_preset
from bench_autoencoder.network import Autoencoder, Down, Up


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_every_layer_has_the_published_number_of_parameters() -> None:
    network = Autoencoder(load_preset("paper")[0])
    layers = [count(layer) for layer in (*network.encoder, *network.decoder) if count(layer)]
    assert layers == [640, 73_856, 295_168, 1_048_832, 1_052_672, 590_080, 295_040, 73_792, 1_731]
    assert (count(network.encoder), count(network.decoder)) == (1_418_496, 2_013_315)


@pytest.mark.parametrize(
    ("preset", "settings", "total"),
    [
        ("paper", [], 3_431_811),
        ("small", [], 859_843),
        ("tiny", [], 215_907),
        ("paper", ["batch_norm=on"], 3_433_603),
        ("paper", ["dropout=0.5"], 3_431_811),
        ("paper", ["bottleneck=none"], 3_431_811 - 1_048_832 - 1_052_672),
    ],
)
def test_presets_and_options_have_their_number_of_parameters(preset: str, settings: list[str], total: int) -> None:
    network = Autoencoder(load_preset(preset, settings)[0])
    assert count(network) == total
    running = sum(value.numel() for name, value in network.named_buffers() if "running" in name)
    assert running == (1_792 if "batch_norm=on" in settings else 0)  # Keras' total is 3,435,395


def test_shapes_from_gray_to_latent_to_color() -> None:
    network = Autoencoder(load_preset("paper")[0])
    x = torch.rand(2, 1, 32, 32)
    shapes = []
    for layer in (*network.encoder, *network.decoder):
        x = layer(x)
        if not shapes or tuple(x.shape[1:]) != shapes[-1]:
            shapes.append(tuple(x.shape[1:]))
    assert shapes == [
        (64, 16, 16), (128, 8, 8), (256, 4, 4), (4096,), (256,), (4096,), (256, 4, 4), (256, 8, 8), (128, 16, 16),
        (64, 32, 32), (3, 32, 32),
    ]  # fmt: skip
    assert network.encoder(torch.rand(2, 1, 32, 32)).shape == (2, 256)
    assert network(torch.rand(2, 1, 32, 32)).shape == (2, 3, 32, 32)


@pytest.mark.parametrize("size", [(31, 32), (64, 64), (32, 40)])
def test_other_sizes_are_a_clear_error(network: Autoencoder, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=rf"takes pictures of 32×32, not {size[1]}×{size[0]}: .* thumb or tile"):
        network(torch.rand(1, 1, *size))


def test_without_bottleneck_every_multiple_of_8_is_colored(make: Callable[..., Autoencoder]) -> None:
    network = make("bottleneck=none")
    assert network.encoder(torch.rand(1, 1, 32, 32)).shape == (1, 16, 4, 4)
    assert network(torch.rand(2, 1, 40, 16)).shape == (2, 3, 40, 16)
    with pytest.raises(ValueError, match="multiples of 8, not 16×41"):
        network(torch.rand(1, 1, 41, 16))


@torch.no_grad()
def test_outputs_are_inside_of_the_unit_interval_and_half_without_weights(network: Autoencoder) -> None:
    color = network(torch.rand(4, 1, 32, 32))
    assert 0 < float(color.min()) < float(color.max()) < 1
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    assert torch.equal(network(torch.rand(2, 1, 32, 32)), torch.full((2, 3, 32, 32), 0.5))


@torch.no_grad()
def test_the_transposed_convolution_is_the_adjoint_of_the_convolution() -> None:
    down, up = Down(3, 5).double(), Up(5, 3).double()
    nn.init.zeros_(down.bias)
    nn.init.zeros_(up.bias)
    up.weight.data = down.weight.data  # inputs and outputs change places, as in Keras
    x, y = torch.rand(2, 3, 8, 12, dtype=torch.float64), torch.rand(2, 5, 4, 6, dtype=torch.float64)
    assert down(x).shape == y.shape
    assert up(y).shape == x.shape
    assert float((down(x) * y).sum()) == pytest.approx(float((x * up(y)).sum()), rel=1e-12)


@torch.no_grad()
def test_padding_is_at_the_end() -> None:
    up, impulse = Up(1, 1), torch.zeros(1, 1, 4, 4)
    nn.init.ones_(up.weight)
    nn.init.zeros_(up.bias)
    impulse[0, 0, 0, 0] = 1
    touched = up(impulse)[0, 0] != 0
    assert touched.shape == (8, 8)
    assert touched.nonzero().tolist() == [[row, column] for row in range(3) for column in range(3)]
    # The convolution sees the pixel at (0, 0) in its first output alone, with the kernel's first weight.
    down = Down(1, 1)
    nn.init.zeros_(down.bias)
    corner = torch.zeros(1, 1, 8, 8)
    corner[0, 0, 0, 0] = 1
    seen = down(corner)
    assert float(seen[0, 0, 0, 0]) == float(down.weight[0, 0, 0, 0])
    assert int((seen != 0).sum()) == 1


@torch.no_grad()
def test_first_weights_are_glorots_and_biases_zero() -> None:
    torch.manual_seed(0)
    network = Autoencoder(load_preset("small")[0])
    checked = 0
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            area = layer.weight[0, 0].numel() if layer.weight.ndim == 4 else 1
            limit = (6 / (area * (layer.weight.shape[0] + layer.weight.shape[1]))) ** 0.5
            assert 0.95 * limit < float(layer.weight.abs().max()) <= limit
            assert float(layer.weight.std()) == pytest.approx(limit / 3**0.5, rel=0.1)
            assert not layer.bias.any()
            checked += 1
    assert checked == 9


@torch.no_grad()
def test_the_dense_layers_are_one_affine_map_of_limited_rank(network: Autoencoder) -> None:
    squeeze, expand = network.encoder[-1], network.decoder[0]
    assert torch.linalg.matrix_rank(expand.weight @ squeeze.weight) == 6  # of 256
    features = torch.randn(2, 256)
    a, b = features
    middle = expand(squeeze((a + b) / 2))
    torch.testing.assert_close(middle, (expand(squeeze(a)) + expand(squeeze(b))) / 2)


def test_colors_depend_on_the_picture_only_through_the_latent_vector(network: Autoencoder) -> None:
    seen: list[Tensor] = []
    network.decoder.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    color = network(torch.rand(1, 1, 32, 32))
    assert [value.shape for value in seen] == [(1, 6)]
    assert torch.equal(torch.sigmoid(network.decoder(seen[0])), color)
    assert not [name for name, _ in network.named_children() if name not in ("encoder", "decoder")]


def test_training_and_testing_are_the_same_without_dropout_and_batch_norm(make: Callable[..., Autoencoder]) -> None:
    gray = torch.rand(4, 1, 32, 32)
    for settings, same in (([], True), (["dropout=0.2"], False), (["batch_norm=on"], False)):
        network = make(*settings)
        assert torch.equal(network.train()(gray), network.eval()(gray)) == same, settings


def test_options_sit_where_the_report_has_them(make: Callable[..., Autoencoder]) -> None:
    network = make("dropout=0.5", "batch_norm=on")
    kinds = [type(layer) for part in (network.encoder, network.decoder) for layer in part]
    assert kinds.count(nn.Dropout) == kinds.count(nn.BatchNorm2d) == kinds.count(nn.ReLU) == 6
    followed = {(a, b) for a, b in pairwise(kinds) if a in (Down, Up, nn.BatchNorm2d) or b is nn.Dropout}
    assert followed == {(Down, nn.BatchNorm2d), (Up, nn.BatchNorm2d), (nn.BatchNorm2d, nn.ReLU), (nn.ReLU, nn.Dropout)}
    norm = next(layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d))
    assert (norm.eps, norm.momentum) == (1e-3, 0.01)  # Keras' 1e-3 and 0.99
