"""The patch discriminator and the adversarial losses: sizes, receptive field, statistics, gradients."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from bench_core.nn.adversarial import discriminator_loss, generator_loss
from bench_core.nn.patchgan import PatchDiscriminator, frozen_statistics


@pytest.mark.parametrize(
    ("inputs", "width", "layers", "count"),
    [(1, 64, 3, 2_763_585), (3, 64, 3, 2_765_633), (1, 16, 2, 42_449), (3, 16, 2, 42_961)],
)
def test_parameter_counts_are_those_of_pix2pix(inputs: int, width: int, layers: int, count: int) -> None:
    assert sum(parameter.numel() for parameter in PatchDiscriminator(inputs, width, layers).parameters()) == count


@pytest.mark.parametrize(
    ("layers", "size", "logits"), [(3, (256, 256), (30, 30)), (3, (256, 128), (30, 14)), (2, (64, 64), (14, 14))]
)
def test_a_picture_gives_a_map_of_logits(layers: int, size: tuple[int, int], logits: tuple[int, int]) -> None:
    assert PatchDiscriminator(3, 4, layers)(torch.rand(1, 3, *size)).shape == (1, 1, *logits)


def test_a_logit_sees_seventy_pixels() -> None:
    torch.manual_seed(0)
    network = PatchDiscriminator(1, 4).eval()
    picture = torch.rand(1, 1, 128, 128, requires_grad=True)
    network(picture)[0, 0, 7, 7].backward()
    assert picture.grad is not None
    rows, columns = torch.nonzero(picture.grad[0, 0], as_tuple=True)
    assert (int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1) == (70, 70)


def test_weights_start_as_in_pix2pix() -> None:
    torch.manual_seed(0)
    network = PatchDiscriminator(1, 64)
    norms = torch.cat([layer.weight.detach() for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)])
    last = network.layers[-1]
    assert isinstance(last, nn.Conv2d)
    assert float(last.weight.detach().std()) == pytest.approx(0.02, rel=0.05)
    assert (float(norms.mean()), float(norms.std())) == pytest.approx((1, 0.02), rel=0.1)


def test_frozen_statistics_change_nothing_but_what_is_learned() -> None:
    torch.manual_seed(0)
    network, pictures = PatchDiscriminator(1, 4).train(), torch.rand(2, 1, 64, 64)
    buffers = {name: value.clone() for name, value in network.named_buffers()}
    with frozen_statistics(network):
        frozen = network(pictures)
    assert all(torch.equal(value, buffers[name]) for name, value in network.named_buffers())
    # Statistics of the batch are used all the same, and even a poisoned batch leaves the running ones alone.
    assert torch.equal(frozen, network(pictures))
    assert not all(torch.equal(value, buffers[name]) for name, value in network.named_buffers())
    learned = {name: value.clone() for name, value in network.named_buffers()}
    with frozen_statistics(network):
        network(pictures * math.inf)
    assert all(torch.equal(value, learned[name]) for name, value in network.named_buffers())
    network(pictures)
    assert not all(torch.equal(value, learned[name]) for name, value in network.named_buffers())


def test_losses_are_the_cross_entropies_they_are_named_for() -> None:
    torch.manual_seed(0)
    real, generated = torch.randn(2, 1, 5, 5), torch.randn(2, 1, 5, 5)
    ones, zeros = torch.ones_like(real), torch.zeros_like(real)
    cross_entropy = F.binary_cross_entropy_with_logits
    expected = cross_entropy(real, ones) + cross_entropy(generated, zeros)
    assert float(discriminator_loss(real, generated)) == pytest.approx(float(expected), rel=1e-6)
    assert float(generator_loss(generated)) == pytest.approx(float(cross_entropy(generated, ones)), rel=1e-6)
    minimax = generator_loss(generated, "minimax")
    assert float(minimax) == pytest.approx(float(torch.log(1 - generated.sigmoid()).mean()), rel=1e-5)
    assert float(discriminator_loss(zeros, zeros)) == pytest.approx(math.log(4))
    with pytest.raises(ValueError, match="non-saturating, minimax, not 'wgan'"):
        generator_loss(generated, "wgan")


def test_only_the_non_saturating_loss_pulls_where_the_discriminator_wins() -> None:
    gradients = {}
    for kind in ("non-saturating", "minimax"):
        logit = torch.tensor([-12.0], requires_grad=True)
        generator_loss(logit, kind).backward()
        assert logit.grad is not None
        gradients[kind] = float(logit.grad)
    assert gradients["non-saturating"] == pytest.approx(-1, abs=1e-4)
    assert gradients["minimax"] == pytest.approx(0, abs=1e-4)
    assert gradients["minimax"] < 0
