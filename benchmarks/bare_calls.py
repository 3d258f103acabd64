"""The library call that each degradation is made of, with nothing around it, for benchmarks/channel.py."""

import io
from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
import pillow_jxl  # noqa: F401 - teaches Pillow the format
from PIL import Image

Picture = np.ndarray[Any, np.dtype[np.uint8]]
Call = Callable[[], object]


def codec(picture: Picture, name: str, **options: Any) -> Call:
    """Encode and decode with Pillow."""
    image = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)

    def call() -> object:
        file = io.BytesIO()
        image.save(file, name, **options)
        return np.asarray(Image.open(file))

    return call


def bare_calls(picture: Picture) -> Mapping[str, tuple[str, Call]]:
    """For each spec the name of the bare call, and the call, on a uint8 H×W×3 picture."""
    height, width = picture.shape[:2]
    rng = np.random.Generator(np.random.Philox(key=1))
    image, table = Image.fromarray(picture), np.arange(256, dtype=np.uint8)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 5, 1)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    bent = cv2.getPerspectiveTransform(corners, corners + np.float32([[9, 5], [-7, 8], [4, -9], [6, 3]]))
    kernel = np.random.default_rng(0).random((11, 11), np.float32) / 60
    gray = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    jpeg = codec(picture, "JPEG", quality=80, subsampling=2)

    def normal() -> object:
        return rng.standard_normal(picture.shape, dtype=np.float32)

    def scaled(factor: float, method: Image.Resampling) -> Call:
        small = (round(width * factor), round(height * factor))
        return lambda: image.resize(small, method).resize((width, height), method)

    def warped() -> object:
        return cv2.warpAffine(picture, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)

    def both(*calls: Call) -> Call:
        return lambda: [call() for call in calls]

    bicubic, lanczos = Image.Resampling.BICUBIC, Image.Resampling.LANCZOS
    floats = picture.astype(np.float32)
    larger = cv2.resize(picture, (round(width * 1.25), round(height * 1.25)))
    return {
        "identity": ("ndarray.copy", picture.copy),
        "float": ("ndarray.astype", lambda: picture.astype(np.float32)),
        "quantise:4": ("cv2.LUT", lambda: cv2.LUT(picture, table)),
        "posterise:3": ("cv2.LUT", lambda: cv2.LUT(picture, table)),
        "lsb-zero:1": ("cv2.LUT", lambda: cv2.LUT(picture, table)),
        "jpeg:40": ("Pillow JPEG", codec(picture, "JPEG", quality=40, subsampling=2)),
        "jpeg:80": ("Pillow JPEG", jpeg),
        "jpeg:95": ("Pillow JPEG", codec(picture, "JPEG", quality=95, subsampling=2)),
        "double-jpeg:q1=80,q2=60": ("Pillow JPEG, twice", both(jpeg, jpeg)),
        "webp:80,method=0": ("Pillow WebP", codec(picture, "WEBP", quality=80, method=0)),
        "webp:80": ("Pillow WebP", codec(picture, "WEBP", quality=80, method=4)),
        "webp-lossless": ("Pillow WebP", codec(picture, "WEBP", lossless=True)),
        "png": ("Pillow PNG", codec(picture, "PNG")),
        "avif:60": ("Pillow AVIF", codec(picture, "AVIF", quality=60, speed=6, max_threads=1)),
        "avif:60,speed=10": ("Pillow AVIF", codec(picture, "AVIF", quality=60, speed=10, max_threads=1)),
        "jxl:1": ("Pillow JPEG XL", codec(picture, "JXL", quality=90, effort=3, num_threads=1)),
        "jp2:20": ("Pillow JPEG 2000", codec(picture, "JPEG2000", irreversible=True, quality_layers=[20], mct=1)),
        "jp2-lossless": ("Pillow JPEG 2000", codec(picture, "JPEG2000")),
        "gaussian:10": ("normal draws", normal),
        "poisson": ("Poisson draws", lambda: rng.poisson(picture)),
        "speckle:0.15": ("normal draws", normal),
        "uniform:10": ("uniform draws", lambda: rng.random(picture.shape, dtype=np.float32)),
        "salt-pepper:0.05": ("uniform draws", lambda: rng.random(picture.shape[:2], dtype=np.float32)),
        "impulse:0.06": ("uniform draws", lambda: rng.random(picture.shape, dtype=np.float32)),
        "blur:2": ("cv2.GaussianBlur, float", lambda: cv2.GaussianBlur(floats, (13, 13), 2)),
        "median:5": ("cv2.medianBlur", lambda: cv2.medianBlur(picture, 5)),
        "box:5": ("cv2.blur", lambda: cv2.blur(picture, (5, 5))),
        "sharpen:1": ("cv2.GaussianBlur, float", lambda: cv2.GaussianBlur(floats, (7, 7), 1)),
        "motion:9,angle=45": ("cv2.filter2D", lambda: cv2.filter2D(picture, -1, kernel)),
        "defocus:4": ("cv2.filter2D", lambda: cv2.filter2D(picture, -1, kernel)),
        "brightness:1.5": ("cv2.LUT", lambda: cv2.LUT(picture, table)),
        "contrast:0.5": ("cv2.LUT", lambda: cv2.LUT(picture, table)),
        "gamma:2.2": ("cv2.LUT", lambda: cv2.LUT(picture, table)),
        "saturation:0.5": ("cv2.addWeighted", lambda: cv2.addWeighted(picture, 0.5, gray, 0.5, 0)),
        "hue:20": (
            "cv2.cvtColor, float, there and back",
            lambda: cv2.cvtColor(cv2.cvtColor(floats, cv2.COLOR_RGB2HSV), cv2.COLOR_HSV2RGB),
        ),
        "gray": ("cv2.cvtColor", lambda: cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)),
        "palette:64": ("Image.quantize", lambda: image.quantize(64, Image.Quantize.MEDIANCUT).convert("RGB")),
        "rotate:5": ("cv2.warpAffine", warped),
        "shear:10": ("cv2.warpAffine", warped),
        "perspective:0.05": (
            "cv2.warpPerspective",
            lambda: cv2.warpPerspective(picture, bent, (width, height), borderMode=cv2.BORDER_REFLECT_101),
        ),
        "translate:8": ("ndarray.copy", picture.copy),
        "flip:h": ("cv2.flip", lambda: cv2.flip(picture, 1)),
        "resize:0.5": ("Image.resize, there and back", scaled(0.5, bicubic)),
        "pixelate:0.4": ("Image.resize, there and back", scaled(0.4, Image.Resampling.BOX)),
        "crop:0.8": ("ndarray.copy", picture.copy),
        "cropout:0.3": ("ndarray.copy", picture.copy),
        "dropout:0.3": ("uniform draws", lambda: rng.random(picture.shape[:2], dtype=np.float32)),
        "erase:0.1": ("ndarray.copy", picture.copy),
        "paste:0.1": ("ndarray.copy", picture.copy),
        "screenshot": (
            "Image.resize, there and back, and PNG",
            both(scaled(1.25, Image.Resampling.BILINEAR), codec(larger, "PNG", compress_level=1)),
        ),
        "social:small": ("Pillow JPEG", codec(picture, "JPEG", quality=70, subsampling=2)),
        "print-capture:3": ("Pillow JPEG", jpeg),
        "print-capture:3,reg=fiducial": ("Pillow JPEG", jpeg),
        "screen-capture:3": ("Pillow JPEG", jpeg),
        "jpeg:80+gaussian:10": ("both of them", both(jpeg, normal)),
        "resize:0.5,filter=lanczos": ("Image.resize, there and back", scaled(0.5, lanczos)),
    }
