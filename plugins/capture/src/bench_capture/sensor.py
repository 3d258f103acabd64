"""A color sensor and its signal processor: linear light to the 8-bit photo that a phone writes."""

import io
from typing import Any

import cv2
import numpy as np
from PIL import Image

from bench_capture.severities import Camera
from bench_capture.tone import Colors, Plane, linear_to_srgb
from bench_core.degradation import Array

GAINS = (2.1, 1.0, 1.7)
"""White balance of the scene's light: what red, green and blue raw values are multiplied by."""

_RAW_WHITE = 65535


def read_noise(shot: float) -> float:
    """Variance of the read noise of a sensor with that shot noise: log read = 2.18 log shot + 1.20.

    Fitted to phone photos by Brooks et al., "Unprocessing Images for Learned Raw Denoising", CVPR 2019.
    """
    return float(np.exp(2.18 * np.log(shot) + 1.20)) if shot > 0 else 0.0


def mosaic(light: Colors) -> Plane:
    """Raw values, float32 H×W, of linear light H×W×3 behind an RGGB filter, before the gains."""
    raw: Plane = light[:, :, 1] / np.float32(GAINS[1])
    raw[0::2, 0::2] = light[0::2, 0::2, 0] / np.float32(GAINS[0])
    raw[1::2, 1::2] = light[1::2, 1::2, 2] / np.float32(GAINS[2])
    return raw


def add_noise(raw: Plane, shot: float, rng: np.random.Generator) -> Plane:
    """Add Gaussian noise of variance `shot * x + read`, in place."""
    noise: Plane = rng.standard_normal(raw.size, dtype=np.float32).reshape(raw.shape)
    variance: Plane = np.maximum(raw, 0)
    variance *= np.float32(shot)
    variance += np.float32(read_noise(shot))
    np.sqrt(variance, out=variance)
    noise *= variance
    raw += noise
    return raw


def demosaic(raw: Plane) -> Colors:
    """Linear light, float32 H×W×3, of raw values H×W, which are clipped to 0..1 and rounded to 16 bits.

    OpenCV names Bayer patterns by the second row's second and third pixel: its BayerBG is everyone's RGGB.
    """
    codes = np.rint(np.clip(raw, 0, 1) * np.float32(_RAW_WHITE)).astype(np.uint16)
    colors: Colors = cv2.cvtColor(codes, cv2.COLOR_BayerBG2RGB).astype(np.float32)
    colors *= np.array(GAINS, np.float32) / np.float32(_RAW_WHITE)
    return colors


def develop(
    light: Colors, camera: Camera, white_balance: tuple[float, float, float], rng: np.random.Generator
) -> tuple[Array, int]:
    """The photo, uint8 H×W×3, of linear light on the sensor (float32 H×W×3, 1 = white), and its size in bytes.

    `white_balance` are the errors of the three gains, as shares of them.
    """
    raw = mosaic(light)
    colors = demosaic(add_noise(raw, camera.shot_noise, rng))
    colors *= 1 + np.array(white_balance, np.float32)
    values = linear_to_srgb(colors)
    if camera.sharpening:
        values = cv2.addWeighted(
            values, 1 + camera.sharpening, cv2.GaussianBlur(values, (0, 0), 1.0), -camera.sharpening, 0
        )
    photo: Array = np.rint(np.clip(values, 0, 1) * np.float32(255)).astype(np.uint8)
    return (photo, photo.nbytes) if camera.jpeg is None else jpeg(photo, camera.jpeg)


def jpeg(photo: Array, quality: int) -> tuple[Array, int]:
    """The photo as its 4:2:0 JPEG file gives it back, and the file's size in bytes."""
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "JPEG", quality=quality, subsampling=2)
    with Image.open(file) as image:
        decoded: np.ndarray[Any, np.dtype[np.uint8]] = np.asarray(image)
    return decoded, file.getbuffer().nbytes
