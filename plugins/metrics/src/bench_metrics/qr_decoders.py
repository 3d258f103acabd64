"""Reading QR codes: the decoders that bench pins, and what a scanner may try before it gives up."""

import importlib.metadata
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import zxingcpp

from bench_core.images import luminance
from bench_core.metric import Array

Gray = np.ndarray[Any, np.dtype[Any]]
"""uint8 H×W, as OpenCV types it."""

VERSIONS = f"zxing-cpp-{importlib.metadata.version('zxing-cpp')}+opencv-{cv2.__version__}"
"""Which decoders these are. Another version reads other codes, so it belongs to a metric's version."""

_QR = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])


def _zxing(gray: Gray) -> list[str]:
    return [code.text for code in zxingcpp.read_barcodes(gray, formats=_QR, text_mode=zxingcpp.TextMode.Plain)]


def _opencv(detector: type) -> Callable[[Gray], list[str]]:
    def read(gray: Gray) -> list[str]:
        # Made anew each time: a detector keeps its last picture, and metrics serve all threads.
        try:
            return [detector().detectAndDecode(gray)[0]]
        except (cv2.error, UnicodeDecodeError):  # what they do on some noise, instead of finding nothing
            return []

    return read


DECODERS: tuple[tuple[str, Callable[[Gray], list[str]]], ...] = (
    ("zxing-cpp", _zxing),
    ("opencv-aruco", _opencv(cv2.QRCodeDetectorAruco)),
    ("opencv", _opencv(cv2.QRCodeDetector)),
)
"""Name -> function from a uint8 H×W picture to the texts it reads; the fastest first. None raises on any picture."""


def _same(gray: Gray) -> Gray:
    return gray


def _median(gray: Gray) -> Gray:
    return cv2.medianBlur(gray, 3)


def _blur(gray: Gray) -> Gray:
    return cv2.GaussianBlur(gray, (0, 0), 1.5)


def _blur_and_split(gray: Gray) -> Gray:
    smooth = cv2.GaussianBlur(gray, (0, 0), 1)
    return cv2.threshold(smooth, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1]


def _double(gray: Gray) -> Gray:
    return cv2.resize(gray, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)


LADDER: tuple[tuple[str, Callable[[Gray], Gray]], ...] = (
    ("raw", _same),
    ("median 3x3", _median),
    ("gaussian 1.5", _blur),
    ("gaussian 1 + otsu", _blur_and_split),
    ("2x bicubic", _double),
)
"""Name -> what is done to a uint8 H×W picture before it is read, each for itself, in this order."""


def readings(image: Array, steps: tuple[tuple[str, Callable[[Gray], Gray]], ...]) -> Iterator[tuple[str, str, str]]:
    """Every text read in a uint8 H×W×C picture, as (text, decoder, step), step after step, as far as one asks."""
    gray = np.ascontiguousarray(luminance(image)[:, :, 0])
    for step, prepare in steps:
        prepared = prepare(gray)
        for decoder, read in DECODERS:
            for text in read(prepared):
                if text:
                    yield text, decoder, step
