"""`bench train riis`, `bench train riis-star` and `bench-riis-train`: train a network on folders of photos."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor

from bench_core.nn.layout import channels_last
from bench_core.photos import Crops, Pixels
from bench_core.randomness import keyed_generator
from bench_core.training import (
    CHECKPOINT,
    Batch,
    Progressed,
    Recipe,
    Stage,
    Trainer,
    TrainingOptions,
    Update,
    cosine_lr,
    halving_lr,
    make_accelerator,
    run_command,
    training_options,
)
from bench_core.training.pairs import hosts_and_secrets
from bench_riis.channel import check_channel, draw_levels
from bench_riis.config import HYPERPARAMETERS, STAR, TrainingConfig, load_preset
from bench_riis.model import RiisNetwork
from bench_riis.objective import Objective
from bench_riis.validation import Validation
from bench_riis.weights import save_weights, start_from


@dataclass(frozen=True)
class Batches:
    """Batches of random crops, each drawn from the generator of its step and process."""

    crops: Crops
    count: int
    n_secrets: int
    config: TrainingConfig
    seed: int
    name: str

    def __call__(self, step: int, process: int) -> dict[str, Any]:
        """The objective's arguments."""
        rng = keyed_generator(self.seed, "train", step, self.name, process)
        return {
            **hosts_and_secrets(self.crops, self.count, self.n_secrets, rng),
            "levels": draw_levels(self.config, self.count, rng, step),
            "seed": int(rng.integers(2**62)),
        }


@dataclass(frozen=True)
class Parts:
    """What a training run is of: RIIS, or its relative that hides color (bench_riis.color)."""

    network: RiisNetwork
    objective: Objective
    batches: Callable[[Crops, int, str], Callable[[int, int], Batch]]
    """From the crops of a stage, its batch size and its name."""
    validate: Callable[[], Mapping[str, float]]
    pictures: Callable[[], Mapping[str, Tensor]]


def stages(
    photos: list[Pixels],
    config: TrainingConfig,
    batches: Callable[[Crops, int, str], Callable[[int, int], Batch]],
    decouple: Callable[[], None] | None = None,
) -> list[Stage]:
    """The main stage, and the late one of larger crops where the configuration has one.

    With `decouple`, which begins the second half of two-stage decoupled tuning, a stage is cut where that happens;
    both parts draw what the whole would have drawn.
    """
    late = round(config.steps * config.late_fraction)
    plan = (
        ("main", config.steps - late, config.crop, config.batch),
        ("late", late, config.late_crop, config.late_batch),
    )
    shared = config.steps if decouple is None else round(config.steps * config.decouple_at)
    cut: list[Stage] = []
    for name, steps, crop, count in plan:
        if not steps:
            continue
        drawn = batches(Crops(photos, crop), count, name)
        first = min(shared, steps)
        shared -= first
        cut += [Stage(name, first, drawn), Stage(f"{name}, decoupled", steps - first, drawn, enter=decouple)]
    return [stage for stage in cut if stage.steps]


def build(options: TrainingOptions, n_secrets: int) -> Trainer:
    """Everything a run needs, checked before the first step; RequestError with one line per mistake."""
    network_config, config = load_preset(options.preset, options.overrides, options.hyperparameters)
    check_channel(config)
    photos, validation_photos = options.photos(together=n_secrets + 1)
    validation = Validation(validation_photos, config, n_secrets, options.seed)
    torch.manual_seed(options.seed)
    network = RiisNetwork(network_config, n_secrets)
    parts = Parts(
        network,
        Objective(network, config),
        lambda crops, count, name: Batches(crops, count, n_secrets, config, options.seed, name),
        lambda: validation.run(network),
        lambda: validation.pictures,
    )
    return make_trainer(options, config, photos, parts)


def make_trainer(options: TrainingOptions, config: TrainingConfig, photos: list[Pixels], parts: Parts) -> Trainer:
    """A trainer of these parts, started from --init, or from its first batch; RequestError with a line per mistake."""
    network = parts.network
    optimizer = torch.optim.Adam(network.parameters(), lr=config.lr, betas=(config.beta1, config.beta2))
    decoupled = network.config.decoupled
    planned = stages(photos, config, parts.batches, (lambda: network.decouple(optimizer)) if decoupled else None)
    origin: Mapping[str, Any] = {}
    if options.init is not None:
        origin = {"started_from": start_from(options.init, network)}
    elif not (options.out / CHECKPOINT).exists():
        parts.objective.prepare(planned[0].batch(0, 0))  # before processes split, so that all start alike
    accelerator = make_accelerator(options.device, options.mixed_precision)
    settings = {
        **options.settings(accelerator),
        "n_secrets": network.n_secrets,
        "photos": len(photos),
    }

    def export(path: Path, progressed: Progressed) -> None:
        save_weights(path, network, {**settings, **progressed.record(), **origin})

    update = Update(
        name="network",
        objective=channels_last(parts.objective),
        optimizer=optimizer,
        lr=cosine_lr(config.lr, config.lr_end, config.warmup, config.steps)
        if config.schedule == "cosine"
        else halving_lr(config.lr, config.steps),
        clip_norm=config.clip_norm,
        unused=decoupled,  # the copies until they part, and what the losses leave of the way forth afterwards
    )
    recipe = Recipe([update], planned, parts.validate, export, settings, parts.pictures)
    return Trainer(recipe, options.out, accelerator, options.cadence, options.accept_changes)


_SECRETS = click.option(
    "--secrets", "n_secrets", type=click.IntRange(1, 5), default=1, help="How many secrets a host carries."
)
CONTEXT = {"help_option_names": ["-h", "--help"], "show_default": True}


@click.command(context_settings=CONTEXT)
@training_options(HYPERPARAMETERS)
@_SECRETS
def main(options: TrainingOptions, n_secrets: int) -> None:
    """Train RIIS on photos.

    The folder given with --out gets checkpoint, best and last .safetensors, log.csv, validation.csv, tensorboard/ and
    samples/. The same command again goes on where it stopped. `torchrun … -m bench_riis.train …` uses several GPUs.
    """
    run_command(lambda: build(options, n_secrets))


@click.command(context_settings=CONTEXT)
@training_options(STAR)
@_SECRETS
def star(options: TrainingOptions, n_secrets: int) -> None:
    """Train RIIS* on photos: RIIS with distortion-guided modulation, on all degradations alike.

    --init takes weights of RIIS: the modulation then starts as none. With `--set dgm_sender=untold` only the receiver
    is told the degradation, as in `bench run`, where the sender cannot know it.
    """
    run_command(lambda: build(options, n_secrets))


if __name__ == "__main__":
    main()
