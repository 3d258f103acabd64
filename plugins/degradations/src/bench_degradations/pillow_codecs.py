"""Round trips through Pillow's encoders: bytes and pixels, nothing else.

All run on one thread. They release the interpreter lock while they work, so threads run them side by side; JPEG 2000
alone holds it.
"""

import io
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from bench_core.degradation import Array
from bench_degradations.arrays import to_array, to_picture

SUBSAMPLING = {"444": 0, "422": 1, "420": 2}
"""Chroma subsampling as Pillow's JPEG writer numbers it."""

JPEG_SIDE = 65500
WEBP_SIDE = 16383
AVIF_SIDE = 32768
JXL_SIDE = 262144
JP2_SIDE = PNG_SIDE = 2**31 - 1


@dataclass(frozen=True)
class Trip:
    """The decoded picture, the size of the file it came from, and what else is worth recording."""

    image: Array
    encoded_bytes: int
    details: dict[str, Any] = field(default_factory=dict)


def jpeg(image: Array, quality: int, subsampling: str) -> Trip:
    """Encode as baseline JPEG with libjpeg's standard tables, and decode.

    A one-channel picture is coded in mode L: one component, the luma table, no chroma to subsample. Neither
    `optimize` nor `progressive`: they change bytes and time, not pixels.
    """
    options = {} if image.shape[2] == 1 else {"subsampling": SUBSAMPLING[subsampling]}
    return _trip(image, "JPEG", quality=quality, **options)


def webp(image: Array, quality: float, method: int) -> Trip:
    """Encode as lossy WebP (always 4:2:0, BT.601 limited range), and decode.

    WebP has no gray mode: a gray picture is coded as RGB, and its decoded R, G, B differ a little; the gray that
    comes out is their Pillow luma, `convert("L")`.
    """
    return _trip(image, "WEBP", lossless=False, quality=quality, method=method)


def webp_lossless(image: Array) -> Trip:
    """Encode as lossless WebP, and decode."""
    return _trip(image, "WEBP", lossless=True)


def avif(image: Array, quality: int, speed: int, subsampling: str) -> Trip:
    """Encode as AVIF (full range; gray as 4:0:0), and decode. On one thread, since more change the pixels."""
    sampling = "4:0:0" if image.shape[2] == 1 else ":".join(subsampling)
    return _trip(image, "AVIF", quality=quality, speed=speed, subsampling=sampling, max_threads=1)


def jpeg2000(image: Array, rate: float, psnr: float, transform: bool) -> Trip:
    """Encode as JPEG 2000 with the irreversible 9/7 wavelet, and decode.

    Args:
        image: uint8 H×W×C.
        rate: 8-bit samples a byte of the file, or 0.
        psnr: the decibels asked for instead, or 0.
        transform: whether RGB is coded as YCbCr.
    """
    quality = {"quality_mode": "dB", "quality_layers": [psnr]} if psnr else {"quality_layers": [rate]}
    return _trip(image, "JPEG2000", irreversible=True, mct=int(transform and image.shape[2] == 3), **quality)


def jpeg2000_lossless(image: Array) -> Trip:
    """Encode as JPEG 2000 with the reversible 5/3 wavelet, and decode."""
    return _trip(image, "JPEG2000", irreversible=False, mct=int(image.shape[2] == 3))


def png(image: Array, level: int) -> Trip:
    """Encode as PNG at a zlib level, and decode."""
    return _trip(image, "PNG", compress_level=level)


def jxl(image: Array, distance: float, effort: int) -> Trip:
    """Encode as JPEG XL at a Butteraugli distance (0: lossless), and decode. Needs pillow_jxl to be imported.

    pillow_jxl takes a quality, and libjxl makes a distance of it (JxlEncoderDistanceFromQuality): 0.1 + 0.09 (100 - q)
    from 30 up, 53/3000 q² - 23/20 q + 25 below. Here the way back, so that 0 < distance <= 0.1 cannot be had.
    """
    if distance == 0:
        return _trip(image, "JXL", lossless=True, effort=effort, num_threads=1)
    quality = 100 - (distance - 0.1) / 0.09
    if quality < 30:
        square, slope = 53 / 3000, 23 / 20
        quality = (slope - (slope**2 - 4 * square * (25 - distance)) ** 0.5) / (2 * square)
    return _trip(image, "JXL", quality=quality, effort=effort, num_threads=1)


def _trip(image: Array, codec: str, **options: Any) -> Trip:
    picture, file = to_picture(image), io.BytesIO()
    picture.save(file, codec, **options)
    size = file.tell()
    file.seek(0)
    with Image.open(file, formats=(codec,)) as opened:
        decoded = opened if opened.mode == picture.mode else opened.convert(picture.mode)
        return Trip(to_array(decoded), size)
