"""The spectral residual (Hou and Zhang, CVPR 2007): what is unlike the rest of a picture, as fixations are.

The log of the amplitude spectrum minus its local average, with the picture's own phase, is transformed back, squared
and smoothed. Deterministic, without weights. Written from the paper: a side of 64 pixels, an average over 3×3. Its text
smooths the map by σ = 8; its printed code, at 64 pixels, by σ = 2.5, and so does this.
"""

from pathlib import Path

import cv2
import numpy as np

from bench_core.errors import RequestError
from bench_core.images import Array, luminance
from bench_scgan.saliency.detectors import Detector

SIDE = 64
"""The shorter side, in pixels, at which saliency is looked for (the paper: the width or height)."""

AVERAGE = 3
"""Side of the window h_n that smooths the log spectrum."""

SIGMA = 2.5
"""Of the Gaussian that smooths the map, in pixels of the small picture."""


def make(model: Path | None) -> Detector:
    """The detector; RequestError for a model, which it has not."""
    if model is not None:
        raise RequestError("the spectral residual has no model; leave --model out, or take another --detector")
    return spectral_residual


def spectral_residual(photo: Array) -> Array:
    """Saliency uint8 H×W, its highest value 255 (0 all over where nothing stands out), of a photo uint8 H×W×3."""
    height, width = photo.shape[:2]
    scale = SIDE / min(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    gray = luminance(photo)[:, :, 0].astype(np.float64) / 255
    small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    if np.ptp(small) < 1e-6:
        return np.zeros((height, width), np.uint8)
    spectrum = np.fft.fft2(small)
    # An amplitude of 0 has no logarithm.
    log_amplitude = np.log(np.abs(spectrum) + 1e-12)
    residual = log_amplitude - cv2.blur(log_amplitude, (AVERAGE, AVERAGE), borderType=cv2.BORDER_REFLECT_101)
    saliency = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    saliency = cv2.GaussianBlur(saliency, (0, 0), SIGMA)
    saliency = cv2.resize(saliency, (width, height), interpolation=cv2.INTER_LINEAR)
    saliency -= saliency.min()
    found: Array = np.rint(saliency * (255 / max(saliency.max(), 1e-300))).astype(np.uint8)
    return found
