"""A phone's camera: what varies from shot to shot, and the way from a render to the photo."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from bench_capture.framing import Frame, Sheet, frame, look_up
from bench_capture.sensor import develop
from bench_capture.severities import Camera
from bench_capture.tone import Colors, Plane
from bench_core.degradation import Array

BACKGROUND = 0.35
"""Linear light of the table, or the wall, around the sheet."""


@dataclass(frozen=True)
class Conditions:
    """What one shot drew."""

    rotation: float
    corner_shifts: np.ndarray[Any, np.dtype[np.float64]]
    """4×2, in shares of the sheet's sides."""
    light_direction: float
    exposure: float
    """Stops."""
    white_balance: tuple[float, float, float]
    motion_angle: float


@dataclass(frozen=True)
class Photo:
    """A photo, uint8 H×W×3, how the container lies in it, and what was drawn, as plain numbers by stage."""

    image: Array
    frame: Frame
    details: dict[str, Any]


def draw(camera: Camera, rng: np.random.Generator) -> Conditions:
    """Draw one shot's conditions. Angles are in degrees, counted from right to down, as y grows."""
    rotation = rng.uniform(-camera.rotation, camera.rotation)
    shifts = rng.uniform(-camera.corner_jitter, camera.corner_jitter, (4, 2))
    direction = rng.uniform(0, 360)
    exposure = rng.uniform(-camera.exposure, 0.3 * camera.exposure)
    red, green, blue = rng.uniform(-camera.white_balance, camera.white_balance, 3)
    angle = rng.uniform(0, 180)
    return Conditions(rotation, shifts, direction, exposure, (red, green, blue), angle)


def photograph(
    sheet: Sheet, render: Iterable[Plane], up: int, camera: Camera, conditions: Conditions, rng: np.random.Generator
) -> Photo:
    """Take a photo of a render: red, green and blue planes, `up` render pixels a pixel of the sheet."""
    height, width = sheet.image.shape[:2]
    taken = frame(
        sheet,
        scale=camera.scale,
        rotation=conditions.rotation,
        shifts=conditions.corner_shifts * (width, height),
        k1=camera.k1,
    )
    light = project(render, taken, sheet, up, camera)
    light *= illumination(taken, camera, conditions)[:, :, None]
    light = blur(light, camera, conditions.motion_angle)
    image, encoded_bytes = develop(light, camera, conditions.white_balance, rng)
    return Photo(image, taken, _details(image, encoded_bytes, taken, camera, conditions))


def project(render: Iterable[Plane], taken: Frame, sheet: Sheet, up: int, camera: Camera) -> Colors:
    """The render on the sensor's grid, float32 H×W×3, each pixel the mean over about its own area."""
    sigma = camera.aperture * up / camera.scale
    maps = cv2.convertMaps(*look_up(taken, sheet, up), cv2.CV_16SC2)
    planes = [
        cv2.remap(
            cv2.GaussianBlur(plane, (0, 0), sigma),
            *maps,
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=BACKGROUND,
        )
        for plane in render
    ]
    light: Colors = cv2.merge(planes)
    return light


def illumination(taken: Frame, camera: Camera, conditions: Conditions) -> Plane:
    """The light that reaches each photo pixel, float32 H×W, about 1: gradient, vignetting and exposure.

    The gradient is half a period of a cosine across the photo's diagonal; vignetting grows with r², r = 1 at the
    corners.
    """
    (center_x, center_y), radius = taken.pose.center, taken.pose.half_diagonal
    x = ((np.arange(taken.width) - center_x) / radius).astype(np.float32)[None, :]
    y = ((np.arange(taken.height) - center_y) / radius).astype(np.float32)[:, None]
    direction = np.deg2rad(conditions.light_direction)
    along = x * np.float32(np.cos(direction)) + y * np.float32(np.sin(direction))
    light = 1 + np.float32(camera.gradient) * np.cos(np.float32(np.pi / 2) * (1 + along))
    light *= 1 - np.float32(camera.vignetting) * (x**2 + y**2)
    light *= np.float32(2**conditions.exposure)
    return light


def blur(light: Colors, camera: Camera, motion_angle: float) -> Colors:
    """The lens out of focus, and the hand that moved while the shutter was open."""
    if camera.defocus:
        light = cv2.GaussianBlur(light, (0, 0), camera.defocus * camera.scale)
    if camera.motion:
        light = cv2.filter2D(light, -1, line_kernel(camera.motion * camera.scale, motion_angle))
    return light


def line_kernel(length: float, angle: float) -> Plane:
    """A line of `length` pixels at `angle` degrees, through the center of an odd kernel, of sum 1.

    It is drawn as many points, each shared among its four neighbors, symmetrically: it moves nothing.
    """
    half = length / 2
    reach = int(np.ceil(half))
    along = np.linspace(-half, half, 16 * reach + 1)
    kernel = np.zeros((2 * reach + 3, 2 * reach + 3))
    x = along * np.cos(np.deg2rad(angle)) + reach + 1
    y = along * np.sin(np.deg2rad(angle)) + reach + 1
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, down = x - left, y - top
    for column, across in ((left, 1 - right), (left + 1, right)):
        for row, along_y in ((top, 1 - down), (top + 1, down)):
            np.add.at(kernel, (row, column), across * along_y)
    weights: Plane = (kernel / kernel.sum()).astype(np.float32)
    return weights


def _details(image: Array, encoded_bytes: int, taken: Frame, camera: Camera, conditions: Conditions) -> dict[str, Any]:
    return {
        "pose": {
            "rotation": float(conditions.rotation),
            "corner_shifts": conditions.corner_shifts.tolist(),
            "homography": taken.pose.homography.tolist(),
            "k1": float(camera.k1),
        },
        "light": {
            "direction": float(conditions.light_direction),
            "gradient": camera.gradient,
            "vignetting": camera.vignetting,
            "exposure": float(conditions.exposure),
        },
        "lens": {"motion_angle": float(conditions.motion_angle)},
        "sensor": {"white_balance": [float(error) for error in conditions.white_balance]},
        "photo": {"width": image.shape[1], "height": image.shape[0], "bytes": encoded_bytes},
    }
