"""Fiducial markers: how they are drawn, where they stand around a container, and how a photo is searched for them.

Coordinates are pixels with the center of pixel (0, 0) at (0, 0), so its corner is (-0.5, -0.5), and a marker of side S
whose first pixel is (x, y) has the corners (x - 0.5, y - 0.5) … (x + S - 0.5, y + S - 0.5). Container coordinates count
from the container's own first pixel; markers lie outside of it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

Array = np.ndarray[Any, np.dtype[np.uint8]]
Points = np.ndarray[Any, np.dtype[np.float64]]

DICTIONARY_NAME = "DICT_APRILTAG_36h11"
MODULES = 8
"""The side of a marker in modules: six of data within a black border."""
SLOT_MARKERS = 8
"""How many ids belong to one slot, whether or not all of them are printed."""
MAX_SLOTS = 587 // SLOT_MARKERS
"""How many slots a sheet may have: the dictionary has 587 ids."""

_ENOUGH = 3
_WINDOW = 0.5
"""Half of the side of the window in which a corner is refined, in modules. The larger, the less blur and noise move
the corner; from 0.7 on, the window of a marker that is turned by 45° reaches the data inside the border."""
_LARGEST_WINDOW = 20
_DICTIONARY = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, DICTIONARY_NAME))


@dataclass(frozen=True)
class Layout:
    """Where a slot's markers stand, in container pixels.

    `corners` maps each marker's id to its four corners (float64 4×2), clockwise from the marker's own top left one.
    Around every marker is a quiet zone of at least one module; the sheet ends where the outer quiet zone does.
    """

    width: int
    height: int
    side: int
    corners: Mapping[int, Points]

    @property
    def quiet(self) -> int:
        """The width of the quiet zone in pixels: one module."""
        return -(-self.side // MODULES)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """The pixels (x0, y0, x1, y1), ends excluded, that the markers stand around.

        It is the container, or what is around a container too small for the color card to stand between the markers.
        """
        least = self.side + 2 * (self.quiet + self.side // 2)
        x0 = -max(0, (least - self.width) // 2)
        y0 = -max(0, (least - self.height) // 2)
        return x0, y0, x0 + max(self.width, least), y0 + max(self.height, least)

    @property
    def sheet(self) -> tuple[int, int, int, int]:
        """The pixels (x0, y0, x1, y1), ends excluded, of the sheet: the box, its markers and their quiet zones."""
        x0, y0, x1, y1 = self.box
        ring = self.side + 2 * self.quiet
        return x0 - ring, y0 - ring, x1 + ring, y1 + ring

    @property
    def offset(self) -> tuple[int, int]:
        """Where the container's first pixel (x, y) is on the sheet."""
        return -self.sheet[0], -self.sheet[1]


def slot_layout(width: int, height: int, slot: int = 0, count: int = SLOT_MARKERS, side: int = 64) -> Layout:
    """The markers of one slot, whose container is `width`×`height` pixels.

    `count` 8 puts one at each corner and at the middle of each edge, 4 only at the corners. Ids are 8·slot and
    following: corners first, clockwise from the top left, then edges, clockwise from the top.

    Raises:
        ValueError: for a slot the dictionary has no ids for, another count, a side that is no multiple of 8, or no
            container.
    """
    if not 0 <= slot < MAX_SLOTS:
        raise ValueError(f"slot must be 0..{MAX_SLOTS - 1}, not {slot}")
    if count not in (4, SLOT_MARKERS):
        raise ValueError(f"count must be 4 or {SLOT_MARKERS}, not {count}")
    if side < MODULES or side % MODULES:
        raise ValueError(f"side must be a multiple of {MODULES}, not {side}")
    if width < 1 or height < 1:
        raise ValueError(f"a container has at least one pixel, not {width}x{height}")
    bare = Layout(width, height, side, {})
    x0, y0, x1, y1 = bare.box
    left, top, right, bottom = x0 - bare.quiet - side, y0 - bare.quiet - side, x1 + bare.quiet, y1 + bare.quiet
    middle_x, middle_y = (x0 + x1 - side) // 2, (y0 + y1 - side) // 2
    places = [(left, top), (right, top), (right, bottom), (left, bottom)]
    places += [(middle_x, top), (right, middle_y), (middle_x, bottom), (left, middle_y)]
    first = SLOT_MARKERS * slot
    return Layout(width, height, side, {first + n: _corners(x, y, side) for n, (x, y) in enumerate(places[:count])})


