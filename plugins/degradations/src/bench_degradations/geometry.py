"""Moves of the picture within its frame: rotation, shear, perspective, translation, flips. The size stays.

The receiver is not told what was done (`side=none`, for rotation `back=0`), unless asked: then the harness undoes the
move with the true parameters before the receiver sees the picture (`side=known`, `back=1`). Resampling losses and what
left the frame remain.
"""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from bench_core.degradation import Array, Degradation, Received
from bench_core.params import Param
from bench_degradations.arrays import OPENCV_SIDE, check_side, with_channels

Matrix = np.ndarray[Any, np.dtype[np.float64]]

SIDE = Param(
    "side",
    str,
    choices=("none", "known"),
    default="none",
    help="side information: known undoes the move with its true parameters, as a receiver could who knew them",
)
_BORDERS: Mapping[str, int] = {
    "reflect": cv2.BORDER_REFLECT_101,
    "edge": cv2.BORDER_REPLICATE,
    "0": cv2.BORDER_CONSTANT,
}
_FILTERS: Mapping[str, int] = {"bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC}
_FILL = Param("fill", str, choices=("reflect", "edge", "0"), default="reflect", help="what comes in at the borders")
_FILTER = Param("filter", str, choices=("bilinear", "bicubic"), default="bilinear", help="interpolation")


def warp(image: Array, matrix: Matrix, kind: str, fill: str) -> Array:
    """The picture moved by a 3×3 homography of pixel coordinates (x, y), whole numbers at the pixels' middles."""
    height, width = image.shape[:2]
    flags, border = _FILTERS[kind], _BORDERS[fill]
    image = np.ascontiguousarray(image)
    if np.array_equal(matrix[2], (0, 0, 1)):
        found = cv2.warpAffine(image, matrix[:2], (width, height), flags=flags, borderMode=border)
    else:
        found = cv2.warpPerspective(image, matrix, (width, height), flags=flags, borderMode=border)
    return with_channels(np.asarray(found, dtype=np.uint8))


class _Warp(Degradation):
    """What the warps share: a homography, and its inverse where the receiver knows it."""

    def matrix(self, width: int, height: int, rng: np.random.Generator) -> Matrix:
        """The 3×3 homography, from carrier to received."""
        raise TypeError(f"{type(self).__name__} does not say where pixels go")

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Warp, and warp back where the move is known; a drawn homography is in the details."""
        check_side(self.name, image, OPENCV_SIDE)
        matrix = self.matrix(image.shape[1], image.shape[0], rng)
        kind, fill = str(self.values["filter"]), str(self.values["fill"])
        moved = warp(image, matrix, kind, fill)
        if self.values.get("back") or self.values.get("side") == "known":
            moved = warp(moved, np.asarray(np.linalg.inv(matrix), np.float64), kind, fill)
        return Received(moved, {"homography": matrix.tolist()} if self.stochastic else {})

    def move(self, picture: Array, rng: np.random.Generator) -> Array:
        """Nothing else happens to it."""
        return self.apply(picture, rng).image


def _about_middle(linear: Matrix, width: int, height: int) -> Matrix:
    """A linear map of the plane that leaves the picture's middle where it is."""
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = middle - linear @ middle
    return matrix


class Rotate(_Warp):
    """Turns the picture about its middle, counterclockwise; `back=1` turns it back by the known angle."""

    name = "rotate"
    params = (
        Param("angle", float, -180, 180, example="rotate:5", help="degrees counterclockwise"),
        Param("back", bool, default=False, help="1: turned back, as a receiver could who knew the angle"),
        _FILL,
        _FILTER,
    )

    def matrix(self, width: int, height: int, rng: np.random.Generator) -> Matrix:
        """A rotation; y points down, so the sine's sign is that of a clockwise one in mathematics."""
        angle = np.deg2rad(float(self.values["angle"]))
        # Rounded, so that 180° is a pure exchange of pixels.
        cos, sin = round(float(np.cos(angle)), 15), round(float(np.sin(angle)), 15)
        return _about_middle(np.array([[cos, sin], [-sin, cos]]), width, height)


class Shear(_Warp):
    """Slants the picture about its middle: rows slide by tan(angle) a row (`axis=x`), or columns (`axis=y`)."""

    name = "shear"
    params = (
        Param("angle", float, -60, 60, example="shear:10", help="degrees"),
        Param("axis", str, choices=("x", "y"), default="x", help="the direction pixels slide in"),
        _FILL,
        _FILTER,
        SIDE,
    )

    def matrix(self, width: int, height: int, rng: np.random.Generator) -> Matrix:
        """A shear."""
        slope = float(np.tan(np.deg2rad(float(self.values["angle"]))))
        linear = np.array([[1.0, slope], [0.0, 1.0]])
        return _about_middle(linear if self.values["axis"] == "x" else linear.T, width, height)


class Perspective(_Warp):
    """Each corner moves by its own draw from ±jitter of the side, in x and in y (StegaStamp's camera pose)."""

    name = "perspective"
    stochastic = True
    params = (
        Param(
            "jitter", float, 0, 0.2, example="perspective:0.05", help="largest move of a corner, as a share of a side"
        ),
        _FILL,
        _FILTER,
        SIDE,
    )

    def matrix(self, width: int, height: int, rng: np.random.Generator) -> Matrix:
        """The homography of the four corners; a pixel's own corner is half a pixel from its middle."""
        # Below 0.25 the four corners always stay a convex quadrilateral.
        moves = rng.uniform(-1, 1, (4, 2)) * float(self.values["jitter"])
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float64)
        size, half = np.array([width, height]), 0.5
        source = (corners * size - half).astype(np.float32)
        target = ((corners + moves) * size - half).astype(np.float32)
        return np.asarray(cv2.getPerspectiveTransform(source, target), dtype=np.float64)


