"""Between sRGB values and linear light (IEC 61966-2-1), and the display's gamma."""

from typing import Any

import numpy as np

from bench_core.degradation import Array

Plane = np.ndarray[Any, np.dtype[Any]]
"""One channel, float32 H×W."""

Colors = np.ndarray[Any, np.dtype[Any]]
"""Three channels, float32 H×W×3."""

DISPLAY_GAMMA = 2.2

_FINE = 65535  # steps of the encoding table: 0.05 levels where the curve is steepest


def _decode(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _encode(light: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


_LINEAR = _decode(np.arange(256) / 255).astype(np.float32)
_EMITTED = ((np.arange(256) / 255) ** DISPLAY_GAMMA).astype(np.float32)
_ENCODED = _encode(np.arange(_FINE + 1) / _FINE).astype(np.float32)


def srgb_to_linear(image: Array) -> Colors:
    """Linear light in 0..1, float32, of uint8 sRGB values."""
    linear: Colors = _LINEAR[image]
    return linear


def display_to_linear(image: Array) -> Colors:
    """What a screen of gamma 2.2 emits for uint8 values, in 0..1, float32."""
    emitted: Colors = _EMITTED[image]
    return emitted


def linear_to_srgb(light: Colors) -> Colors:
    """SRGB values in 0..1, float32, of linear light, which is clipped to 0..1. Consumes `light`."""
    light *= np.float32(_FINE)
    light += np.float32(0.5)
    np.clip(light, 0, _FINE, out=light)
    encoded: Colors = _ENCODED[light.astype(np.uint16)]
    return encoded
