"""Losses and what each stage minimizes (specification §3, properties 6 to 8)."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from bench_core.nn.vgg import VggFeatures, widths_to
from bench_scgan.config import NetworkConfig, TrainingConfig
from bench_scgan.losses import (
    attention_loss,
    difference,
    gradient_penalty,
    judged_discriminator,
    judged_generator,
    saliency_loss,
)
from bench_scgan.networks import Generator
from bench_scgan.objective import DiscriminatorObjective, GeneratorObjective
from bench_scgan.perceptual import PerceptualLoss, load_perceptual

Tiny = Callable[..., tuple[NetworkConfig, TrainingConfig]]


def objectives(tiny: Tiny, *overrides: str) -> tuple[GeneratorObjective, DiscriminatorObjective]:
    shape, config = tiny(*overrides)
    judges = DiscriminatorObjective(config, shape.attention)
    return GeneratorObjective(Generator(shape), config, judges), judges


def learned_from(judges: nn.Module) -> set[int]:
    """How many batches each batch norm has in its statistics."""
    return {int(value) for name, value in judges.named_buffers() if name.endswith("num_batches_tracked")}


def test_the_penalty_of_a_linear_critic_is_known() -> None:
    weight = torch.randn(3, 8, 8)
    real, fake = torch.rand(4, 3, 8, 8), torch.rand(4, 3, 8, 8)
    expected = (weight.norm() - 1).square().item()
    for alpha in (torch.zeros(4), torch.ones(4), torch.rand(4)):
        penalty = gradient_penalty(lambda u: (weight * u).sum(dim=(1, 2, 3)), real, fake, alpha)
        assert penalty.item() == pytest.approx(expected, rel=1e-5)


def test_the_penalty_mixes_each_picture_by_its_own_share() -> None:
    real, fake, alpha = torch.ones(2, 3, 4, 4), torch.zeros(2, 3, 4, 4), torch.tensor([0.25, 1.0])
    seen: list[Tensor] = []

    def critic(mixed: Tensor) -> Tensor:
        seen.append(mixed.detach())
        return mixed.square().sum()

    # The gradient of Σu² is 2u: of norm 2·α·√48.
    penalty = gradient_penalty(critic, real, fake, alpha)
    assert seen[0].mean(dim=(1, 2, 3)).tolist() == [0.25, 1.0]
    expected = sum((2 * share * 48**0.5 - 1) ** 2 for share in (0.25, 1.0)) / 2
    assert penalty.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("layout", ["released", "pix2pix"])
def test_the_penalty_teaches_discriminators_and_not_the_generator(
    tiny: Tiny, batch: dict[str, Tensor], layout: str
) -> None:
    objective, judges = objectives(tiny, f"d_layout={layout}", "norm_d=bn")
    made, made_saliency = objective.network(batch["gray"])
    figures = judges(**batch, made_color=made, made_saliency=made_saliency)
    figures["penalty"].backward()
    assert all(parameter.grad is None for parameter in objective.network.parameters())
    for judge in (judges.color, judges.attention):
        assert isinstance(judge, nn.Module)
        weights = [parameter.grad for parameter in judge.parameters() if parameter.ndim == 4]
        assert all(grad is not None and grad.abs().sum() > 0 for grad in weights)
    # Batch norm learns from real and from made pictures, and not from the penalty's mixed ones.
    assert learned_from(judges) == {2}
    assert figures["loss"].item() == pytest.approx(
        (figures["color"] + figures["attention"] + 10 * figures["penalty"]).item(), rel=1e-5
    )


def test_each_penalty_has_its_own_share_and_the_weight_asked_for(tiny: Tiny, batch: dict[str, Tensor]) -> None:
    _, judges = objectives(tiny, "weight_gp=3")
    judges.eval()  # so that no power iteration tells one call from the next
    made = {"made_color": batch["color"].flip(0), "made_saliency": batch["saliency"].flip(0)}
    figures = judges(**batch, **made)
    total = figures["color"] + figures["attention"] + 3 * figures["penalty"]
    assert figures["loss"].item() == pytest.approx(total.item(), rel=1e-5)
    for column in (0, 1):
        alpha = batch["alpha"].clone()
        alpha[:, column] = 1 - alpha[:, column]
        assert judges(**{**batch, "alpha": alpha}, **made)["penalty"] != figures["penalty"]


def test_the_penalty_is_of_full_precision_where_the_rest_is_not(tiny: Tiny, batch: dict[str, Tensor]) -> None:
    _, judges = objectives(tiny)
    judges.eval()
    made = {"made_color": batch["color"].flip(0), "made_saliency": batch["saliency"].flip(0)}
    with torch.autocast("cpu", torch.bfloat16):
        half = judges(**batch, **made)
    full = judges(**batch, **made)
    assert half["penalty"] == full["penalty"]
    assert half["color"] != full["color"]


def test_a_saliency_that_is_no_number_is_handed_on_and_stops_nothing(tiny: Tiny, batch: dict[str, Tensor]) -> None:
    made = torch.rand(2, 1, 8, 8)
    saliency = torch.rand(2, 1, 8, 8)
    assert saliency_loss(made, saliency) == F.binary_cross_entropy(made, saliency)
    objective, _ = objectives(tiny)
    figures = objective(**{**batch, "noise": torch.full_like(batch["noise"], torch.nan)}, second=False)
    assert figures["saliency"].isnan()
    figures["loss"].backward()
    branch = objective.network.branch
    assert branch is not None
    assert all(parameter.grad is not None and parameter.grad.isnan().any() for parameter in branch.parameters())


def test_attention_counts_where_something_is_salient() -> None:
    color, saliency = torch.rand(2, 3, 8, 8) * 2 - 1, torch.rand(2, 1, 8, 8)
    assert attention_loss(color, saliency, color, saliency).item() == 0
    nothing = torch.zeros_like(saliency)
    assert attention_loss(torch.rand(2, 3, 8, 8), nothing, color, nothing).item() == 0
    made = torch.rand(2, 3, 8, 8)
    expected = sum((made[:, c] * 0.5 - color[:, c] * saliency[:, 0]).abs().mean() for c in range(3)) / 3
    assert attention_loss(made, 0.5 * torch.ones_like(saliency), color, saliency).item() == pytest.approx(
        float(expected), rel=1e-5
    )


def test_differences_and_adversarial_losses_are_the_written_ones() -> None:
    a, b = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4)
    assert difference(a, b, False).item() == pytest.approx((a - b).abs().mean().item())
    assert difference(a, b, True).item() == pytest.approx((a - b).square().mean().item())
    real, fake = torch.tensor([2.0, 4.0]), torch.tensor([1.0, -3.0])
    for kind in ("wgan", "wgan-gp"):
        assert judged_discriminator(real, fake, kind).item() == -1 - 3
        assert judged_generator(fake, kind).item() == 1
    assert judged_discriminator(real, fake, "lsgan").item() == 0.5 * ((1 + 9) / 2 + (1 + 9) / 2)
    assert judged_generator(fake, "lsgan").item() == (0 + 16) / 2


@pytest.mark.parametrize("count", [1, 2])
def test_the_adversary_reaches_the_branch_through_d_a_alone(tiny: Tiny, batch: dict[str, Tensor], count: int) -> None:
    objective, _ = objectives(tiny, f"n_discriminators={count}")
    objective(**batch, second=True)["gan"].backward()
    branch = objective.network.branch
    assert branch is not None
    reached = [parameter.grad is not None and bool(parameter.grad.any()) for parameter in branch.parameters()]
    assert any(reached) == (count == 2)
    assert all(parameter.grad is not None for parameter in objective.network.unet.parameters())


def test_the_generators_update_leaves_the_discriminators_statistics(tiny: Tiny, batch: dict[str, Tensor]) -> None:
    objective, judges = objectives(tiny, "norm_d=bn")
    objective(**batch, second=True)
    assert learned_from(judges) == {0}


def test_the_saliency_learns_from_attention_alone(tiny: Tiny, batch: dict[str, Tensor]) -> None:
    objective, _ = objectives(tiny, "lambda_sal=0")
    figures = objective(**batch, second=False)
    assert set(figures) == {"loss", "color", "attention", "made_color", "made_saliency"}
    figures["attention"].backward()
    branch = objective.network.branch
    assert branch is not None
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in branch.parameters())
    assert "saliency" in objectives(tiny)[0](**batch, second=False)
    squared = objectives(tiny, "l2=on")[0](**batch, second=False)
    wanted = attention_loss(squared["made_color"], squared["made_saliency"], batch["color"], batch["saliency"], l2=True)
    assert squared["attention"] == wanted


def test_the_network_sees_the_noise(tiny: Tiny, batch: dict[str, Tensor]) -> None:
    seen: list[Tensor] = []
    batch["noise"] = torch.randn_like(batch["noise"])
    objective, _ = objectives(tiny)
    objective.network.register_forward_pre_hook(lambda _, given: seen.extend(given))
    objective(**batch, second=False)
    assert torch.equal(seen[0], batch["gray"] + batch["noise"])


def test_stage_1_has_neither_discriminators_nor_vgg(tiny: Tiny, batch: dict[str, Tensor]) -> None:
    class Never(nn.Module):
        def forward(self, *_: Tensor) -> Tensor:
            raise AssertionError("used in stage 1")

    shape, config = tiny("weight_percep=5", "lambda_sal=0.2")
    judges = DiscriminatorObjective(config, True)
    judges.color = judges.attention = Never()  # type: ignore[assignment]
    objective = GeneratorObjective(Generator(shape), config, judges, Never())
    figures = objective(**batch, second=False)
    total = figures["color"] + 0.5 * figures["attention"] + 0.2 * figures["saliency"]
    assert figures["loss"].item() == pytest.approx(total.item(), rel=1e-6)
    with pytest.raises(AssertionError, match="used in stage 1"):
        objective(**batch, second=True)
    with pytest.raises(ValueError, match="no perceptual loss"):
        GeneratorObjective(Generator(shape), config, judges)


def vgg_state(layer: str) -> dict[str, Tensor]:
    state, channels, place = {}, 3, 0
    for width in widths_to("vgg16", layer):
        if width:
            state[f"features.{place}.weight"] = torch.randn(width, channels, 3, 3) * (2 / (9 * channels)) ** 0.5
            state[f"features.{place}.bias"] = torch.randn(width) * 0.1
            channels = width
        place += 2 if width else 1
    return state


def test_stage_2_is_equation_6(tiny: Tiny, batch: dict[str, Tensor]) -> None:
    shape, config = tiny("weight_percep=5", "lambda_sal=0")
    judges = DiscriminatorObjective(config, True)
    perceptual = PerceptualLoss(VggFeatures("vgg16", "relu3_3", vgg_state("relu3_3")), True)
    objective = GeneratorObjective(Generator(shape), config, judges, perceptual)
    figures = objective(**batch, second=True)
    total = figures["color"] + 0.05 * figures["gan"] + 0.5 * figures["attention"] + 5 * figures["percep"]
    assert figures["loss"].item() == pytest.approx(total.item(), rel=1e-5)
    assert figures["percep"].item() > 0
    assert not any("vgg" in name or "perceptual" in name for name in objective.state_dict())


def test_the_perceptual_loss_gets_pictures_of_0_to_1_in_full_precision(tiny: Tiny, batch: dict[str, Tensor]) -> None:
    seen: list[Tensor] = []

    def perceptual(made: Tensor, color: Tensor) -> Tensor:
        assert not torch.is_autocast_enabled("cpu")
        seen.extend((made, color))
        return made.mean()

    shape, config = tiny("weight_percep=5", "gan=none")
    with torch.autocast("cpu", torch.bfloat16):
        figures = GeneratorObjective(Generator(shape), config, None, perceptual)(**batch, second=True)
    made, color = seen
    assert torch.equal(made, (figures["made_color"] + 1) / 2)
    assert torch.equal(color, (batch["color"] + 1) / 2)


@pytest.mark.parametrize(("layer", "layers"), [("relu3_3", 16), ("conv3_3", 15)])
@pytest.mark.parametrize("norm", ["on", "off"])
def test_the_perceptual_loss_is_the_one_asked_for(
    tiny: Tiny, tmp_path: Path, layer: str, layers: int, norm: str
) -> None:
    save_file(vgg_state("relu3_3"), tmp_path / "vgg16.safetensors")
    settings = (f"percep_layer={layer}", f"percep_norm={norm}", f"vgg_file={tmp_path / 'vgg16.safetensors'}")
    loss = load_perceptual(tiny("weight_percep=5", *settings)[1])
    assert loss is not None
    assert (len(loss.features.features), loss.normalize) == (layers, norm == "on")


def test_perceptual_features_are_those_of_the_layer_asked_for() -> None:
    state = vgg_state("relu3_3")
    rectified, plain = (VggFeatures("vgg16", layer, state) for layer in ("relu3_3", "conv3_3"))
    assert (len(rectified.features), len(plain.features)) == (16, 15)  # the public code takes the first 15
    picture = torch.rand(1, 3, 16, 16, requires_grad=True)
    assert torch.equal(rectified(picture), F.relu(plain(picture)))
    assert not torch.equal(plain(picture), plain(picture, normalize=False))
    loss = PerceptualLoss(plain, False)
    assert loss(picture, picture.detach()).item() == 0
    loss(picture, torch.rand(1, 3, 16, 16)).backward()
    assert picture.grad is not None
    assert picture.grad.any()


def test_without_attention_there_is_no_d_a(tiny: Tiny, batch: dict[str, Tensor]) -> None:
    objective, judges = objectives(tiny, "attention=off")
    assert judges.attention is None
    del batch["saliency"]
    figures = objective(**batch, second=True)
    assert set(figures) == {"loss", "color", "gan", "made_color"}
    assert set(judges(**batch, made_color=figures["made_color"])) == {"loss", "color", "penalty"}
