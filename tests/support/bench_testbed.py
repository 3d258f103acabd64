"""A plugin for the harness's own tests: small methods, good and bad, and all they need, without torch or codecs."""

import os
import time
from pathlib import Path

import numpy as np

from bench_core import (
    COLORIZATION,
    INVERTIBLE_GRAYSCALE,
    STEGANOGRAPHY,
    ArrayModel,
    CellFailure,
    Dataset,
    Degradation,
    Metric,
    Param,
    Received,
    Score,
    hookimpl,
)


def note(event):
    """Keep a record of what was called, and take time over encoding, where a test asks for that."""
    if event == "encode":
        time.sleep(float(os.environ.get("TESTBED_SLEEP", "0")))
    if log := os.environ.get("TESTBED_LOG"):
        with Path(log).open("a") as file:
            file.write(f"{event}\n")


class Tiny(Dataset):
    """Eight 12×10 pictures of keyed noise; `tiny-broken` has one that cannot be read."""

    name = "tiny"
    broken: tuple[str, ...] = ()

    def ids(self):
        return [f"p{index}" for index in range(8)]

    def load(self, image_id):
        if image_id in self.broken:
            raise CellFailure("decode_failed", f"{image_id}: truncated")
        rng = np.random.default_rng(int(image_id[1:]))
        return {"color": rng.integers(0, 256, (12, 10, 3), dtype=np.uint8)}


class TinyBroken(Tiny):
    name = "tiny-broken"
    broken = ("p3",)


class Shift(Degradation):
    name = "shift"
    params = (Param("by", int, 0, 50, example="shift:5"),)

    def apply(self, image, rng):
        return Received(np.clip(image.astype(int) + self.values["by"], 0, 255).astype(np.uint8), {"encoded_bytes": 7})


class Noise(Degradation):
    name = "noise"
    params = (Param("sigma", float, 0, 255, example="noise:5"),)
    stochastic = True

    def apply(self, image, rng):
        noisy = image + rng.normal(0, self.values["sigma"], image.shape)
        return Received(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))


class Explode(Degradation):
    name = "explode"

    def apply(self, image, rng):
        raise OSError("the printer is on fire")


class Plain(Degradation):
    name = "plain"

    def apply(self, image, rng):
        return Received(image)


class MeanError(Metric):
    name = "mean-error"
    direction = "lower"
    unit = "levels"

    def measure(self, estimate, prepared):
        return Score(float(np.abs(estimate.astype(float) - prepared).mean()))


class Fussy(Metric):
    """Fails on a gray picture, crashes on a dark one."""

    name = "fussy"

    def measure(self, estimate, prepared):
        if estimate.shape[2] == 1:
            raise CellFailure("skipped_unsupported", "needs color")
        raise ZeroDivisionError("fussy indeed")


class Keep(ArrayModel):
    """The host travels unchanged; the secret comes back gray."""

    task = STEGANOGRAPHY
    params = (Param("level", int, 0, 255, default=128),)

    def encode(self, sample):
        note("encode")
        return sample["host"]

    def decode(self, received, condition):
        note("decode")
        return {"secret": np.full_like(received, self.settings["level"]), "host": received.astype(np.float32) / 255}


class Dice(Keep):
    """Draws when it encodes and when it decodes."""

    stochastic = True

    def encode(self, sample):
        note("encode")
        return np.clip(sample["host"] / 255 + sample.rngs[0].normal(0, 0.01, sample["host"].shape), 0, 1)

    def decode(self, received, condition):
        draw = condition.normal(received.shape)[0]
        return {"secret": np.clip(0.5 + 0.1 * draw, 0, 1), "host": received}


class Told(Keep):
    """Says in its output which degradation it was told of."""

    told = True

    def decode(self, received, condition):
        level = condition.stages[0].values.get("by", 0)
        return {"secret": np.full_like(received, level), "host": received}


