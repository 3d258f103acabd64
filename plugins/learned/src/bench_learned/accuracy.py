"""Whether a classifier trained on ImageNet still sees what the picture shows: top-1 and top-5."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from PIL import Image

from bench_core.errors import CellFailure
from bench_core.images import digest
from bench_core.metric import Array, Metric, Score
from bench_learned import runtime

if TYPE_CHECKING:
    from torch import Tensor, nn

Answers = tuple[int, ...]

CLASSES = 1000

_KEPT = 4096
_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], dtype=np.float32)
_RESIZE, _CROP = 256, 224

_lock = threading.Lock()
_answers: OrderedDict[tuple[str, str], Answers] = OrderedDict()


class Accuracy(Metric):
    """1 where the class of the picture is among the first `best` answers, else 0; details hold the `reference`'s.

    The picture is resized to a short side of 256 (bilinear, antialiased), its middle 224×224 is cut out and normalized
    with ImageNet's mean and deviation, as torchvision's evaluation does; a gray picture has its channel three times.
    The class comes from the data set (`label`, 0..999 in torchvision's order). Figures depend on the classifier: its
    name and digest stand in the version, and only figures of one classifier compare.
    """

    kind = "proportion"
    worst = 0.0
    pairs = ("restored", "colorized")
    best: ClassVar[int] = 1
    weights: ClassVar[str] = "vgg16"
    architecture: ClassVar[str] = "vgg16"

    def prepare(self, reference: Array) -> Answers:
        """The classifier's five best answers for the reference.

        Raises:
            CellFailure: `weights_missing`, `oom`.
        """
        return self._look(reference)

    def measure(self, estimate: Array, prepared: Any) -> Score:
        """Not without the picture's class; CellFailure."""
        return self.measure_with(estimate, prepared, {})

    def measure_with(self, estimate: Array, prepared: Any, facts: Mapping[str, Any]) -> Score:
        """Score a uint8 H×W×C picture whose class is `facts["label"]`.

        Raises:
            CellFailure: `skipped_unsupported` where the data set does not say what the picture shows, or names a class
                that the classifier does not know.
        """
        label = facts.get("label")
        if label is None:
            raise CellFailure(
                "skipped_unsupported",
                f"{self.name} needs the ImageNet class of the picture, e.g. from a folder's labels.csv",
            )
        if not 0 <= label < CLASSES:
            raise CellFailure(
                "skipped_unsupported", f"{self.name} knows the classes 0 to {CLASSES - 1} of ImageNet, not {label}"
            )
        answers = self._look(estimate)
        details = {"reference": float(label in prepared[: self.best]), "label": int(label), "answer": answers[0]}
        return Score(float(label in answers[: self.best]), details)

    def _look(self, image: Array) -> Answers:
        """The five best classes. Top-1 and top-5 of one picture, and one reference's over a sweep, ask once."""
        key = (self.weights, digest(image))
        with _lock:
            if key in _answers:
                _answers.move_to_end(key)
                return _answers[key]
        with runtime.computing(self.name):
            scores = runtime.network(self.weights, self._build)(classifier_input(image))
            answers = tuple(int(index) for index in scores[0].topk(5).indices)
        with _lock:
            _answers[key] = answers
            while len(_answers) > _KEPT:
                _answers.popitem(last=False)
        return answers

    def _build(self, path: Path) -> "nn.Module":
        import torch

        from bench_learned import networks

        state = torch.load(path, map_location="cpu", weights_only=True)
        return networks.load(networks.classifier(self.architecture), state)


def classifier_input(image: Array) -> "Tensor":
    """A uint8 H×W×C picture as torchvision's classifiers were evaluated on it: float32 1×3×224×224, normalized."""
    import torch

    picture = Image.fromarray(np.broadcast_to(image, (*image.shape[:2], 3)).copy())
    short = min(picture.size)
    size = tuple(int(_RESIZE * side / short) for side in picture.size)
    if size != picture.size:
        picture = picture.resize((size[0], size[1]), Image.Resampling.BILINEAR)
    left, top = (round((side - _CROP) / 2) for side in picture.size)
    pixels = np.asarray(picture.crop((left, top, left + _CROP, top + _CROP)), dtype=np.float32) / np.float32(255)
    return torch.from_numpy(np.ascontiguousarray(((pixels - _MEAN) / _DEVIATION).transpose(2, 0, 1))[None])


class Top1(Accuracy):
    """The best answer of VGG-16."""

    name = "top1"
    version = "vgg16-397923af"


class Top5(Accuracy):
    """One of the five best answers of VGG-16."""

    name = "top5"
    version = "vgg16-397923af"
    best = 5


class Top1Mobilenet(Accuracy):
    """The best answer of MobileNetV2."""

    name = "top1-mobilenet"
    version = "mobilenet_v2-b0353104"
    weights = "mobilenet-v2"
    architecture = "mobilenet_v2"


class Top5Mobilenet(Accuracy):
    """One of the five best answers of MobileNetV2."""

    name = "top5-mobilenet"
    version = "mobilenet_v2-b0353104"
    best = 5
    weights = "mobilenet-v2"
    architecture = "mobilenet_v2"
