"""What is worth knowing of a capture: how well its markers fit, how it was held, light, sharpness; and when to reject.

Everything here comes from the photo and what stands around the container; nothing of it changes the picture.
"""

from collections.abc import Collection
from typing import Any

import cv2
import numpy as np

from bench_capture.color_card import Correction, color_error
from bench_capture.markers import Array, Layout, Points
from bench_capture.registration import Pose

MAX_RMS = 1.5
LEAST_SCALE = 1.0
LEAST_SPREAD = 0.3
"""The part of the area between all markers that those found must span: of three along one edge, the far side of the
container would be guessed."""
LEAST_SHARPNESS = 1000.0
"""What markers have that were blurred by a Gaussian of about 1.5 container pixels."""
_CLIPPED, _GLARE = 254, 1.03


def corners_of(layout: Layout) -> Points:
    """The container's four outer corners, clockwise from the top left, in container pixels."""
    w, h = layout.width, layout.height
    return np.array([(0, 0), (w, 0), (w, h), (0, h)], dtype=np.float64) - 0.5


def flaw(layout: Layout, pose: Pose, rms: float, found: Collection[int], photo_shape: tuple[int, ...]) -> str | None:
    """Why a pose cannot be used, or None."""
    seen = pose.project(corners_of(layout))
    if rms > MAX_RMS:
        return f"markers fit badly ({rms:.1f} container pixels rms; {MAX_RMS} at most): paper bent, or not this sheet"
    if not _convex(seen):
        return "the markers lie as those of no flat sheet do"
    if not inside(seen, photo_shape):
        return "the container is cut off by the edge of the photo"
    spread = _spread(layout, found)
    if spread < LEAST_SPREAD:
        return f"the {len(found)} markers found lie along one edge only; the others are covered, or in glare or shadow"
    scale = pose.scale(layout)
    if scale < LEAST_SCALE:
        return f"only {scale:.2f} photo pixels per container pixel; go nearer, or use the camera's full resolution"
    return None


def inside(points: Points, photo_shape: tuple[int, ...]) -> bool:
    """Whether all points are on the photo."""
    height, width = photo_shape[:2]
    return bool((points >= -0.5).all() and (points <= (width - 0.5, height - 0.5)).all())


def _convex(quad: Points) -> bool:
    """Whether four corners go once around, clockwise: a photo does not mirror."""
    edges = np.roll(quad, -1, axis=0) - quad
    following = np.roll(edges, -1, axis=0)
    return bool((edges[:, 0] * following[:, 1] - edges[:, 1] * following[:, 0] > 0).all())


def _spread(layout: Layout, found: Collection[int]) -> float:
    """The area that the found markers' centers span, as a part of what all of the slot's do."""
    centers = {marker: corners.mean(axis=0) for marker, corners in layout.corners.items()}
    areas = []
    for markers in (found, centers):
        points = np.array([centers[marker] for marker in markers], dtype=np.float32)
        areas.append(cv2.contourArea(np.asarray(cv2.convexHull(points))))
    return float(areas[0] / areas[1])


def tilt(pose: Pose, focal: float) -> float:
    """The angle in degrees between the camera's axis and the sheet's normal, for a focal length in pixels."""
    camera = np.array([[focal, 0, pose.center[0]], [0, focal, pose.center[1]], [0, 0, 1]])
    across, down, _ = (np.linalg.inv(camera) @ pose.homography).T
    normal = np.cross(across, down)
    return float(np.rad2deg(np.arccos(min(1.0, abs(normal[2]) / np.linalg.norm(normal)))))


def facts(
    sheet: Array, corrected: Array, layout: Layout, pose: Pose, rms: float, focal: float, correction: Correction
) -> dict[str, Any]:
    """Figures of one capture; `sheet` is its rectified sheet as photographed, `corrected` with the card's correction.

    `scale` photo pixels per container pixel; `tilt_degrees`; `clipped_percent` of the container's pixels with a
    channel at black or white; `glare_percent` brighter than the white paper around; `sharpness`, the variance of the
    Laplacian over the markers (the same for every container, so that photos can be compared); `card_error` and
    `color_error`, what the correction leaves of the gray steps and of the colors, rms in levels.
    """
    left, top = layout.offset
    container = sheet[top : top + layout.height, left : left + layout.width]
    white = _paper_white(sheet, layout)
    lowest = container.min(axis=2).astype(float)
    return {
        "rms": round(rms, 3),
        "scale": round(pose.scale(layout), 3),
        "tilt_degrees": round(tilt(pose, focal), 1),
        "k1": round(pose.k1, 5),
        "clipped_percent": _percent((container >= _CLIPPED).any(axis=2) | (container <= 255 - _CLIPPED).any(axis=2)),
        "glare_percent": _percent(lowest > max(white * _GLARE, white + 4)) if white < _CLIPPED - 4 else 0.0,
        "sharpness": round(_sharpness(corrected, layout), 1),
        "card_error": round(correction.residual, 2),
        "color_error": round(color_error(corrected, layout), 2),
    }


def concerns(found: dict[str, Any], layout: Layout, markers: int) -> list[str]:
    """What a careful photographer would do better next time, of a capture that can be used."""
    checks = [
        (markers < len(layout.corners), f"only {markers} of {len(layout.corners)} markers found"),
        (found["rms"] > MAX_RMS / 2, f"markers fit loosely ({found['rms']:.2f} px rms): is the paper flat?"),
        (found["scale"] < 1.3, f"only {found['scale']:.2f} photo pixels per container pixel: go nearer"),
        (found["tilt_degrees"] > 25, f"tilted by {found['tilt_degrees']:.0f}°: hold the camera parallel"),
        (found["clipped_percent"] > 20, f"{found['clipped_percent']:.0f} % of pixels clipped: check the exposure"),
        (found["glare_percent"] > 1, f"glare on {found['glare_percent']:.1f} %: turn lamp or sheet, no flash"),
        (found["sharpness"] < LEAST_SHARPNESS, "blurred: hold still, let it focus"),
        (found["card_error"] > 12, "the gray steps do not come out even: light differs across the sheet"),
    ]
    return [text for wrong, text in checks if wrong]


def _paper_white(sheet: Array, layout: Layout) -> float:
    """How bright the brightest of the paper around the container is: its white patches."""
    from bench_capture.color_card import card_regions, patch

    whites = [patch(sheet, layout, region) for region in card_regions(layout) if region.value == (255, 255, 255)]
    return float(max(white.min() for white in whites) * 255)


def _sharpness(sheet: Array, layout: Layout) -> float:
    gray = np.asarray(cv2.cvtColor(sheet, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    left, top = layout.offset
    variances = []
    for corners in layout.corners.values():
        x, y = (round(value) for value in corners[0] + 0.5)
        marker = gray[y + top : y + top + layout.side, x + left : x + left + layout.side]
        variances.append(float(cv2.Laplacian(marker, cv2.CV_64F).var()))
    return float(np.median(variances))


def _percent(where: Any) -> float:
    return round(float(where.mean() * 100), 2)