class Untold(Told):
    """As `Told`, but must not be told."""

    told = False

    def decode(self, received, condition):
        assert condition.stages is None
        return {"secret": received, "host": received}


class Vandal(Keep):
    """Writes into what it is handed."""

    def decode(self, received, condition):
        received[:] = 0
        return {"secret": received, "host": received}


class Bad(Keep):
    """Goes wrong in the way its setting says, on pictures whose first sample is even."""

    params = (
        Param("how", str, choices=("raise", "nan", "shape", "dtype", "missing", "list", "memory"), default="raise"),
    )

    def decode(self, received, condition):
        good = {"secret": received, "host": received}
        if received[0, 0, 0] % 2:
            return good
        how = self.settings["how"]
        if how == "raise":
            raise RuntimeError("no luck")
        if how == "memory":
            raise MemoryError
        if how == "list":
            return [received]
        if how == "missing":
            return {"host": received}
        wrong = {
            "nan": np.full(received.shape, np.nan),
            "shape": received[:-1],
            "dtype": received.astype(np.int32),
        }[how]
        return {**good, "secret": wrong}


class GrayKeep(ArrayModel):
    task = INVERTIBLE_GRAYSCALE

    def encode(self, sample):
        return sample["gray"]

    def decode(self, received, condition):
        return {"color": received.repeat(3, axis=2)}


class Paint(ArrayModel):
    task = COLORIZATION
    outputs = ("color",)

    def encode(self, sample):
        raise AssertionError("colorization's carrier is the luminance, whatever a method would like to send")

    def decode(self, received, condition):
        return {"color": received.repeat(3, axis=2)}


class Two(Keep):
    """Two secrets in one host."""

    @property
    def secrets(self):
        return 2

    def decode(self, received, condition):
        return {"secret": np.concatenate([received, np.zeros_like(received)], axis=2), "host": received}


class Leaky(Keep):
    """Remembers the secrets it hid."""

    def setup(self):
        self.seen = {}

    def encode(self, sample):
        self.seen[sample["host"].tobytes()] = sample["secret"]
        return sample["host"]

    def decode(self, received, condition):
        return {"secret": self.seen.get(received.tobytes(), received), "host": received}


class Forgetful(Keep):
    """Gives what it decoded the time before."""

    def setup(self):
        self.last = None

    def decode(self, received, condition):
        last, self.last = self.last, received
        return {"secret": received if last is None else last, "host": received}


class Secretive(Keep):
    """Draws, and does not say so."""

    def decode(self, received, condition):
        return {"secret": np.clip(0.5 + 0.1 * condition.normal(received.shape)[0], 0, 1), "host": received}


class Square(Keep):
    """Takes only sides that are multiples of 8, and does not say so."""

    def encode(self, sample):
        height, width = (side // 8 * 8 for side in sample["host"].shape[:2])
        return sample["host"][:height, :width]


class Unbuildable(Keep):
    def setup(self):
        raise OSError("cannot find the magic file")


@hookimpl
def register_models(register):
    for model in (
        Keep,
        Dice,
        Told,
        Untold,
        Vandal,
        Bad,
        GrayKeep,
        Paint,
        Two,
        Leaky,
        Forgetful,
        Secretive,
        Square,
        Unbuildable,
    ):
        register(model.__name__.lower(), f"{__name__}:{model.__name__}", summary="for tests")


@hookimpl
def register_degradations(register):
    register("plain", f"{__name__}:Plain", aliases=("still",))
    register("shift", f"{__name__}:Shift")
    register("noise", f"{__name__}:Noise")
    register("explode", f"{__name__}:Explode")
    register("@all", ("plain", "shift:5"))


@hookimpl
def register_metrics(register):
    register("mean-error", f"{__name__}:MeanError")
    register("fussy", f"{__name__}:Fussy")
    register("both", ("mean-error", "fussy"))


@hookimpl
def register_datasets(register):
    register("tiny", f"{__name__}:Tiny")
    register("tiny-broken", f"{__name__}:TinyBroken")
