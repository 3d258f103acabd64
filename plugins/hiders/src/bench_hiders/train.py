"""`bench train hinet` and `bench train isn`: train a network on a folder of photos.

`python -m bench_hiders.train hinet …` is the same, for launchers that start several processes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
import torch

from bench_core.errors import RequestError
from bench_core.nn.layout import channels_last
from bench_core.photos import Crops
from bench_core.randomness import keyed_generator
from bench_core.training import (
    Hyperparameters,
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
from bench_hiders.network import MOST_SECRETS, HiderNetwork, NetworkConfig
from bench_hiders.objective import LossConfig, Objective
from bench_hiders.validation import Validation
from bench_hiders.weights import load_weights, save_weights

HYPERPARAMETERS = {
    method: Hyperparameters.read(files("bench_hiders") / "hyperparameters" / f"{method}.toml")
    for method in ("hinet", "isn")
}


@dataclass(frozen=True)
class Batches:
    """Batches of random crops, each drawn from the generator of its step and process."""

    crops: Crops
    count: int
    n_secrets: int
    seed: int

    def __call__(self, step: int, process: int) -> dict[str, Any]:
        """The objective's arguments."""
        rng = keyed_generator(self.seed, "train", step, "hiders", process)
        pictures = hosts_and_secrets(self.crops, self.count, self.n_secrets, rng)
        return {**pictures, "seed": int(rng.integers(2**62))}


def build(method: str, options: TrainingOptions, n_secrets: int) -> Trainer:
    """Everything a run needs, checked before the first step; RequestError with one line per mistake."""
    values: dict[str, Any] = options.values()
    config, losses = NetworkConfig.read(values), LossConfig.read(values)
    multiple = 2 ** max(1, config.haar_levels)
    if values["crop"] % multiple:
        raise RequestError(
            f"crop must be a multiple of {multiple}, because it is halved {max(1, config.haar_levels)} time(s), by the "
            f"squeeze or for the loss of low frequencies; not {values['crop']}; e.g. --set crop=64"
        )
    torch.manual_seed(options.seed)
    network = HiderNetwork(config, n_secrets)
    origin: Mapping[str, Any] = {}
    if options.init is not None:
        loaded = load_weights(options.init, method)
        if (loaded.network.config, loaded.network.n_secrets) != (config, n_secrets):
            raise RequestError(
                f"{options.init} holds another network than --preset {options.preset} with {n_secrets} secret(s); "
                "give its --set and --secrets too"
            )
        network.load_state_dict(loaded.network.state_dict())
        origin = {"started_from": loaded.training}
    channels_last(network)
    photos, held_out = options.photos(1 + n_secrets)
    crops = Crops(photos, values["crop"])
    validation = Validation(held_out, network, losses, options.seed)
    accelerator = make_accelerator(options.device, options.mixed_precision)
    settings = {
        **options.settings(accelerator),
        "method": method,
        "n_secrets": n_secrets,
        "photos": len(photos),
    }

    def export(path: Path, progressed: Progressed) -> None:
        save_weights(path, method, network, {**settings, **progressed.record(), **origin})

    update = Update(
        "network",
        Objective(network, losses),
        torch.optim.Adam(
            network.parameters(),
            lr=values["lr"],
            betas=(values["beta1"], values["beta2"]),
            weight_decay=values["weight_decay"],
        ),
        cosine_lr(values["lr"], values["lr_end"], values["warmup"], values["steps"])
        if values["schedule"] == "cosine"
        else halving_lr(values["lr"], values["steps"]),
        clip_norm=values["clip_norm"],
    )
    stage = Stage("main", values["steps"], Batches(crops, values["batch"], n_secrets, options.seed))
    recipe = Recipe([update], [stage], validation.run, export, settings, validation.pictures)
    return Trainer(recipe, options.out, accelerator, options.cadence, options.accept_changes)


def _command(method: str, title: str) -> click.Command:
    @click.command(
        method,
        context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
        short_help=f"Train {title}.",
        help=f"""Train {title} on photos, for the clean channel.

        The folder given with --out gets checkpoint, best and last .safetensors, log.csv, validation.csv, tensorboard/
        and samples/. The same command again goes on where it stopped.
        """,
    )
    @training_options(HYPERPARAMETERS[method])
    @click.option(
        "--secrets", "n_secrets", type=click.IntRange(1, MOST_SECRETS), default=1, help="How many a host carries."
    )
    def command(options: TrainingOptions, n_secrets: int) -> None:
        run_command(lambda: build(method, options, n_secrets))

    return command


hinet = _command("hinet", "HiNet (ICCV 2021)")
isn = _command("isn", "ISN (CVPR 2021)")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Train one of the hiders."""


main.add_command(hinet)
main.add_command(isn)

if __name__ == "__main__":
    main()
