"""Round trips through Pillow's encoders: bytes and pixels, nothing else.

Both codecs are single-threaded and release the interpreter lock while they work, so threads run them side by side.
"""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from bench_core.degradation import Array

SUBSAMPLING = {"444": 0, "422": 1, "420": 2}
"""Chroma subsampling as Pillow numbers it."""

JPEG_SIDE = 65500
WEBP_SIDE = 16383


@dataclass(frozen=True)
class Trip:
    """The decoded picture and the size of the file it came from."""

    image: Array
    encoded_bytes: int


def jpeg(image: Array, quality: int, subsampling: str) -> Trip:
    """Encode as baseline JPEG with libjpeg's standard tables, and decode.

    A one-channel picture is coded in mode L: one component, the luma table, no chroma to subsample. Neither
    `optimize` nor `progressive`: they change bytes and time, not pixels.
    """
    picture, options = _picture(image), {"quality": quality}
    if picture.mode == "RGB":
        options["subsampling"] = SUBSAMPLING[subsampling]
    return _trip(picture, "JPEG", picture.mode, **options)


def webp(image: Array, quality: float, method: int) -> Trip:
    """Encode as lossy WebP (always 4:2:0, BT.601 limited range), and decode.

    WebP has no gray mode: a gray picture is coded as RGB, and its decoded R, G, B differ a little; the gray that
    comes out is their Pillow luma, `convert("L")`.
    """
    picture = _picture(image)
    return _trip(picture, "WEBP", picture.mode, lossless=False, quality=quality, method=method)


def webp_lossless(image: Array) -> Trip:
    """Encode as lossless WebP, and decode."""
    picture = _picture(image)
    return _trip(picture, "WEBP", picture.mode, lossless=True)


def _picture(image: Array) -> Image.Image:
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def _trip(picture: Image.Image, codec: str, mode: str, **options: Any) -> Trip:
    file = io.BytesIO()
    picture.save(file, codec, **options)
    size = file.tell()
    file.seek(0)
    with Image.open(file, formats=(codec,)) as opened:
        decoded = opened if opened.mode == mode else opened.convert(mode)
        pixels = np.array(decoded)
    return Trip(pixels[..., None] if pixels.ndim == 2 else pixels, size)
