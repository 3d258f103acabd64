"""Training pictures: photos with their class maps, resized, cut and flipped as SDC says (specification, Section 4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from bench_core.errors import RequestError
from bench_core.images import luminance
from bench_core.nn.lab import rgb_to_lab
from bench_core.photos import Pixels
from bench_core.randomness import keyed_generator
from bench_core.torch_model import to_tensor
from bench_semantic.config import TrainingConfig
from bench_semantic.encoding import normalized_ab
from bench_semantic.label_sets import IGNORED, LabelSet, Numbering

_DRAWS = 16
"""Before a crop without a single annotated pixel is taken as it is."""


def with_classes(photos: Sequence[Pixels], numbering: Numbering, size: int) -> Pixels:
    """Photos H×W×4, color and the number of what is there, as one array N×size×size×4 with class maps.

    Color is resized bicubically and the map by its nearest pixels, whatever the photo's shape: the aspect ratio is
    lost, as published.
    """
    found = np.empty((len(photos), size, size, 4), np.uint8)
    for place, photo in enumerate(photos):
        color, numbers = Image.fromarray(photo[..., :3]), Image.fromarray(numbering.classes(photo[..., 3]))
        found[place, ..., :3] = np.asarray(color.resize((size, size), Image.Resampling.BICUBIC))
        found[place, ..., 3] = np.asarray(numbers.resize((size, size), Image.Resampling.NEAREST))
    return found


def check_maps(photos: Sequence[Pixels], labels: LabelSet, numbering: Numbering, option: str) -> None:
    """RequestError where maps of photos H×W×4 have other numbers than the numbering, or hardly a pixel of a class."""
    counts = np.sum([np.bincount(photo[..., 3].ravel(), minlength=256) for photo in photos], axis=0)
    there = np.flatnonzero(counts)
    # Another numbering of the set may be what the files have, unless it lacks some of their numbers, too.
    names = [name for name in labels.numberings if labels.numbering(name) != numbering]
    others = [f"labels={labels.name}:{name}" for name in names if not labels.numbering(name).unknown(there.tolist())]
    hint = f"try {' or '.join(others)}" if others else "the maps may be of another label set"
    if unknown := numbering.unknown(there.tolist()):
        raise RequestError(
            f"{option}: in the semantic maps {labels.misfit(there.tolist(), numbering)}; {hint}; a number that means "
            f"'not annotated' can be named, e.g. folder:photos,semantic=maps,void={unknown[0]}"
        )
    share = float(counts[numbering.classes(np.arange(256)) != IGNORED].sum() / counts.sum())
    if share < 0.01:
        raise RequestError(
            f"{option}: only {100 * share:.2g} % of the semantic maps are of classes of {labels.name}; {hint}"
        )


def gray_of(color: Pixels) -> Tensor:
    """The harness's gray picture, 8-bit luminance, of N×H×W×3: N×1×H×W in [0, 1]."""
    return to_tensor([luminance(picture) for picture in color])


def toned(color: Pixels, tone: float, rng: np.random.Generator) -> Pixels:
    """Photos N×H×W×3, each with a random tone curve g·v^p of its levels: p in [1/tone, tone], g in [1/tone, 1]."""
    power, gain = (
        (tone ** rng.uniform(low, high, len(color)))[:, None, None, None] for low, high in ((-1, 1), (-1, 0))
    )
    found: Pixels = np.rint(255 * gain * (color / 255) ** power).astype(np.uint8)
    return found


def target_of(color: Pixels) -> Tensor:
    """Normalized a and b N×2×H×W of pictures N×H×W×3."""
    return normalized_ab(rgb_to_lab(to_tensor(list(color)))[:, 1:])


def maps_of(classes: np.ndarray[Any, Any]) -> Tensor:
    """Class maps N×H×W as long N×1×H×W."""
    return torch.from_numpy(np.ascontiguousarray(classes)).long().unsqueeze(1)


@dataclass(frozen=True)
class Batches:
    """Batches of random views, each drawn from the generator of its step and process.

    `photos` are those of `with_classes`. With `colors`, a batch has the target, and the map as the color network is
    shown it; without, the map with IGNORED.
    """

    photos: Pixels
    labels: LabelSet
    config: TrainingConfig
    seed: int
    colors: bool

    def __call__(self, step: int, process: int) -> Mapping[str, Tensor]:
        """The objective's arguments."""
        rng = keyed_generator(self.seed, "train", step, "colors" if self.colors else "maps", process)
        views = np.stack([self._view(rng) for _ in range(self.config.batch)])
        color, classes = toned(views[..., :3], self.config.tone, rng), views[..., 3]
        gray = gray_of(color)
        if not self.colors:
            return {"gray": gray, "classes": maps_of(classes)}
        return {"gray": gray, "labels": maps_of(self.labels.shown(classes)), "target": target_of(color)}

    def _view(self, rng: np.random.Generator) -> Pixels:
        config = self.config
        room = self.photos.shape[1] - config.crop + 1
        for _ in range(_DRAWS):
            index = rng.integers(len(self.photos))
            top, left = (int(rng.integers(room)) for _ in range(2))
            view = self.photos[index, top : top + config.crop, left : left + config.crop]
            if self.colors or (view[..., 3] != IGNORED).any():
                break
        mirrored, turned = (int(rng.integers(2)) for _ in range(2))
        view = view[:, ::-1] if mirrored and config.flip_horizontal else view
        flipped: Pixels = view[::-1] if turned and config.flip_vertical else view
        return flipped
