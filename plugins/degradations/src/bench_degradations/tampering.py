"""Parts of the picture replaced by something else; the mask tells where."""

import cv2
import numpy as np

from bench_core.degradation import Array, Degradation, Received, Shipment
from bench_core.errors import CellFailure
from bench_core.params import Param
from bench_degradations.arrays import to_uint8, with_channels
from bench_degradations.boxes import Box, alike, drawn_shape, placed


def _with_box(image: Array, box: Box, content: Array | np.uint8) -> tuple[Array, Array]:
    """`image` with `content` in the box, and the mask of the box."""
    changed = image.copy()
    changed[box.pixels] = content
    mask = np.zeros((*image.shape[:2], 1), dtype=np.uint8)
    mask[box.pixels] = 255
    return changed, mask


class _Uncovered(Degradation):
    """Replaces part of the carrier by the cover, as HiDDeN's Cropout and Dropout: there nothing is hidden any more.

    The cover is what the carrier was made to look like: the host, or the target gray. Where there is none (`bench
    degrade`), it is the picture that the chain began with.
    """

    stochastic = True

    def handle(self, image: Array, rng: np.random.Generator, shipment: Shipment) -> Received:
        """Put the cover back in places.

        Raises:
            CellFailure: `skipped_unsupported` where an earlier stage has changed the size.
        """
        cover = image if shipment.cover is None else shipment.cover
        if cover.shape != image.shape:
            sizes = f"{cover.shape[1]}x{cover.shape[0]}, not {image.shape[1]}x{image.shape[0]}"
            reason = f"{self.name} puts the cover in, which is {sizes}; write it before a stage that changes the size"
            raise CellFailure("skipped_unsupported", reason)
        return self.uncover(image, cover, rng)

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Without a trip there is no cover but the picture itself."""
        return self.uncover(image, image, rng)

    def uncover(self, image: Array, cover: Array, rng: np.random.Generator) -> Received:
        """Replace part of `image` by `cover`."""
        raise TypeError(f"{type(self).__name__} does not say what to replace")


class Cropout(_Uncovered):
    """Keeps one rectangle of the carrier, in the picture's proportions; the cover stands everywhere else."""

    name = "cropout"
    params = (Param("keep", float, 0, 1, example="cropout:0.3", help="share of the carrier's area that stays"),)

    def uncover(self, image: Array, cover: Array, rng: np.random.Generator) -> Received:
        """Keep a `box` (left, top, width, height), which is in the details."""
        height, width = image.shape[:2]
        keep = float(self.values["keep"])
        shape = alike(width, height, keep) if keep else (0, 0)
        box = placed(width, height, shape, rng)
        changed, kept = _with_box(cover, box, image[box.pixels])
        return Received(changed, {"box": list(box)}, np.bitwise_not(kept))


class Dropout(_Uncovered):
    """Keeps a share of the carrier's pixels, each with its own chance; the others are the cover's."""

    name = "dropout"
    params = (Param("keep", float, 0, 1, example="dropout:0.3", help="share of the carrier's pixels that stay"),)

    def uncover(self, image: Array, cover: Array, rng: np.random.Generator) -> Received:
        """Keep pixels; the details tell the share `kept`."""
        draws = rng.random((*image.shape[:2], 1), dtype=np.float32)
        mask = (draws >= np.float32(self.values["keep"])).view(np.uint8) * np.uint8(255)
        mixed = cv2.copyTo(np.ascontiguousarray(cover), mask, image.copy())
        kept = 1 - cv2.countNonZero(mask) / mask.size
        return Received(with_channels(np.asarray(mixed, dtype=np.uint8)), {"kept": kept}, mask)


class Erase(Degradation):
    """Replaces a rectangle, drawn in place and proportions, by black or by the picture's mean color."""

    name = "erase"
    stochastic = True
    params = (
        Param("area", float, 0, 1, example="erase:0.1", help="share of the area that is replaced"),
        Param("fill", str, choices=("0", "mean"), default="0", help="0: black; mean: each channel's mean, rounded"),
    )

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Erase a `box` (left, top, width, height), which is in the details."""
        height, width = image.shape[:2]
        area = float(self.values["area"])
        shape = drawn_shape(width, height, area, rng) if area else (0, 0)
        box = placed(width, height, shape, rng)
        color = to_uint8(image.mean(axis=(0, 1), keepdims=True)) if self.values["fill"] == "mean" else np.uint8(0)
        changed, mask = _with_box(image, box, color)
        return Received(changed, {"box": list(box)}, mask)


class Paste(Degradation):
    """Replaces a rectangle by foreign content: a stand-in for a swapped face or a retouched sign.

    `source=own` takes a mirrored part from elsewhere in the cover, so what is pasted looks like a photo and hides
    nothing; where there is no cover of the carrier's size, it is taken from the carrier. `source=texture` makes
    colored 1/f noise, which owes nothing to the picture.
    """

    name = "paste"
    stochastic = True
    params = (
        Param("area", float, 0.001, 1, example="paste:0.1", help="share of the area that is replaced"),
        Param("source", str, choices=("own", "texture"), default="own", help="where the foreign content comes from"),
    )

    def handle(self, image: Array, rng: np.random.Generator, shipment: Shipment) -> Received:
        """Paste from the cover, if it fits."""
        cover = shipment.cover
        return self._pasted(image, image if cover is None or cover.shape != image.shape else cover, rng)

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Without a trip there is no cover but the picture itself."""
        return self._pasted(image, image, rng)

    def _pasted(self, image: Array, cover: Array, rng: np.random.Generator) -> Received:
        """Paste into a `box`, of content `from` a box; the details tell both (left, top, width, height)."""
        height, width = image.shape[:2]
        shape = drawn_shape(width, height, float(self.values["area"]), rng)
        box = placed(width, height, shape, rng)
        details = {"box": list(box)}
        if self.values["source"] == "own":
            origin = _elsewhere(box, width, height, rng)
            details["from"] = list(origin)
            content = cover[origin.pixels][:, ::-1]
        else:
            content = texture(box.width, box.height, image.shape[2], rng)
        changed, mask = _with_box(image, box, content)
        return Received(changed, details, mask)


def _elsewhere(box: Box, width: int, height: int, rng: np.random.Generator, tries: int = 16) -> Box:
    """Of several drawn boxes of the same shape, the one that has the least in common with `box`."""

    def shared(other: Box) -> int:
        wide = min(box.left, other.left) + box.width - max(box.left, other.left)
        high = min(box.top, other.top) + box.height - max(box.top, other.top)
        return max(0, wide) * max(0, high)

    return min((placed(width, height, (box.width, box.height), rng) for _ in range(tries)), key=shared)


def texture(width: int, height: int, channels: int, rng: np.random.Generator) -> Array:
    """Noise with as much contrast in every octave, as photos have; uint8 height×width×channels, mean color drawn."""
    side = max(width, height)
    layers = np.zeros((height, width, channels), dtype=np.float32)
    cells = [2**octave for octave in range(1, max(2, side.bit_length()))]
    for count in cells:
        rows, columns = (max(1, round(count * length / side)) for length in (height, width))
        # Light varies more than color does.
        light = rng.standard_normal((rows, columns, 1), dtype=np.float32)
        grid = light + np.float32(0.4) * rng.standard_normal((rows, columns, channels), dtype=np.float32)
        layers += with_channels(
            np.asarray(cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
        )
    layers *= np.float32(40 / len(cells) ** 0.5)
    layers += rng.uniform(64, 192, channels).astype(np.float32)
    return to_uint8(layers)
