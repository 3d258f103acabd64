"""`bench train sdc-segmentation` and `bench-sdc-segmentation-train`: train GridNet on gray pictures with label maps."""

import click
import torch
from torch import Tensor, nn

from bench_core.training import Trainer, TrainingOptions, make_accelerator, run_command, training_options
from bench_semantic.config import hyperparameters, segmentation_configs
from bench_semantic.grid_net import GridNet
from bench_semantic.label_sets import read_label_set
from bench_semantic.losses import segmentation_loss
from bench_semantic.training import CONTEXT, Run, label_facts, make_trainer, read_photos
from bench_semantic.validation import SegmentationValidation
from bench_semantic.weights import SdcNetworks


class SegmentationObjective(nn.Module):
    """The cross-entropy of one batch; `background` is a class that does not count."""

    def __init__(self, network: GridNet, background: int | None) -> None:
        super().__init__()
        self.network, self.background = network, background

    def forward(self, gray: Tensor, classes: Tensor) -> dict[str, Tensor]:
        """Named scalars of gray pictures in [0, 1] and class maps, N×1×H×W each."""
        return {"loss": segmentation_loss(self.network(gray), classes, self.background)}


def build(options: TrainingOptions) -> Trainer:
    """Everything a run needs, checked before the first step; RequestError with one line per mistake."""
    values = options.values()
    labels, numbering = read_label_set(str(values["labels"]))
    shape, config = segmentation_configs(values, len(labels))
    background = labels.index("background") if config.ignore_background else None
    photos = read_photos(options, config, labels, numbering)
    torch.manual_seed(options.seed)
    network = GridNet(shape)
    validation = SegmentationValidation(photos.validation, labels)
    run = Run(
        "segmentation",
        network,
        SegmentationObjective(network, background),
        SdcNetworks(labels, segmentation=network),
        lambda: validation.run(network),
        lambda: validation.pictures(network),
        {},
    )
    facts = label_facts(labels, numbering)
    return make_trainer(options, make_accelerator(options.device, options.mixed_precision), config, photos, run, facts)


@click.command(context_settings=CONTEXT)
@training_options(hyperparameters("segmentation"))
def main(options: TrainingOptions) -> None:
    """Train SDC's segmentation, GridNet, on gray pictures and maps of what they show.

    For example --data folder:photos,semantic=maps --set labels=camvid. The folder given with --out gets checkpoint,
    best and last .safetensors, log.csv, validation.csv, tensorboard/ and samples/. `bench sdc join` puts the two
    networks of SDC into one file.
    """
    run_command(lambda: build(options))


if __name__ == "__main__":
    main()
