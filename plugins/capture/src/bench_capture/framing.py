"""How a sheet lies in the photo: the pose, and where each photo pixel looks at the render."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from bench_capture.registration import Pose, frame_of
from bench_core.degradation import Array

Points = np.ndarray[Any, np.dtype[Any]]
"""Float64 N×2, x and y."""

BORDER = 8
"""Photo pixels of background around the sheet."""


@dataclass(frozen=True)
class Sheet:
    """What is printed or shown: uint8 H×W×3, with the container's first pixel at (`left`, `top`)."""

    image: Array
    left: int
    top: int

    @property
    def corners(self) -> Points:
        """The sheet's corners in container pixels, 4×2, clockwise from the top left."""
        height, width = self.image.shape[:2]
        x0, y0 = -self.left - 0.5, -self.top - 0.5
        return np.array([[x0, y0], [x0 + width, y0], [x0 + width, y0 + height], [x0, y0 + height]])


@dataclass(frozen=True)
class Frame:
    """A photo's size, and the pose of the container in it."""

    pose: Pose
    width: int
    height: int


def frame(sheet: Sheet, *, scale: float, rotation: float, shifts: Points, k1: float) -> Frame:
    """Hold the camera: turn by `rotation` degrees, move the corners, and keep the sheet in view.

    `scale` is photo pixels a container pixel; `shifts` (4×2) are in container pixels. Radial distortion with k1 >= 0
    draws points towards the center, so what is in view without it stays so.
    """
    corners = sheet.corners
    center = corners.mean(axis=0)
    cos, sin = np.cos(np.deg2rad(rotation)), np.sin(np.deg2rad(rotation))
    turned = (corners - center) @ np.array([[cos, sin], [-sin, cos]])
    target = (turned + shifts) * scale
    target += BORDER - 0.5 - target.min(axis=0)
    width, height = (int(side) for side in np.ceil(target.max(axis=0) + 0.5 + BORDER))
    homography: Points = cv2.getPerspectiveTransform(corners.astype(np.float32), target.astype(np.float32))
    return Frame(Pose(homography, k1, *frame_of((height, width))), width, height)


def look_up(shot: Frame, sheet: Sheet, up: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Where each photo pixel looks at a render of `up` pixels a container pixel: maps for cv2.remap."""
    center_x, center_y = shot.pose.center
    x = (np.arange(shot.width) - center_x)[None, :]
    y = (np.arange(shot.height) - center_y)[:, None]
    bend = 1 + shot.pose.k1 * (x**2 + y**2) / shot.pose.half_diagonal**2
    x, y = center_x + x * bend, center_y + y * bend
    into_render = np.array([[up, 0, (sheet.left + 0.5) * up - 0.5], [0, up, (sheet.top + 0.5) * up - 0.5], [0, 0, 1]])
    back = into_render @ np.linalg.inv(shot.pose.homography)
    depth = back[2, 0] * x + back[2, 1] * y + back[2, 2]
    map_x = (back[0, 0] * x + back[0, 1] * y + back[0, 2]) / depth
    map_y = (back[1, 0] * x + back[1, 1] * y + back[1, 2]) / depth
    return map_x.astype(np.float32), map_y.astype(np.float32)