class Translate(Degradation):
    """Shifts by whole pixels, `dx` to the right and `dy` down: no resampling."""

    name = "translate"
    params = (
        Param("dx", int, -4096, 4096, example="translate:8", help="pixels to the right"),
        Param("dy", int, -4096, 4096, default=0, help="pixels down"),
        Param(
            "fill",
            str,
            choices=("reflect", "edge", "0", "wrap"),
            default="reflect",
            help="what comes in at the borders",
        ),
        SIDE,
    )

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Shift, and shift back where the move is known."""
        dx, dy, fill = int(self.values["dx"]), int(self.values["dy"]), str(self.values["fill"])
        moved = shift(image, dx, dy, fill)
        return Received(shift(moved, -dx, -dy, fill) if self.values["side"] == "known" else moved)

    def move(self, picture: Array, rng: np.random.Generator) -> Array:
        """Nothing else happens to it."""
        return self.apply(picture, rng).image


def shift(image: Array, dx: int, dy: int, fill: str) -> Array:
    """The picture `dx` pixels further right and `dy` further down; `fill` is as for `Translate`."""
    height, width = image.shape[:2]
    border = cv2.BORDER_WRAP if fill == "wrap" else _BORDERS[fill]
    margins = (max(dy, 0), max(-dy, 0), max(dx, 0), max(-dx, 0))
    padded = with_channels(np.asarray(cv2.copyMakeBorder(np.ascontiguousarray(image), *margins, border), np.uint8))
    top, left = max(-dy, 0), max(-dx, 0)
    return padded[top : top + height, left : left + width].copy()


class Flip(Degradation):
    """Mirrors the picture: `h` left and right, `v` up and down, `hv` both."""

    name = "flip"
    params = (
        Param("axis", str, choices=("h", "v", "hv"), example="flip:h", help="h left-right, v up-down, hv both"),
        SIDE,
    )

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Mirror; a known flip undone is the carrier itself."""
        if self.values["side"] == "known":
            return Received(image.copy())
        code = {"h": 1, "v": 0, "hv": -1}[str(self.values["axis"])]
        return Received(with_channels(np.asarray(cv2.flip(np.ascontiguousarray(image), code), dtype=np.uint8)))

    def move(self, picture: Array, rng: np.random.Generator) -> Array:
        """Nothing else happens to it."""
        return self.apply(picture, rng).image
