"""Labeled photos for the encoder's pre-training: gray crops and class numbers."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from bench_core.errors import CellFailure, RequestError
from bench_core.images import luminance
from bench_core.photos import Pixels, held_out_places
from bench_core.plugins import registry
from bench_core.randomness import keyed_generator
from bench_core.torch_model import to_tensor
from bench_scgan.batches import drawn

_LOG = logging.getLogger("bench")

LARGEST_SCALE = 1.25
"""Of the short side before a crop is taken, by the crop's side."""

HELD_OUT = 10
"""The most photos to validate on, for each class there is."""


@dataclass(frozen=True)
class Labeled:
    """Gray photos, uint8 H×W×1, and the class number of each."""

    grays: Sequence[Pixels]
    labels: Sequence[int]


def load_labeled(specs: Sequence[str], option: str = "--data") -> Labeled:
    """The pictures of data sets that say what they show (`labels.csv`), those without a label left out.

    RequestError, which names `option`, for an unknown set, or where no picture has a label.
    """
    grays, labels = [], []
    for spec in specs:
        try:
            dataset = registry().datasets.create(spec)
        except RequestError as error:
            raise RequestError(f"{option}: {problem}" for problem in error.problems) from None
        for image_id in dataset.ids():
            try:
                fields = dataset.load(image_id)
            except CellFailure as failure:
                _LOG.warning("%s: left out of training: %s", spec, failure.reason)
                continue
            known = fields.get("label", fields.get("class"))  # CIFAR-10's are classes as well, but not ImageNet's
            if known is not None:
                grays.append(luminance(fields["color"]))
                labels.append(int(known))
    if not grays:
        raise RequestError(
            f"{option}: no picture has a label; pre-training needs a labels.csv in the folder, with the "
            f"columns file and class_index, e.g. {option} folder:imagenet/train"
        )
    return Labeled(grays, labels)


def held_out(found: Labeled, seed: int) -> tuple[Labeled, Labeled]:
    """Pictures to train on, and a tenth, or 10 for each class where that is less; RequestError for fewer than 2."""
    most = HELD_OUT * len({*found.labels})
    first, rest = (
        Labeled([found.grays[place] for place in part], [found.labels[place] for place in part])
        for part in held_out_places(len(found.grays), seed, most)
    )
    return first, rest


def crop(gray: Pixels, size: int, scale: float, corner: tuple[float, float], mirrored: bool) -> Pixels:
    """A `size`×`size` part of a gray photo H×W×1, at `corner`, two shares of what the part leaves free.

    The photo's short side is first made `scale`·size; with a scale of 0 it is only enlarged, where it is too small.
    """
    short = min(gray.shape[:2])
    target = round(scale * size) if scale else max(size, short)
    if target != short:
        factor = target / short
        width, height = (max(target, round(side * factor)) for side in (gray.shape[1], gray.shape[0]))
        method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        gray = np.asarray(cv2.resize(gray, (width, height), interpolation=method), np.uint8).reshape(height, width, 1)
    top, left = (round(share * (side - size)) for share, side in zip(corner, gray.shape[:2], strict=True))
    part = gray[top : top + size, left : left + size]
    return part[:, ::-1] if mirrored else part


@dataclass(frozen=True)
class LabeledBatches:
    """What a step trains on: `gray` N×1×size×size in the network's range, and `label`, the classes' places."""

    data: Labeled
    classes: Sequence[int]
    size: int
    view: str
    signed: bool
    count: int
    seed: int
    processes: int = 1

    def __call__(self, step: int, process: int) -> dict[str, Any]:
        """The objective's arguments."""
        rng = keyed_generator(self.seed, "train", step, "", process)
        first = (step * self.processes + process) * self.count
        places = drawn(range(len(self.data.grays)), self.seed, first, self.count)
        pictures = []
        for place in places:
            scale = rng.uniform(1, LARGEST_SCALE) if self.view == "scale" else 0.0
            corner = (rng.random(), rng.random())
            pictures.append(crop(self.data.grays[place], self.size, scale, corner, bool(rng.integers(2))))
        return self.tensors(pictures, [self.data.labels[place] for place in places])

    def whole(self) -> Iterator[dict[str, Tensor]]:
        """Every picture once, cut at its center, a batch at a time, for validation."""
        for start in range(0, len(self.data.grays), self.count):
            end = start + self.count
            scale = 1.0 if self.view == "scale" else 0.0
            pictures = [crop(gray, self.size, scale, (0.5, 0.5), False) for gray in self.data.grays[start:end]]
            yield self.tensors(pictures, self.data.labels[start:end])

    def tensors(self, pictures: Sequence[Pixels], labels: Sequence[int]) -> dict[str, Tensor]:
        """See above. A class that training does not know has the place −1."""
        gray = to_tensor([np.ascontiguousarray(picture) for picture in pictures])
        known = {number: place for place, number in enumerate(self.classes)}
        return {
            "gray": gray * 2 - 1 if self.signed else gray,
            "label": torch.tensor([known.get(label, -1) for label in labels]),
        }
