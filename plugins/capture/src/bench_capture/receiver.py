"""The receiver of a simulated photo: where the container is, taking it out, and its colors."""

import warnings
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from bench_capture.camera import Photo
from bench_capture.color_card import fit_correction
from bench_capture.framing import Points
from bench_capture.markers import Layout, detect
from bench_capture.quality import MAX_RMS
from bench_capture.registration import Pose, fit, rectify
from bench_capture.tone import Plane, srgb_to_linear
from bench_core.degradation import Array
from bench_core.errors import CellFailure
from bench_core.images import luminance

GRID = 9
"""Points a side of the grid over the container on which an estimated pose is compared with the true one."""

_ECC_STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-5)
_ECC_SMOOTH = 5  # side of ECC's own Gaussian, pixels
_ECC_COARSE = 8.0  # sigma of what changes slowly, pixels
_ECC_RIM = 10  # pixels
_ECC_REACH = 2.0  # container pixels; found markers are never that far off


@dataclass(frozen=True)
class Registration:
    """Where the receiver takes the container to be, and what is known of how good that is.

    `sheet` is the pose that goes for the sheet around it too: what is done to the container's four corners alone would
    throw the card of a tiny container off the photo.
    """

    pose: Pose
    sheet: Pose
    details: dict[str, Any]


def from_markers(photo: Photo, layout: Layout) -> Registration:
    """The pose that a receiver finds by the markers; the details tell how far it is from the true one.

    `rms` is of the markers' corners, `grid_rms` of a grid over the container against the truth; container pixels.

    Raises:
        CellFailure: `capture_failed`, where too few markers are found, or no pose fits them as photos must.
    """
    found = detect(photo.image, wanted=set(layout.corners))
    try:
        pose, rms = fit(layout, found, photo.image.shape)
    except ValueError as error:
        raise CellFailure("capture_failed", str(error)) from None
    off = grid_error(pose, photo.frame.pose, layout.width, layout.height)
    if not (rms <= MAX_RMS and np.isfinite(off)):  # NaN too
        raise CellFailure("capture_failed", f"markers fit badly ({rms:.1f} container pixels rms; {MAX_RMS} at most)")
    return Registration(pose, pose, {"markers": len(found), "rms": rms, "k1": pose.k1, "grid_rms": off})


def grid_error(pose: Pose, truth: Pose, width: int, height: int) -> float:
    """Rms distance, in container pixels, between where two poses see a 9×9 grid over a `width`×`height` container."""
    x, y = np.meshgrid(np.linspace(0, width - 1, GRID), np.linspace(0, height - 1, GRID))
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    seen = pose.unproject(truth.project(points))
    return float(np.sqrt(((seen - points) ** 2).sum(axis=1).mean()))


def jittered(pose: Pose, width: int, height: int, jitter: float, rng: np.random.Generator) -> Registration:
    """The pose with each of the container's corners off by N(0, jitter) container pixels on both axes.

    Raises:
        CellFailure: `capture_failed`, where the corners of a tiny container cross.
    """
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32) - np.float32(0.5)
    moved = corners + rng.normal(0, jitter, (4, 2)).astype(np.float32)
    if not cv2.isContourConvex(moved) or cv2.contourArea(moved, oriented=True) <= 0:
        raise CellFailure("capture_failed", f"a jitter of {jitter:g} pixels turned the {width}x{height} picture over")
    warp: Points = cv2.getPerspectiveTransform(corners, moved)
    wrong = moved_by(pose, warp)
    shifts = (moved - corners).astype(float).tolist()
    return Registration(wrong, pose, {"corner_shifts": shifts, "grid_rms": grid_error(wrong, pose, width, height)})


def moved_by(pose: Pose, homography: Points) -> Pose:
    """The pose of a container whose pixels first go through `homography`."""
    return replace(pose, homography=pose.homography @ homography)


def refined_by_ecc(photo: Photo, first: Registration, container: Array) -> Registration:
    """An oracle: the pose refined by maximal correlation with the true container (ECC, Evangelidis 2008).

    Compared are linear light, where blur moves no edge, as the photo shows the container's tones, without what changes
    slowly, which is the lamp's, and without the rim, into which the white around it is blurred. Where ECC does not
    converge, as on a flat picture, or wanders off, the pose stays and `ecc` is None.
    """
    height, width = container.shape[:2]
    seen = _light(rectify(photo.image, first.pose, width, height))
    true = _light(container)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", np.exceptions.RankWarning)  # few tones: the curve has freedom to spare
        true = np.polyval(np.polyfit(true.ravel(), seen.ravel(), 3), true).astype(np.float32)
    rim_x, rim_y = (min(_ECC_RIM, side // 4) for side in (width, height))
    mask = np.zeros((height, width), np.uint8)
    mask[rim_y : height - rim_y, rim_x : width - rim_x] = 255
    start = np.eye(3, dtype=np.float32)
    try:
        correlation, warp = cv2.findTransformECC(
            _fine(true), _fine(seen), start, cv2.MOTION_HOMOGRAPHY, _ECC_STOP, mask, _ECC_SMOOTH
        )
    except cv2.error:
        return replace(first, details={**first.details, "ecc": None})
    pose = moved_by(first.pose, np.asarray(warp, np.float64))
    if not grid_error(pose, first.pose, width, height) < _ECC_REACH:  # NaN too
        return replace(first, details={**first.details, "ecc": None})
    off = grid_error(pose, photo.frame.pose, width, height)
    return Registration(pose, first.sheet, {**first.details, "grid_rms": off, "ecc": float(correlation)})


def _light(image: Array) -> Plane:
    return srgb_to_linear(luminance(image)[:, :, 0])


def _fine(plane: Plane) -> Plane:
    fine: Plane = plane - cv2.GaussianBlur(plane, (0, 0), _ECC_COARSE)
    return fine


def corrected_by_card(seen: Array, photo: Photo, pose: Pose, layout: Layout) -> tuple[Array, dict[str, Any]]:
    """`seen`, uint8 H×W×3, with the curves that the card on the sheet asks for; `pose` tells where the card is."""
    left, top, right, bottom = layout.sheet
    correction = fit_correction(rectify(photo.image, pose, right - left, bottom - top, origin=(left, top)), layout)
    details = {
        "gain": list(correction.gain),
        "offset": list(correction.offset),
        "gamma": list(correction.gamma),
        "residual": correction.residual,
    }
    return correction.apply(seen), details


def corrected_by_oracle(seen: Array, container: Array) -> tuple[Array, dict[str, Any]]:
    """An oracle: each channel's least-squares line to the true container's values, uint8 H×W×3 of both.

    `gain` and `offset` (levels) are of sRGB values; a channel that shows nothing but one level is moved, not scaled.
    """
    gains, offsets = [], []
    for channel in range(3):
        x, y = seen[:, :, channel].astype(np.float64), container[:, :, channel % container.shape[2]].astype(np.float64)
        variance = x.var()
        gain = float(((x - x.mean()) * (y - y.mean())).mean() / variance) if variance > 0 else 1.0
        gains.append(gain)
        offsets.append(float(y.mean() - gain * x.mean()))
    values = seen * np.array(gains) + np.array(offsets)
    image: Array = np.rint(np.clip(values, 0, 255)).astype(np.uint8)
    return image, {"gain": gains, "offset": offsets}
