"""`bench train jrig`, `bench train iig` and `bench-jrig-train`: train a network on a folder of photos."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from PIL import Image

from bench_core.nn.layout import channels_last
from bench_core.photos import Crops, Pixels, center_crop
from bench_core.randomness import keyed_generator
from bench_core.torch_model import to_tensor
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
from bench_jrig.channel import draw_trip, jpeg
from bench_jrig.config import TrainingConfig, configs, hyperparameters
from bench_jrig.networks import JrigNetwork
from bench_jrig.objective import DiscriminatorObjective, GeneratorObjective
from bench_jrig.schedule import Part, discriminator_lr, generator_lr, parts, weights_at
from bench_jrig.targets import target_of, to_signed
from bench_jrig.validation import QUALITIES, Validation
from bench_jrig.vgg import load_contrast
from bench_jrig.weights import save_weights, start_from


@dataclass(frozen=True)
class Batches:
    """Batches of random crops, each drawn from the generator of its step and process."""

    crops: Crops
    count: int
    part: Part
    config: TrainingConfig
    seed: int

    def __call__(self, step: int, process: int) -> dict[str, Any]:
        """The objectives' arguments."""
        rng = keyed_generator(self.seed, "train", step, self.part.name, process)
        pictures = self.crops.draw(self.count, rng)
        return {
            "color": to_signed(to_tensor(list(pictures))),
            "target": target_of(pictures, self.config.target),
            "weights": weights_at(self.config, step, self.part.adversarial),
            "trip": draw_trip(self.config, self.count, self.part.ratio, rng),
        }


def stages(photos: Sequence[Pixels], config: TrainingConfig, seed: int) -> list[Stage]:
    """The parts of the run, the last `late_fraction` of it with other sizes."""
    late = round(config.steps * config.late_fraction)
    sizes = {False: (config.crop, config.batch), True: (config.late_crop, config.late_batch)}
    crops = {is_late: Crops(_viewed(photos, crop, config.view), crop) for is_late, (crop, _) in sizes.items()
             if (late if is_late else config.steps - late)}  # fmt: skip
    planned = []
    for part in parts(config):
        before = max(0, min(part.steps, config.steps - late - part.start))
        for is_late, steps in ((False, before), (True, part.steps - before)):
            if steps:
                planned.append(
                    Stage(
                        part.name + "-late" * is_late,
                        steps,
                        Batches(crops[is_late], sizes[is_late][1], part, config, seed),
                        updates=("generator", "discriminator") if part.adversarial else ("generator",),
                        # A part begins once, be its sizes late from the start or not.
                        fresh=config.fresh and (not is_late or not before),
                    )
                )
    return planned


def _viewed(photos: Sequence[Pixels], size: int, view: str) -> Sequence[Pixels]:
    """Photos as they are, or each one's central square scaled to `size` (the paper scales, and may not cut first)."""
    if view == "crop":
        return photos
    scaled = []
    for photo in photos:
        side = min(photo.shape[:2])
        square = Image.fromarray(center_crop(photo, side))
        scaled.append(np.asarray(square.resize((size, size), Image.Resampling.BICUBIC)))
    return scaled


def build(method: str, options: TrainingOptions) -> Trainer:
    """Everything a run needs, checked before the first step; RequestError with one line per mistake."""
    network_config, config = configs(options.values())
    # Made before a run begins, because what is missing must be said then.
    for quality in (*config.qualities, *QUALITIES):
        jpeg(quality)
    contrast = load_contrast(config.vgg, config.vgg_file) if config.weight_contrast else None
    photos, validation_photos = options.photos()
    planned = stages(photos, config, options.seed)
    validation = Validation(validation_photos, config)

    torch.manual_seed(options.seed)
    network = JrigNetwork(network_config, config.init)
    origin: Mapping[str, Any] = {}
    if options.init is not None:
        origin = {"started_from": start_from(options.init, network)}
    judges = DiscriminatorObjective(config) if any(part.adversarial for part in parts(config)) else None

    accelerator = make_accelerator(options.device, options.mixed_precision)
    if contrast is not None:
        contrast = channels_last(contrast).to(accelerator.device)
    settings = {
        **options.settings(accelerator),
        "method": method,
        "photos": len(photos),
    }

    def export(path: Path, progressed: Progressed) -> None:
        save_weights(path, network, {**settings, **progressed.record(), **origin})

    updates = [
        Update(
            "generator",
            channels_last(GeneratorObjective(network, config, judges, contrast)),
            torch.optim.Adam(network.parameters(), lr=config.lr, betas=(config.beta1, config.beta2)),
            generator_lr(config),
            clip_norm=config.clip_norm or None,
            hands_on=("made_gray", "made_color"),
        )
    ]
    if judges is not None:
        updates.append(
            Update(
                "discriminator",
                channels_last(judges),
                torch.optim.Adam(judges.parameters(), lr=config.d_lr, betas=(config.d_beta1, config.d_beta2)),
                discriminator_lr(config),
                clip_norm=config.clip_norm or None,
            )
        )
    recipe = Recipe(
        updates=updates,
        stages=planned if judges is not None else [replace(stage, updates=()) for stage in planned],
        validate=lambda: validation.run(network),
        export=export,
        settings=settings,
        pictures=lambda: validation.pictures(network),
    )
    return Trainer(recipe, options.out, accelerator, options.cadence, options.accept_changes)


_SETTINGS = {"help_option_names": ["-h", "--help"], "show_default": True}


@click.command(context_settings=_SETTINGS)
@training_options(hyperparameters("jrig"))
def main(options: TrainingOptions) -> None:
    """Train JRIG on photos: a gray picture that holds its own colors, also after JPEG.

    The folder given with --out gets checkpoint, best and last .safetensors, log.csv, validation.csv, tensorboard/ and
    samples/. The same command again goes on where it stopped. `torchrun … -m bench_jrig.train …` uses several GPUs.
    """
    run_command(lambda: build("jrig", options))


@click.command(context_settings=_SETTINGS)
@training_options(hyperparameters("iig"))
def main_iig(options: TrainingOptions) -> None:
    """Train the invertible grayscale of Xia et al. (2018) on photos: JRIG's baseline, which knows no JPEG.

    The folder given with --out gets checkpoint, best and last .safetensors, log.csv, validation.csv, tensorboard/ and
    samples/. The same command again goes on where it stopped.
    """
    run_command(lambda: build("iig", options))


if __name__ == "__main__":
    main()
