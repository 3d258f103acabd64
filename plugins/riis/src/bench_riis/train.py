"""`bench train riis` and `bench-riis-train`: train a network on a folder of photos."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import torch

from bench_core.errors import RequestError
from bench_core.photos import Crops, Pixels
from bench_core.randomness import keyed_generator
from bench_core.torch_model import to_tensor
from bench_core.training import (
    CHECKPOINT,
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
from bench_riis.architecture import as_dict
from bench_riis.channel import check_channel, draw_levels
from bench_riis.config import HYPERPARAMETERS, TrainingConfig, load_preset
from bench_riis.model import RiisNetwork
from bench_riis.objective import Objective
from bench_riis.validation import Validation
from bench_riis.weights import channels_last, load_weights, save_weights


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
        drawn = to_tensor(list(self.crops.draw(self.count * (1 + self.n_secrets), rng)))
        return {
            "host": drawn[: self.count],
            "secret": drawn[self.count :].reshape(self.count, 3 * self.n_secrets, *drawn.shape[-2:]),
            "levels": draw_levels(self.config, self.count, rng, step),
            "seed": int(rng.integers(2**62)),
        }


def stages(photos: list[Pixels], config: TrainingConfig, n_secrets: int, seed: int) -> list[Stage]:
    """The main stage, and the late one of larger crops where the configuration has one."""
    late = round(config.steps * config.late_fraction)
    plan = (
        ("main", config.steps - late, config.crop, config.batch),
        ("late", late, config.late_crop, config.late_batch),
    )
    return [
        Stage(name, steps, Batches(Crops(photos, crop), batch, n_secrets, config, seed, name))
        for name, steps, crop, batch in plan
        if steps
    ]


def build(options: TrainingOptions, n_secrets: int) -> Trainer:
    """Everything a run needs, checked before the first step; RequestError with one line per mistake."""
    network_config, config = load_preset(options.preset, options.overrides)
    check_channel(config)
    seed, init, out = options.seed, options.init, options.out
    photos, validation_photos = options.photos(together=n_secrets + 1)
    planned = stages(photos, config, n_secrets, seed)
    validation = Validation(validation_photos, config, n_secrets, seed)

    torch.manual_seed(seed)
    network = RiisNetwork(network_config, n_secrets)
    origin: Mapping[str, Any] = {}
    if init is not None:
        loaded = load_weights(init)
        if (loaded.network.config, loaded.network.n_secrets) != (network_config, n_secrets):
            raise RequestError(
                f"{init} holds another network than --preset {options.preset} with {n_secrets} secret(s)"
            )
        network.load_state_dict(loaded.network.state_dict())
        origin = {"started_from": loaded.training}
    objective = Objective(network, config)
    if not (out / CHECKPOINT).exists():
        # CANP's actnorm looks at its first batch; before processes split, so that all start alike.
        with torch.no_grad():
            objective(**planned[0].batch(0, 0))
    objective = channels_last(objective)

    accelerator = make_accelerator(options.device, options.mixed_precision)
    settings = {
        "preset": options.preset,
        "n_secrets": n_secrets,
        "seed": seed,
        "photos": len(photos),
        "processes": accelerator.num_processes,
        "mixed_precision": options.mixed_precision,
        **as_dict(network_config),
        **as_dict(config),
    }

    def export(path: Path, progressed: Progressed) -> None:
        save_weights(path, network, {**training_record(settings, progressed), **origin})

    update = Update(
        name="network",
        objective=objective,
        optimizer=torch.optim.Adam(network.parameters(), lr=config.lr, betas=(config.beta1, config.beta2)),
        lr=cosine_lr(config.lr, config.lr_end, config.warmup, config.steps)
        if config.schedule == "cosine"
        else halving_lr(config.lr, config.steps),
        clip_norm=config.clip_norm,
    )
    recipe = Recipe(
        updates=[update],
        stages=planned,
        validate=lambda: validation.run(network),
        export=export,
        settings=settings,
    )
    return Trainer(recipe, out, accelerator, options.cadence, options.accept_changes)


def training_record(settings: Mapping[str, Any], progressed: Progressed) -> dict[str, Any]:
    """What a weights file says of its making."""
    return {
        **settings,
        "done_steps": progressed.step,
        "seconds": round(progressed.seconds),
        "skipped_steps": progressed.skipped,
        "changes": progressed.changes,
    }


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@training_options(HYPERPARAMETERS)
@click.option("--secrets", "n_secrets", type=click.IntRange(1, 5), default=1, help="How many secrets a host carries.")
def main(options: TrainingOptions, n_secrets: int) -> None:
    """Train RIIS on photos.

    The folder given with --out gets checkpoint, best and last .safetensors, log.csv, validation.csv and tensorboard/.
    The same command again goes on where it stopped. `torchrun … -m bench_riis.train …` uses several GPUs.
    """
    run_command(lambda: build(options, n_secrets))


if __name__ == "__main__":
    main()
