"""`bench train scgan` and `bench-scgan-train`: train a generator on photos with saliency maps."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import torch

from bench_core.errors import RequestError
from bench_core.nn.layout import channels_last
from bench_core.photos import Pixels
from bench_core.training import (
    Progressed,
    Recipe,
    Stage,
    Trainer,
    TrainingOptions,
    Update,
    make_accelerator,
    run_command,
    training_options,
)
from bench_scgan.batches import Batches
from bench_scgan.config import NetworkConfig, TrainingConfig, configs, hyperparameters
from bench_scgan.networks import Generator
from bench_scgan.objective import DiscriminatorObjective, GeneratorObjective
from bench_scgan.perceptual import PerceptualLoss, load_perceptual
from bench_scgan.preweights import load_preweights
from bench_scgan.schedule import Plan, learning_rate, plan
from bench_scgan.validation import Validation
from bench_scgan.weights import load_weights, save_weights


def stages(
    photos: Sequence[Pixels], network: NetworkConfig, config: TrainingConfig, steps: Plan, seed: int, processes: int = 1
) -> list[Stage]:
    """Stage 1, L1 and L_A alone, and stage 2, with fresh optimizers and, unless `gan=none`, discriminators."""

    def batches(second: bool) -> Batches:
        return Batches(photos, network, config, seed, second, processes)

    second = ("generator", "discriminator") if config.adversarial else ("generator",)
    return [
        Stage("stage1", steps.stage1, batches(False), updates=("generator",)),
        Stage("stage2", steps.stage2, batches(True), updates=second, fresh=True),
    ]


def updates(
    network: Generator,
    config: TrainingConfig,
    steps: Plan,
    judges: DiscriminatorObjective | None,
    perceptual: PerceptualLoss | None,
) -> list[Update]:
    """The generator's update and, where there are discriminators, theirs, which sees what the generator just made."""
    lr, clip_norm = learning_rate(config, steps), config.clip_norm or None
    betas = (config.beta1, config.beta2)
    found = [
        Update(
            "generator",
            channels_last(GeneratorObjective(network, config, judges, perceptual)),
            torch.optim.Adam(network.parameters(), lr=config.lr1, betas=betas),
            lr,
            clip_norm=clip_norm,
            hands_on=("made_color", "made_saliency") if network.config.attention else ("made_color",),
        )
    ]
    if judges is not None:
        optimizer = torch.optim.Adam(judges.parameters(), lr=config.lr2, betas=betas)
        found.append(Update("discriminator", channels_last(judges), optimizer, lr, clip_norm=clip_norm))
    return found


def start_from(options: TrainingOptions, network: Generator) -> Mapping[str, Any]:
    """Give a generator the weights of `--init`, and say where they come from; RequestError where they do not fit.

    Those of a generator without a saliency branch, which learns from photos without maps, leave a branch as it is.
    """
    if options.init is None:
        return {}
    loaded = load_weights(options.init)
    known, wanted = loaded.network.config, network.config
    if known not in (wanted, replace(wanted, attention=False)):
        raise RequestError(f"{options.init} holds another network than --preset {options.preset}")
    network.load_state_dict(network.state_dict() | loaded.network.state_dict())
    return {"started_from": loaded.training}


def build(options: TrainingOptions) -> Trainer:
    """Everything a run needs, checked before the first step; RequestError with one line per mistake."""
    network_config, config = configs(options.values())
    if options.init is not None and config.preweights:
        raise RequestError(
            f"--init {options.init} brings the global encoder's weights along, and so does "
            f"preweights={config.preweights}; give up one of the two, e.g. --set preweights="
        )
    photos, validation_photos = options.photos(also=("saliency",) if network_config.attention else ())
    validation = Validation(validation_photos, network_config)
    perceptual = load_perceptual(config)

    torch.manual_seed(options.seed)
    network = Generator(network_config, config.init)
    origin = start_from(options, network)
    if config.preweights:
        origin = {"preweights_are": load_preweights(network, config.preweights)}
    judges = DiscriminatorObjective(config, network_config.attention) if config.adversarial else None

    accelerator = make_accelerator(options.device, options.mixed_precision)
    if perceptual is not None:
        perceptual = channels_last(perceptual).to(accelerator.device)
    steps = plan(config, len(photos), accelerator.num_processes)
    settings = {**options.settings(accelerator), "method": "scgan", "photos": len(photos)}

    def export(path: Path, progressed: Progressed) -> None:
        save_weights(path, network, {**settings, **progressed.record(), **origin})

    recipe = Recipe(
        updates=updates(network, config, steps, judges, perceptual),
        stages=stages(photos, network_config, config, steps, options.seed, accelerator.num_processes),
        validate=lambda: validation.run(network),
        export=export,
        settings=settings,
        pictures=lambda: validation.pictures(network),
        validate_every=steps.validate_every,
    )
    return Trainer(recipe, options.out, accelerator, options.cadence, options.accept_changes)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@training_options(hyperparameters())
def main(options: TrainingOptions) -> None:
    """Train SCGAN on photos with saliency maps: --data folder:photos,saliency=maps.

    Maps are gray pictures of the same names; `bench scgan saliency` makes them. The folder given with --out gets
    checkpoint, best and last .safetensors, log.csv, validation.csv, tensorboard/ and samples/. The same command again
    goes on where it stopped. `torchrun … -m bench_scgan.train …` uses several GPUs.
    """
    run_command(lambda: build(options))


if __name__ == "__main__":
    main()
