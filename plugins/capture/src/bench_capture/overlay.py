"""Moire as PIMoG draws it: cosine rings and gratings added to the picture, a light mask, noise; no sensor, no stripes.

After Fang et al., "PIMoG: An Effective Screen-shooting Noise-Layer Simulation", ACM MM 2022, whose pictures are on
-1..1 and whose photo has as many pixels as the screen.
"""

import math
from typing import Any

import cv2
import numpy as np

from bench_capture.camera import Photo
from bench_capture.framing import Frame, Sheet, frame, look_up
from bench_capture.severities import Overlay
from bench_capture.tone import Plane
from bench_core.degradation import Array


def photograph(sheet: Sheet, overlay: Overlay, rng: np.random.Generator) -> Photo:
    """Warp a sheet a little, and add light, moire and noise."""
    shifts = rng.uniform(-overlay.corner_jitter, overlay.corner_jitter, (4, 2))
    taken = frame(sheet, scale=1.0, rotation=0.0, shifts=shifts, k1=0.0)
    seen = cv2.remap(sheet.image, *look_up(taken, sheet, 1), cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)
    mask, light = light_mask(taken, overlay, rng)
    signal = seen.astype(np.float32) / np.float32(127.5) - 1
    signal *= mask[:, :, None]
    signal *= np.float32(1 - overlay.moire)
    patterns = []
    for channel in range(3):
        pattern, drawn = moire_pattern(taken, rng)
        signal[:, :, channel] += np.float32(overlay.moire) * pattern
        patterns.append(drawn)
    signal += np.float32(math.sqrt(overlay.noise_variance)) * rng.standard_normal(signal.shape, dtype=np.float32)
    image: Array = np.rint(np.clip((signal + 1) * np.float32(127.5), 0, 255)).astype(np.uint8)
    details = {
        "pose": {"corner_shifts": shifts.tolist(), "homography": taken.pose.homography.tolist(), "k1": 0.0},
        "light": light,
        "moire": patterns,
        "photo": {"width": taken.width, "height": taken.height},
    }
    return Photo(image, taken, details)


def light_mask(taken: Frame, overlay: Overlay, rng: np.random.Generator) -> tuple[Plane, dict[str, Any]]:
    """What the picture is multiplied by, float32 H×W, and what was drawn for it.

    From `dark` to `bright` it either grows evenly along one of the four sides, or falls off around a lamp.
    """
    near, far = overlay.light
    dark, bright = 1 - rng.uniform(near, far), 1 + rng.uniform(near, far)
    quarter_turns = int(rng.integers(4))
    lamp_x, lamp_y = rng.uniform(0, taken.width - 1), rng.uniform(0, taken.height - 1)
    x, y = np.arange(taken.width)[None, :], np.arange(taken.height)[:, None]
    drawn: dict[str, Any] = {"dark": float(dark), "bright": float(bright)}
    if rng.integers(2):
        distance = np.hypot(x - lamp_x, y - lamp_y)
        share = 1 - distance / distance.max()
        drawn["lamp"] = [float(lamp_x), float(lamp_y)]
    else:
        along = (x / max(1, taken.width - 1) + 0 * y, 0 * x + y / max(1, taken.height - 1))[quarter_turns % 2]
        share = along if quarter_turns < 2 else 1 - along
        drawn["direction"] = 90.0 * quarter_turns
    return (dark + (bright - dark) * share).astype(np.float32), drawn


def moire_pattern(taken: Frame, rng: np.random.Generator) -> tuple[Plane, dict[str, float]]:
    """The lesser of rings and a grating, float32 H×W in 0..1, and what was drawn for it.

    The rings have a period of one pixel: what is seen of them is their own moire with the pixel grid.
    """
    theta = float(rng.uniform(0, 180))
    center_x, center_y = float(rng.uniform(0, taken.width)), float(rng.uniform(0, taken.height))
    x, y = np.arange(1, taken.width + 1)[None, :], np.arange(1, taken.height + 1)[:, None]
    rings = np.cos(2 * np.pi * np.hypot(x - center_x, y - center_y))
    grating = np.cos(np.cos(np.deg2rad(theta)) * x + np.sin(np.deg2rad(theta)) * y)
    pattern = (0.5 + 0.5 * np.minimum(rings, grating)).astype(np.float32)
    return pattern, {"angle": theta, "x": center_x, "y": center_y}
