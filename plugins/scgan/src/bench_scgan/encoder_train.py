"""`bench train scgan-encoder`: pre-train the global encoder by telling classes of gray pictures apart."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench_core.errors import RequestError
from bench_core.nn.layout import channels_last
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
from bench_core.training.hyperparameters import Hyperparameters
from bench_scgan.encoder_data import LabeledBatches, held_out, load_labeled
from bench_scgan.encoder_file import load_encoder, save_encoder
from bench_scgan.networks import GlobalEncoder
from bench_scgan.schedule import unit

_FACTOR = 0.1


@cache
def hyperparameters() -> Hyperparameters:
    """Those of `scgan-encoder`: presets `small` and `paper`."""
    return Hyperparameters.read(files("bench_scgan") / "encoder.toml")


class Classifier(nn.Module):
    """The encoder, with biases, and VGG-16's head: two hidden layers with ReLU and dropout."""

    def __init__(self, classes: int, channels: int, pool: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.encoder = GlobalEncoder(channels, bias=True)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(pool),
            nn.Flatten(),
            *(nn.Linear(self.encoder.outputs * pool * pool, hidden), nn.ReLU(), nn.Dropout(dropout)),
            *(nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout)),
            nn.Linear(hidden, classes),
        )

    def logits(self, gray: Tensor) -> Tensor:
        """N×classes of gray pictures N×1×H×W."""
        features = self.encoder(gray.contiguous(memory_format=torch.channels_last))
        # Pooling's backward knows no bfloat16 of that layout.
        found: Tensor = self.head(features.float().contiguous())
        return found.float()

    def forward(self, gray: Tensor, label: Tensor) -> dict[str, Tensor]:
        """Cross-entropy, and the share of pictures whose class is right."""
        logits = self.logits(gray)
        return {"loss": F.cross_entropy(logits, label), "top1": (logits.argmax(1) == label).float().mean()}


@dataclass(frozen=True)
class Validation:
    """Loss and Top-1 on held-out pictures, of classes that training knows."""

    batches: LabeledBatches

    @torch.no_grad()
    def run(self, network: Classifier) -> dict[str, float]:
        """`top1`, `loss`, `score` (the loss), and `chance`, Top-1 of guessing."""
        device = next(network.parameters()).device
        found = [(network.logits(batch["gray"].to(device)).cpu(), batch["label"]) for batch in self.batches.whole()]
        logits, label = (torch.cat(parts) for parts in zip(*found, strict=True))
        known = label >= 0
        loss = float(F.cross_entropy(logits[known], label[known]))
        top1 = float((logits[known].argmax(1) == label[known]).float().mean())
        return {"top1": top1, "chance": 1 / len(self.batches.classes), "loss": loss, "score": loss}


def build(options: TrainingOptions) -> Trainer:
    """Everything a run needs, checked before the first step; RequestError with one line per mistake."""
    values: dict[str, Any] = options.values()
    if not options.data:
        raise RequestError("pre-training needs labeled photos; e.g. --data folder:imagenet/train")
    found = load_labeled(options.data)
    train, rest = (found, load_labeled(options.val, "--val")) if options.val else held_out(found, options.seed)
    classes = sorted({*train.labels})
    if len(classes) < 2:
        raise RequestError("pre-training tells classes apart, and labels.csv has one only")
    if not {*rest.labels} & {*classes}:
        raise RequestError("no validation picture is of a class that is trained on; give others: --val folder:PATH")

    torch.manual_seed(options.seed)
    network = Classifier(len(classes), values["global_ch"], values["pool"], values["hidden"], values["dropout"])
    shape = {key: values[key] for key in ("global_ch", "range")}
    if options.init is not None:
        loaded = load_encoder(options.init)
        if loaded.record["encoder"] != shape:
            raise RequestError(f"{options.init} holds another encoder than --preset {options.preset}")
        network.encoder.load_state_dict(loaded.network.state_dict())

    accelerator = make_accelerator(options.device, options.mixed_precision)
    processes, signed = accelerator.num_processes, values["range"] == "signed"
    view = (classes, values["size"], values["view"], signed, values["batch"], options.seed, processes)
    validation = Validation(LabeledBatches(rest, *view))
    settings = {**options.settings(accelerator), "photos": len(train.grays), "classes": len(classes)}
    one = unit(values["unit"], len(train.grays), values["batch"], processes)

    def export(path: Path, progressed: Progressed) -> None:
        save_encoder(path, network.encoder, shape, {**settings, **progressed.record()})

    optimizer = torch.optim.SGD(
        network.parameters(), lr=values["lr"], momentum=values["momentum"], weight_decay=values["weight_decay"]
    )

    def lr(step: int) -> float:
        rate: float = values["lr"] * _FACTOR ** (step // (values["lower_every"] * one.steps))
        return rate

    recipe = Recipe(
        updates=[Update("encoder", channels_last(network), optimizer, lr, clip_norm=None)],
        stages=[Stage("train", values["length"] * one.steps, LabeledBatches(train, *view))],
        validate=lambda: validation.run(network),
        export=export,
        settings=settings,
        validate_every=one.validate_every,
    )
    return Trainer(recipe, options.out, accelerator, options.cadence, options.accept_changes)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@training_options(hyperparameters())
def main(options: TrainingOptions) -> None:
    """Pre-train SCGAN's global encoder on gray photos with labels (labels.csv: file, class_index).

    Without --val a tenth of --data is held out, at most 10 photos for each class. The best.safetensors of the run is
    for `bench train scgan --set preweights=…/best.safetensors`.
    """
    run_command(lambda: build(options))


if __name__ == "__main__":
    main()
