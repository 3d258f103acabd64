"""The objectives of one step (specification §3, properties 7, 9, 14, 15, 22, 23)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bench_core.surrogates.ycbcr import luminance
from bench_jrig.channel import draw_trip
from bench_jrig.config import TrainingConfig
from bench_jrig.networks import JrigNetwork
from bench_jrig.objective import DiscriminatorObjective, GeneratorObjective
from bench_jrig.schedule import CLEAN, MIXED, Weights, weights_at

Config = Callable[..., TrainingConfig]


def batch(config: TrainingConfig, pictures: Tensor, ratio: dict[str, int] | None = None) -> dict[str, Any]:
    return {
        "color": pictures,
        "target": luminance(pictures),
        "weights": weights_at(config, config.steps - 1),
        "trip": draw_trip(config, len(pictures), ratio or MIXED, np.random.default_rng(0)),
    }


def state(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


class Features(nn.Module):
    """Another contrast loss, to count with."""

    def forward(self, gray: Tensor, color: Tensor) -> Tensor:
        assert gray.shape[1] == 1
        assert color.shape[1] == 3
        return (gray.mean() - color.mean()).square() + 5


def test_the_total_is_the_weighted_sum(config: Config, network: JrigNetwork, pictures: Tensor) -> None:
    made = config("weight_contrast=1e-7")
    objective = GeneratorObjective(network, made, DiscriminatorObjective(made), Features())
    given = batch(made, pictures)
    losses = {name: value.detach() for name, value in objective(**given).items()}
    names = [name for name in losses if name not in ("loss", "made_gray", "made_color")]
    assert set(names) == {f for f in Weights.__dataclass_fields__ if f != "threshold"}  # all eight, and the gray mse
    total = sum(getattr(given["weights"], name) * float(losses[name]) for name in names)
    assert float(losses["loss"]) == pytest.approx(total, rel=1e-5)
    assert float(losses["contrast"]) >= 5
    published = weights_at(config(preset="paper"), 0)
    assert published == Weights(3, 0.1, 1, 1e-7, 0.5, 1, 0.01, 0.01, 0, 70)


def test_gray_losses_use_the_whole_batch(config: Config, network: JrigNetwork, pictures: Tensor) -> None:
    made = config()
    losses = GeneratorObjective(network, made)(**batch(made, pictures))
    expected = (network.hide(pictures) - luminance(pictures)).square().mean()
    assert losses["gray"].item() == pytest.approx(expected.item(), rel=1e-5)
    assert losses["made_gray"].shape == (8, 1, 32, 32)
    assert losses["made_color"].shape == (8, 3, 32, 32)


def test_a_contrast_loss_that_is_missing_is_an_error(config: Config, network: JrigNetwork) -> None:
    with pytest.raises(ValueError, match="no contrast loss"):
        GeneratorObjective(network, config("weight_contrast=1e-7"))


def test_the_generators_step_leaves_the_discriminators_alone(
    config: Config, network: JrigNetwork, pictures: Tensor
) -> None:
    made = config()
    judges = DiscriminatorObjective(made).train()
    objective = GeneratorObjective(network, made, judges)
    before = state(judges)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    own = state(network)
    objective(**batch(made, pictures))["loss"].backward()
    optimizer.step()
    assert same(before, state(judges))  # weights, and the statistics of batch norm
    assert not same(own, state(network))
    assert all(p.grad is not None for p in network.parameters())


def test_the_discriminators_step_leaves_h_and_r_alone(config: Config, network: JrigNetwork, pictures: Tensor) -> None:
    made = config()
    judges = DiscriminatorObjective(made).train()
    given = batch(made, pictures)
    found = GeneratorObjective(network, made, judges)(**given)
    losses = judges(**given, made_gray=found["made_gray"], made_color=found["made_color"])
    losses["loss"].backward()
    assert all(p.grad is None for p in network.parameters())
    assert all(p.grad is not None for p in judges.parameters())
    assert losses["loss"].item() == pytest.approx((losses["gray"] + losses["color"]).item(), rel=1e-6)


def test_discriminators_learn_to_tell_real_from_made(config: Config, pictures: Tensor) -> None:
    torch.manual_seed(5)
    judges = DiscriminatorObjective(config()).train()
    made = {"made_gray": torch.zeros(8, 1, 32, 32), "made_color": torch.rand(8, 3, 32, 32)}
    optimizer = torch.optim.Adam(judges.parameters(), lr=2e-3, betas=(0.5, 0.999))
    losses = []
    for _ in range(15):
        found = judges(color=pictures, target=luminance(pictures), **made)
        found["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append({name: value.item() for name, value in found.items()})
    assert losses[-1]["color"] < 0.5 * losses[0]["color"]
    assert losses[-1]["gray"] < 0.5 * losses[0]["gray"]


def test_each_discriminator_moves_what_it_judges(config: Config, network: JrigNetwork, pictures: Tensor) -> None:
    made = config()
    objective = GeneratorObjective(network, made, DiscriminatorObjective(made))
    given = batch(made, pictures, {"real": 1})
    for name, hides, restores in (("adv_gray", True, False), ("adv_color", False, True)):
        network.zero_grad()
        objective(**given)[name].backward()
        for part, moved in ((network.hiding, hides), (network.restoring, restores)):
            assert any(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in part.parameters()) is moved


def test_without_adversary_or_weight_nothing_is_judged(config: Config, network: JrigNetwork, pictures: Tensor) -> None:
    made = config()
    objective = GeneratorObjective(network, made, DiscriminatorObjective(made))
    given = batch(made, pictures, CLEAN) | {"weights": weights_at(made, 0, adversarial=False)}
    assert not {"adv_gray", "adv_color"} & set(objective(**given))


def test_a_free_target_leaves_out_what_would_shape_the_gray_picture(
    config: Config, network: JrigNetwork, pictures: Tensor
) -> None:
    made = config("target=none", "weight_contrast=1e-7")
    judges = DiscriminatorObjective(made)
    assert judges.gray is None
    weights = weights_at(made, made.steps - 1)
    assert (weights.basic, weights.contrast, weights.variation, weights.adv_gray, weights.gray) == (0,) * 5
    assert min(weights.restored, weights.structure, weights.quantization, weights.adv_color) > 0
    losses = GeneratorObjective(network, made, judges, Features())(**batch(made, pictures))
    assert not {"contrast", "adv_gray", "gray"} & set(losses)
    found = judges(color=pictures, target=None, made_gray=losses["made_gray"], made_color=losses["made_color"])
    assert set(found) == {"loss", "color"}


def test_losses_stay_float32_under_mixed_precision(config: Config, network: JrigNetwork, pictures: Tensor) -> None:
    made = config()
    judges = DiscriminatorObjective(made)
    objective = GeneratorObjective(network, made, judges)
    given = batch(made, pictures)
    exact = objective(**given)
    with torch.autocast("cpu", torch.bfloat16):
        losses = objective(**given)
        found = judges(**given, made_gray=losses["made_gray"], made_color=losses["made_color"])
    assert {value.dtype for value in (losses | found).values()} == {torch.float32}
    # Half a level of 1/255 at most, which bfloat16 could not tell from none.
    assert losses["quantization"].item() == pytest.approx(exact["quantization"].item(), rel=0.2)
    assert losses["structure"].item() == pytest.approx(exact["structure"].item(), rel=0.05)


def test_the_literal_adversarial_loss_is_an_option(config: Config, network: JrigNetwork, pictures: Tensor) -> None:
    made = config()
    judges = DiscriminatorObjective(made)
    given = batch(made, pictures)
    kind = {name: GeneratorObjective(network, replace(made, gan=name), judges)(**given)["adv_color"] for name in
            ("non-saturating", "minimax")}  # fmt: skip
    assert kind["non-saturating"] > 0 > kind["minimax"]
