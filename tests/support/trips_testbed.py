"""Beside bench_testbed: metrics of whole sets, and degradations and metrics that know more than a pair of pictures."""

import numpy as np
from bench_testbed import Keep, Tiny, note

from bench_core import CellFailure, Dataset, Degradation, Metric, Param, Received, Score, SetMetric, hookimpl


class Brightness(SetMetric):
    """The difference of the sets' mean levels; says in which order the pictures came."""

    name = "brightness"
    direction = "lower"
    least = 3

    def describe(self, image):
        note("describe")
        return np.array([image.mean(), image.std()])

    def compare(self, estimates, references, images, seed):
        difference = abs(estimates[:, 0].mean() - references[:, 0].mean())
        return Score(float(difference), {"low": difference - 1, "high": difference + 1, "order": list(images)})


class Choosy(Brightness):
    """Cannot describe a picture whose first sample is even."""

    name = "choosy"
    pairs = ("container",)

    def describe(self, image):
        if image[0, 0, 0] % 2 == 0:
            raise CellFailure("skipped_unsupported", "an even picture")
        return super().describe(image)


class Counted(Metric):
    """1 for each secret, added up."""

    name = "counted"
    pairs = ("secret",)
    combine = "sum"

    def measure(self, estimate, prepared):
        return Score(1.0, {"mse": 4.0})


class Replaced(Metric):
    """The share of the picture that the channel says it replaced."""

    name = "replaced"

    def measure_with(self, estimate, prepared, facts):
        if "mask" not in facts:
            raise CellFailure("skipped_unsupported", "nothing was replaced; e.g. -d swap")
        return Score(float((facts["mask"] > 0).mean()))


class Labeled(Metric):
    """The label of the picture."""

    name = "labeled"

    def measure_with(self, estimate, prepared, facts):
        return Score(float(facts["label"]))


class Swap(Degradation):
    """Puts the cover's upper half back."""

    name = "swap"

    def handle(self, image, rng, shipment):
        half = image.shape[0] // 2
        mask = np.zeros((*image.shape[:2], 1), np.uint8)
        mask[:half] = 255
        swapped = image.copy()
        swapped[:half] = shipment.cover[:half]
        return Received(
            swapped, {"image": shipment.image_id, "repeat": shipment.repeat}, mask, {"negative": 255 - image}
        )


class Album(Degradation):
    """What is called with `capture:`: two photos of every picture, three of p1."""

    name = "capture"
    params = (Param("folder", str),)
    stochastic = True

    def repeats(self, image_id):
        return 3 if image_id == "p1" else 2

    def handle(self, image, rng, shipment):
        if shipment.image_id == "p2":
            raise CellFailure("capture_failed", "blurred")
        return Received(np.clip(image.astype(int) + shipment.repeat, 0, 255).astype(np.uint8))


def open_album(folder):
    return Album(folder=folder)


class Darken(Keep):
    """Sends the host 20 levels darker."""

    def encode(self, sample):
        return np.clip(sample["host"].astype(int) - 20, 0, 255).astype(np.uint8)


class Exactly(Keep):
    """Sends the host 0.3 levels brighter, which 8 bits cannot hold, and gives what it got."""

    takes_floats = True

    def encode(self, sample):
        return (sample["host"] + 0.3).astype(np.float32) / 255

    def decode(self, received, condition):
        note(f"{received.dtype} {float(received.min()):.4f}")
        secret = np.full_like(received, 0)
        return {"secret": secret, "host": received}


class Hiss(Degradation):
    """Adds a quarter of a level."""

    name = "hiss"
    passes_floats = True

    def apply(self, image, rng):
        return Received(image)

    def apply_exact(self, levels, rng):
        return levels + 0.25


class Dots(Dataset):
    """Drawn for a size: the id's number as the level, one pixel white."""

    name = "dots"

    def ids(self):
        return [f"dot{index}" for index in range(30)]

    def draw(self, image_id, width, height):
        picture = np.full((height, width, 3), int(image_id[3:]), np.uint8)
        picture[0, 0] = 255
        return picture


class Misdrawn(Dots):
    name = "misdrawn"

    def draw(self, image_id, width, height):
        return np.zeros((height, width), np.uint8)


class Classes(Tiny):
    name = "classes"

    def load(self, image_id):
        return {**super().load(image_id), "label": int(image_id[1:])}


@hookimpl
def register_models(register):
    register("darken", f"{__name__}:Darken")
    register("exactly", f"{__name__}:Exactly")


@hookimpl
def register_metrics(register):
    for metric in (Brightness, Choosy, Counted, Replaced, Labeled):
        register(metric.name, f"{__name__}:{metric.__name__}")


@hookimpl
def register_degradations(register):
    register("swap", f"{__name__}:Swap")
    register("hiss", f"{__name__}:Hiss")
    register("float", "bench_core.unrounded:FloatContainer")
    register("capture:", f"{__name__}:open_album")


@hookimpl
def register_datasets(register):
    for dataset in (Dots, Misdrawn, Classes):
        register(dataset.name, f"{__name__}:{dataset.__name__}")
