"""`bench train sdc` and `bench-sdc-train`: train the color network on photos with human label maps."""

from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor, nn

from bench_core.errors import RequestError
from bench_core.provenance import file_digest
from bench_core.training import Trainer, TrainingOptions, make_accelerator, run_command, training_options
from bench_semantic.color_net import ColorNet
from bench_semantic.config import ColorTraining, color_configs, hyperparameters
from bench_semantic.label_sets import read_label_set
from bench_semantic.losses import huber_loss
from bench_semantic.training import CONTEXT, Run, label_facts, make_trainer, read_photos
from bench_semantic.validation import ColorValidation
from bench_semantic.weights import SdcNetworks, check_same_classes, load_weights


class ColorObjective(nn.Module):
    """The Huber loss of one batch, on normalized a and b."""

    def __init__(self, network: ColorNet, config: ColorTraining) -> None:
        super().__init__()
        self.network, self.delta = network, config.delta

    def forward(self, gray: Tensor, labels: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Named scalars of gray pictures in [0, 1], whole labels, and the target N×2×H×W."""
        return {"loss": huber_loss(self.network.colors(gray, labels), target, self.delta)}


def build(options: TrainingOptions, segmentation: Path | None = None) -> Trainer:
    """Everything a run needs, checked before the first step; RequestError with one line per mistake."""
    values = options.values()
    labels, numbering = read_label_set(str(values["labels"]))
    shape, config = color_configs(values, len(labels))
    beside: dict[str, Any] = {}
    facts = label_facts(labels, numbering)
    other = None
    if segmentation is not None:
        loaded = load_weights(segmentation)
        check_same_classes(labels, loaded.network.labels, ("this run", str(segmentation)))
        other = loaded.network.segmentation
        if other is None:
            raise RequestError(f"--segmentation {segmentation}: it holds no segmentation network")
        beside["segmentation"] = loaded.training.get("segmentation", {})
        facts["segmentation"] = file_digest(segmentation)
    photos = read_photos(options, config, labels, numbering)
    torch.manual_seed(options.seed)
    network = ColorNet(shape, config.init)
    validation = ColorValidation(photos.validation, labels, other)
    run = Run(
        "color",
        network,
        ColorObjective(network, config),
        SdcNetworks(labels, network, other),
        lambda: validation.run(network),
        lambda: validation.pictures(network),
        beside,
    )
    return make_trainer(options, make_accelerator(options.device, options.mixed_precision), config, photos, run, facts)


@click.command(context_settings=CONTEXT)
@click.option(
    "--segmentation",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Weights of a trained segmentation: validate with its maps too, and write it into this run's weights.",
)
@training_options(hyperparameters("color"))
def main(options: TrainingOptions, segmentation: Path | None) -> None:
    """Train SDC's color network on photos with maps of what they show, made by people.

    For example --data folder:photos,semantic=maps --set labels=camvid. The folder given with --out gets checkpoint,
    best and last .safetensors, log.csv, validation.csv, tensorboard/ and samples/. The same command again goes on where
    it stopped.
    """
    run_command(lambda: build(options, segmentation))


if __name__ == "__main__":
    main()
