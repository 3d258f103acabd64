"""`bench train autoencoder` and `bench-autoencoder-train`: train a network on CIFAR-10 or on photos."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import torch

from bench_autoencoder.config import HYPERPARAMETERS, TrainingConfig, configs
from bench_autoencoder.epochs import Epochs
from bench_autoencoder.network import Autoencoder
from bench_autoencoder.objective import Objective
from bench_autoencoder.pictures import at_most, load_thumbnails, split
from bench_autoencoder.validation import Validation
from bench_autoencoder.weights import load_weights, save_weights
from bench_core.errors import RequestError
from bench_core.nn.layout import channels_last
from bench_core.training import (
    PlateauLr,
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

_EPSILON = 1e-7
"""Of Keras; torch's own is 1e-8."""


def make_optimizer(config: TrainingConfig, network: Autoencoder) -> torch.optim.Optimizer:
    """The optimizer of a configuration, with Keras' constants."""
    parameters = list(network.parameters())
    match config.optimizer:
        case "adam":
            return torch.optim.Adam(parameters, lr=config.lr, eps=_EPSILON, fused=True)
        case "nadam":
            return torch.optim.NAdam(parameters, lr=config.lr, eps=_EPSILON)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, lr=config.lr, alpha=0.9, eps=_EPSILON)
        case _:
            return torch.optim.SGD(parameters, lr=config.lr)


def build(options: TrainingOptions) -> Trainer:
    """Everything a run needs, checked before the first step; RequestError with one line per mistake."""
    network_config, config = configs(options.values())
    if not options.data:
        raise RequestError("training needs pictures; e.g. --data cifar10:DIR,split=train or --data folder:photos")
    pictures = load_thumbnails(options.data, "--data")
    if options.val:
        shown = load_thumbnails(options.val, "--val")
    else:
        pictures, shown = split(pictures, options.seed)
    pictures = at_most(pictures, config.pictures, options.seed)
    validation = Validation(shown, config)

    torch.manual_seed(options.seed)
    network = Autoencoder(network_config)
    origin: Mapping[str, Any] = {}
    if options.init is not None:
        loaded = load_weights(options.init)
        if loaded.network.config != network_config:
            raise RequestError(f"{options.init} holds another network than --preset {options.preset}")
        network.load_state_dict(loaded.network.state_dict())
        origin = {"started_from": loaded.training}

    accelerator = make_accelerator(options.device, options.mixed_precision)
    epochs = Epochs(pictures, config.batch, config.gray, options.seed, accelerator.num_processes)
    settings = {
        **options.settings(accelerator),
        "method": "autoencoder",
        "photos": len(pictures),
        "validation_photos": len(shown),
        # The learning rate follows the validations, so that their number is part of the result.
        "validate_every": options.cadence.validate or epochs.steps,
    }
    # `scheduler=off` is a plateau that no patience outlasts.
    factor = config.lr_factor if config.scheduler else 1.0
    lr = PlateauLr(config.lr, factor, config.lr_patience, config.lr_min, config.lr_min_delta, "val_loss")
    objective = channels_last(Objective(network, config))

    def validate() -> dict[str, float]:
        return {**objective.epoch_means(), **validation.run(network), "lr": lr.rate}

    def export(path: Path, progressed: Progressed) -> None:
        epoch = {"epoch": round(progressed.step / epochs.steps, 2), "best_score": progressed.best_score}
        save_weights(path, network, {**settings, **progressed.record(), **epoch, **origin})

    recipe = Recipe(
        updates=[Update("network", objective, make_optimizer(config, network), lr, clip_norm=None)],
        stages=[Stage("main", config.epochs * epochs.steps, epochs)],
        validate=validate,
        export=export,
        settings=settings,
        pictures=lambda: validation.pictures_of(network),
        validate_every=epochs.steps,
    )
    return Trainer(recipe, options.out, accelerator, options.cadence, options.accept_changes)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@training_options(HYPERPARAMETERS)
def main(options: TrainingOptions) -> None:
    """Train the auto-encoder that colors pictures of 32×32, on CIFAR-10 or on photos scaled to it.

    The folder given with --out gets checkpoint, best and last .safetensors, log.csv, validation.csv, tensorboard/ and
    samples/. The same command again goes on where it stopped. A validation is an epoch, and a tenth of --data where no
    --val is given.
    """
    run_command(lambda: build(options))


if __name__ == "__main__":
    main()