def _corners(x: int, y: int, side: int) -> Points:
    return np.array([(x, y), (x + side, y), (x + side, y + side), (x, y + side)], dtype=np.float64) - 0.5


def draw_marker(marker_id: int, side: int) -> Array:
    """A marker as uint8 side×side, black and white, without its quiet zone."""
    return np.asarray(cv2.aruco.generateImageMarker(_DICTIONARY, marker_id, side), dtype=np.uint8)


def detect(photo: Array, *, wanted: Collection[int] | None = None) -> dict[int, Points]:
    """The corners (float64 4×2, clockwise from the marker's top left) of the markers in a uint8 H×W or H×W×C photo.

    `wanted` limits which ids are looked for. A marker seen twice is dropped: one of the two is something else.
    """
    return _search(_gray(photo), wanted, cv2.aruco.CORNER_REFINE_SUBPIX)


def detect_harder(photo: Array, enough: Callable[[Mapping[int, Points]], bool]) -> tuple[dict[int, Points], list[str]]:
    """The markers in a photo, looked for in more and more costly ways until `enough` of those found.

    After a plain search: at half size, at 1.5 times the size, with local contrast equalized (CLAHE), and with
    AprilTag's own corner refinement. A later search adds markers and never moves one already found. Returns the
    corners by id, and the names of the further searches made.
    """
    gray = _gray(photo)
    found = _search(gray, None, cv2.aruco.CORNER_REFINE_SUBPIX)
    tried: list[str] = []
    for name, more in _further_searches(gray):
        if enough(found):
            break
        found = {**more(), **found}
        tried.append(name)
    return found, tried


def _further_searches(gray: Array) -> Iterator[tuple[str, Callable[[], dict[int, Points]]]]:
    subpix, apriltag = cv2.aruco.CORNER_REFINE_SUBPIX, cv2.aruco.CORNER_REFINE_APRILTAG
    yield "half size", lambda: _scaled_search(gray, 0.5, cv2.INTER_AREA)
    yield "1.5 times the size", lambda: _scaled_search(gray, 1.5, cv2.INTER_CUBIC)
    yield "equalized", lambda: _search(_equalized(gray), None, subpix)
    yield "AprilTag refinement", lambda: _search(gray, None, apriltag)


def _equalized(gray: Array) -> Array:
    return np.asarray(cv2.createCLAHE(3.0, (8, 8)).apply(gray), dtype=np.uint8)


def _scaled_search(gray: Array, factor: float, interpolation: int) -> dict[int, Points]:
    height, width = gray.shape
    size = max(1, round(width * factor)), max(1, round(height * factor))
    scaled = np.asarray(cv2.resize(gray, size, interpolation=interpolation), dtype=np.uint8)
    scale = np.array([width / size[0], height / size[1]])
    found = _search(scaled, None, cv2.aruco.CORNER_REFINE_SUBPIX)
    return {marker: (corners + 0.5) * scale - 0.5 for marker, corners in found.items()}


def _search(gray: Array, wanted: Collection[int] | None, refinement: int) -> dict[int, Points]:
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = refinement
    parameters.cornerRefinementWinSize = _LARGEST_WINDOW
    parameters.relativeCornerRefinmentWinSize = _WINDOW
    corners, ids, _ = cv2.aruco.ArucoDetector(_DICTIONARY, parameters).detectMarkers(gray)
    names = [] if ids is None else [int(marker) for marker in np.ravel(ids)]
    # OpenCV's AprilTag refinement counts from the corner of the first pixel, its other modes from the center.
    shift = 0.5 if refinement == cv2.aruco.CORNER_REFINE_APRILTAG else 0.0
    return {
        marker: np.asarray(points, dtype=np.float64).reshape(4, 2) - shift
        for marker, points in zip(names, corners, strict=True)
        if names.count(marker) == 1 and (wanted is None or marker in wanted)
    }


def _gray(photo: Array) -> Array:
    if photo.ndim == 2:
        return photo
    if photo.shape[2] == 1:
        return np.ascontiguousarray(photo[:, :, 0])
    return np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def enough_for_a_pose(found: Collection[int], slot: int) -> bool:
    """Whether at least three of a slot's markers are among those found."""
    return sum(marker // SLOT_MARKERS == slot for marker in found) >= _ENOUGH
