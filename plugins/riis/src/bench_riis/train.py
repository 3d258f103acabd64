"""`bench train riis` and `bench-riis-train`: train a network on a folder of photos."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import torch

from bench_core.errors import RequestError
from bench_core.photos import Crops, Pixels, load_photos
from bench_core.randomness import keyed_generator
from bench_core.torch_model import to_tensor
from bench_core.training import (
    CHECKPOINT,
    Cadence,
    Progressed,
    Recipe,
    Stage,
    Trainer,
    cosine_lr,
    halving_lr,
    make_accelerator,
    run_command,
)
from bench_riis.architecture import as_dict
from bench_riis.channel import check_channel, draw_levels
from bench_riis.config import TrainingConfig, load_preset, preset_names
from bench_riis.model import RiisNetwork
from bench_riis.objective import Objective
from bench_riis.validation import Validation
from bench_riis.weights import channels_last, load_weights, save_weights

HELD_OUT = 12


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


def held_out(photos: list[Pixels], n_secrets: int, seed: int) -> tuple[list[Pixels], list[Pixels]]:
    """Photos to train on, and up to 12 of them (a tenth, but enough for one trip) to validate on."""
    least = 2 * (n_secrets + 1)
    if len(photos) < least:
        raise RequestError(f"training needs at least {least} photos, not {len(photos)}; add some, or another --data")
    order = keyed_generator(seed, "held-out", 0, "", 0).permutation(len(photos))
    count = max(n_secrets + 1, min(HELD_OUT, len(photos) // 10))
    return [photos[i] for i in sorted(order[count:])], [photos[i] for i in order[:count]]


def build(
    preset: str,
    data: tuple[str, ...],
    val: tuple[str, ...],
    out: Path,
    overrides: tuple[str, ...],
    n_secrets: int,
    seed: int,
    init: Path | None,
    device: str,
    mixed_precision: str,
    accept_changes: bool,
    cadence: Cadence,
) -> Trainer:
    """Everything a run needs, checked before the first step; RequestError with one line per mistake."""
    network_config, config = load_preset(preset, overrides)
    check_channel(config)
    if not data:
        raise RequestError("training needs photos; e.g. --data folder:photos")
    photos = load_photos(data)
    photos, validation_photos = (photos, load_photos(val)) if val else held_out(photos, n_secrets, seed)
    planned = stages(photos, config, n_secrets, seed)
    validation = Validation(validation_photos, config, n_secrets, seed)

    torch.manual_seed(seed)
    network = RiisNetwork(network_config, n_secrets)
    origin: Mapping[str, Any] = {}
    if init is not None:
        loaded = load_weights(init)
        if (loaded.network.config, loaded.network.n_secrets) != (network_config, n_secrets):
            raise RequestError(f"{init} holds another network than --preset {preset} with {n_secrets} secret(s)")
        network.load_state_dict(loaded.network.state_dict())
        origin = {"started_from": loaded.training}
    objective = Objective(network, config)
    if not (out / CHECKPOINT).exists():
        # CANP's actnorm looks at its first batch; before processes split, so that all start alike.
        with torch.no_grad():
            objective(**planned[0].batch(0, 0))
    objective = channels_last(objective)

    accelerator = make_accelerator(device, mixed_precision)
    settings = {
        "preset": preset,
        "n_secrets": n_secrets,
        "seed": seed,
        "photos": len(photos),
        "processes": accelerator.num_processes,
        "mixed_precision": mixed_precision,
        **as_dict(network_config),
        **as_dict(config),
    }

    def export(path: Path, progressed: Progressed) -> None:
        save_weights(path, network, {**training_record(settings, progressed), **origin})

    return Trainer(
        Recipe(
            objective=objective,
            stages=planned,
            optimizer=torch.optim.Adam(network.parameters(), lr=config.lr, betas=(config.beta1, config.beta2)),
            lr=cosine_lr(config.lr, config.lr_end, config.warmup, config.steps)
            if config.schedule == "cosine"
            else halving_lr(config.lr, config.steps),
            validate=lambda: validation.run(network),
            export=export,
            settings=settings,
            clip_norm=config.clip_norm,
        ),
        out,
        accelerator,
        cadence,
        accept_changes,
    )


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
@click.option("--preset", type=click.Choice(preset_names()), default="small", help="Where hyper-parameters come from.")
@click.option("--data", multiple=True, help="Photos to train on: folder:PATH; may be repeated.")
@click.option("--val", multiple=True, help="Photos to validate on  [default: up to 12 of --data, held out]")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of the run.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a hyper-parameter of the preset.")
@click.option("--secrets", "n_secrets", type=click.IntRange(1, 5), default=1, help="How many secrets a host carries.")
@click.option("--seed", type=int, default=0, help="Of weights, crops and noise.")
@click.option("--init", type=click.Path(path_type=Path, dir_okay=False), help="Weights to start from.")
@click.option("--device", type=click.Choice(["auto", "cpu"]), default="auto", help="Where to train.")
@click.option("--mixed-precision", type=click.Choice(["no", "bf16", "fp16"]), default="no", help="Accelerate's.")
@click.option("--accept-changes", is_flag=True, help="Go on with a run although settings changed.")
@click.option("--log-every", type=click.IntRange(1), default=10, help="Steps between rows of log.csv.")
@click.option("--validate-every", type=click.IntRange(1), default=500, help="Steps between validations.")
@click.option("--save-seconds", type=click.FloatRange(0), default=240.0, help="Seconds between checkpoints.")
def main(log_every: int, validate_every: int, save_seconds: float, **options: Any) -> None:
    """Train RIIS on photos.

    The folder given with --out gets checkpoint, best and last .safetensors, log.csv and validation.csv. The same
    command again goes on where it stopped. `accelerate launch -m bench_riis.train …` uses several GPUs.
    """
    cadence = Cadence(log_every, validate_every, save_seconds)
    run_command(lambda: build(cadence=cadence, **options))


if __name__ == "__main__":
    main()
