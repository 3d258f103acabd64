"""What the two training commands share: photos with their class maps, and a recipe of one network."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from bench_core.errors import RequestError
from bench_core.nn.layout import channels_last
from bench_core.photos import Pixels
from bench_core.provenance import digest_of
from bench_core.training import Progressed, Recipe, Stage, Trainer, TrainingOptions, Update
from bench_core.training.schedules import cosine_lr
from bench_semantic.batches import Batches, check_maps, with_classes
from bench_semantic.config import TrainingConfig
from bench_semantic.label_sets import LabelSet, Numbering
from bench_semantic.weights import SdcNetworks, check_same_classes, load_weights, save_weights

CONTEXT = {"help_option_names": ["-h", "--help"], "show_default": True}


@dataclass(frozen=True)
class Photos:
    """Photos with class maps: `training` N×resize×resize×4, and `validation` M×crop×crop×4."""

    training: Pixels
    validation: Pixels


def read_photos(options: TrainingOptions, config: TrainingConfig, labels: LabelSet, numbering: Numbering) -> Photos:
    """The photos of a run; RequestError where there are none with maps, or the maps are of other classes."""
    training, validation = options.photos(also=("semantic",))
    check_maps(training, labels, numbering, "--data")
    check_maps(validation, labels, numbering, "--val" if options.val else "--data")
    return Photos(with_classes(training, numbering, config.resize), with_classes(validation, numbering, config.crop))


def label_facts(labels: LabelSet, numbering: Numbering) -> dict[str, str]:
    """A digest of the set and of how maps are read, for a run's settings, where `labels` is only a file's name."""
    return {"label_set": digest_of([labels.record(), asdict(numbering)])[:16]}


@dataclass(frozen=True)
class Run:
    """One network's training: what is trained, how it is judged, and what a weights file holds besides it.

    `networks` are all that go into the file, and `kind` is which of them is trained; `beside` is the training record
    of the other one.
    """

    kind: str
    network: nn.Module
    objective: nn.Module
    networks: SdcNetworks
    validate: Callable[[], Mapping[str, float]]
    pictures: Callable[[], Mapping[str, Tensor]]
    beside: Mapping[str, Any]


def start_from(options: TrainingOptions, kind: str, network: nn.Module, labels: LabelSet) -> Mapping[str, Any]:
    """Give a network the weights of `--init`, and say where they come from; RequestError where they do not fit."""
    if options.init is None:
        return {}
    loaded = load_weights(options.init)
    found = getattr(loaded.network, kind)
    check_same_classes(labels, loaded.network.labels, ("this run", str(options.init)))
    if found is None or found.state_dict().keys() != network.state_dict().keys():
        raise RequestError(f"{options.init} holds another {kind} network than --preset {options.preset}")
    try:
        network.load_state_dict(found.state_dict())
    except RuntimeError:
        raise RequestError(f"{options.init} holds another {kind} network than --preset {options.preset}") from None
    return {"started_from": loaded.training.get(kind, {})}


def make_trainer(
    options: TrainingOptions,
    accelerator: Accelerator,
    config: TrainingConfig,
    photos: Photos,
    run: Run,
    facts: Mapping[str, Any],
) -> Trainer:
    """The trainer of one network: a single stage with Adam."""
    settings = {**options.settings(accelerator), "method": f"sdc {run.kind}", "photos": len(photos.training), **facts}
    origin = start_from(options, run.kind, run.network, run.networks.labels)

    def export(path: Any, progressed: Progressed) -> None:
        own = {run.kind: {**settings, **progressed.record(), **origin}}
        save_weights(path, run.networks, {**run.beside, **own})

    batches = Batches(photos.training, run.networks.labels, config, options.seed, colors=run.kind == "color")
    update = Update(
        run.kind,
        channels_last(run.objective),
        torch.optim.Adam(run.network.parameters(), lr=config.lr, betas=(config.beta1, config.beta2)),
        cosine_lr(config.lr, config.lr_end, config.warmup, config.steps),
        clip_norm=config.clip_norm or None,
    )
    recipe = Recipe(
        updates=[update],
        stages=[Stage(run.kind, config.steps, batches)],
        validate=run.validate,
        export=export,
        settings=settings,
        pictures=run.pictures,
    )
    return Trainer(recipe, options.out, accelerator, options.cadence, options.accept_changes)
