"""Beside bench_testbed: photos of which some have maps, a method that returns maps, and a metric of labels."""

import numpy as np
from bench_testbed import Tiny

from bench_core import COLORIZATION, ArrayModel, CellFailure, Metric, Score, SetMetric, hookimpl


class Mapped(Tiny):
    """`tiny`, with a semantic map of the even pictures; p5 cannot be read."""

    name = "mapped"
    broken = ("p5",)

    def load(self, image_id):
        fields = super().load(image_id)
        number = int(image_id[1:])
        return fields if number % 2 else {**fields, "semantic": np.full((12, 10, 1), number, np.uint8)}


class MappedTwice(Mapped):
    """`mapped`, and a saliency map of p1."""

    name = "mapped-twice"

    def load(self, image_id):
        fields = super().load(image_id)
        return {**fields, "saliency": np.full((12, 10, 1), 200, np.uint8)} if image_id == "p1" else fields


class Labeler(ArrayModel):
    """Sees class 2 everywhere."""

    task = COLORIZATION

    def decode(self, received, condition):
        return {
            "color": received.repeat(3, axis=2),
            "saliency": np.full(received.shape, 100 / 255, np.float32),
            "semantic": np.full(received.shape, 2, np.uint8),
        }


class Refuser(Labeler):
    def decode(self, received, condition):
        raise CellFailure("skipped_unsupported", "no")


class Agree(Metric):
    name = "agree"
    compares = "labels"

    def measure(self, estimate, prepared):
        return Score(float((estimate == prepared).mean()))


class Classes(SetMetric):
    """How many pictures there were."""

    name = "classes"
    compares = "labels"

    def describe(self, image):
        return np.array([float(image.max())])

    def compare(self, estimates, references, images, seed):
        return Score(float(np.abs(estimates - references).mean()), {"order": list(images)})


@hookimpl
def register_models(register):
    register("labeler", f"{__name__}:Labeler")
    register("refuser", f"{__name__}:Refuser")


@hookimpl
def register_metrics(register):
    register("agree", f"{__name__}:Agree")
    register("classes", f"{__name__}:Classes")


@hookimpl
def register_datasets(register):
    register("mapped", f"{__name__}:Mapped")
    register("mapped-twice", f"{__name__}:MappedTwice")
