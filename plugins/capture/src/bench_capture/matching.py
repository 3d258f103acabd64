"""Which page, and which container, a photo shows."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import zxingcpp

from bench_capture.markers import Array
from bench_capture.page import read_code

Gray = np.ndarray[Any, np.dtype[np.float32]]

_CODES = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
_LONG_SIDE = 2400
_THUMBNAIL = 32
_FLAT = 4.0
_ALIKE, _AHEAD = 0.6, 0.1
_FRACTIONS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def find_code(photo: Array) -> tuple[str, int] | None:
    """The run and page that a page's QR code names, if one is in the photo (uint8 H×W×3) and can be read."""
    gray = np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    shrink = min(1.0, _LONG_SIDE / max(gray.shape))
    views = [gray]
    if shrink < 1:
        small = cv2.resize(gray, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        views.insert(0, np.asarray(small, dtype=np.uint8))
    for view in views:
        for text in _texts(view):
            if found := read_code(text):
                return found
    return None


def _texts(gray: Array) -> list[str]:
    texts = [code.text for code in zxingcpp.read_barcodes(gray, formats=_CODES)]
    if any(read_code(text) for text in texts):
        return texts
    try:
        _, more, _, _ = cv2.QRCodeDetector().detectAndDecodeMulti(gray)
    except cv2.error:  # some pictures make it stumble over its own geometry
        return texts
    return [*texts, *more]


def similarity(seen: Array, container: Array) -> float | None:
    """How much two pictures of a container look alike: the correlation (-1..1) of their gray thumbnails.

    None where the container is so flat that this says nothing.
    """
    first, second = (_thumbnail(picture, (_THUMBNAIL, _THUMBNAIL)) for picture in (seen, container))
    if second.std() < _FLAT:
        return None
    if first.std() == 0:
        return 0.0
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


def match_content(photo: Array, containers: Mapping[int, Array]) -> int | None:
    """The slot whose container is somewhere in a photo, by normalized cross-correlation of thumbnails.

    Tried are four orientations and eight sizes. None where nothing is alike enough, or two are about equally alike.
    """
    shrink = 192 / max(photo.shape[:2])
    size = (max(16, round(photo.shape[1] * shrink)), max(16, round(photo.shape[0] * shrink)))
    view = _thumbnail(photo, size)
    scores = {slot: _best(view, container) for slot, container in containers.items()}
    ranked = sorted(scores, key=lambda slot: -scores[slot])
    if not ranked or scores[ranked[0]] < _ALIKE:
        return None
    if len(ranked) > 1 and scores[ranked[0]] - scores[ranked[1]] < _AHEAD:
        return None
    return ranked[0]


def _best(view: Gray, container: Array) -> float:
    best = -1.0
    for turns in range(4):
        turned = np.ascontiguousarray(np.rot90(container, turns))
        fitting = min(view.shape[0] / turned.shape[0], view.shape[1] / turned.shape[1])
        for fraction in _FRACTIONS:
            width, height = (int(side * fitting * fraction) for side in (turned.shape[1], turned.shape[0]))
            if min(width, height) < 12:
                continue
            small = _thumbnail(turned, (width, height))
            if small.std() < _FLAT:
                return -1.0
            best = max(best, float(cv2.matchTemplate(view, small, cv2.TM_CCOEFF_NORMED).max()))
    return best


def _thumbnail(picture: Array, size: tuple[int, int]) -> Gray:
    gray = picture[:, :, 0] if picture.shape[2] == 1 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
