"""How much is hidden: in bits of the pictures as such, and in bits that what is revealed is worth."""

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageFile

from bench_core.metric import Array, Metric, Score
from bench_metrics.pairs import PAYLOAD
from bench_metrics.psnr import psnr_score

_WEBP_SIDE, _JPEG_SIDE = 16_383, 65_500
"""The longest side that a file can have, in pixels."""

_large_buffer = threading.Lock()


class Bpp(Metric):
    """Nominal capacity: bits of the hidden picture for each pixel of the container, whatever comes back of it.

    Σ h·w·c·8 / (H·W), added up over the secrets. The tasks give secrets the size of their container, so an RGB secret
    is 24 bpp, five are 120, and the colors of a picture in its gray version 24, of which 16 are chroma.
    """

    name = "bpp"
    unit = "bpp"
    worst = 0.0
    pairs = PAYLOAD
    combine = "sum"

    def measure(self, estimate: Array, prepared: Any) -> Score:
        """Score a uint8 H×W×C picture."""
        return Score(8.0 * estimate.shape[2])


@dataclass(frozen=True)
class Made:
    """One file of a picture: its size in bits, and the sum of squared errors of what it decodes to."""

    codec: str
    quality: int | None
    bits: int
    squares: int


Encode = Callable[[Array, int | None], bytes]


@dataclass
class Files:
    """The files that a picture may be stored in, each made when it is first asked for."""

    picture: Array
    _made: dict[tuple[str, int | None], Made] = field(default_factory=dict)

    def smallest(self, squares: int) -> Made:
        """The smallest file with at most that sum of squared errors.

        For each lossy codec, the lowest quality that is good enough is found by halving, as if error fell with every
        step of quality; the fixed ones are `flat` (the mean color, 8 bits a channel), lossless WebP and the bare
        samples.
        """
        found = [made for made in self._fixed() if made.squares <= squares]
        return min([*found, *self._lossy(squares)], key=lambda made: made.bits)

    def _fixed(self) -> Iterator[Made]:
        channels = self.picture.shape[2]
        flat = np.rint(cv2.mean(self.picture)[:channels]).astype(np.uint8)
        yield self._of("flat", None, 8 * channels, np.broadcast_to(flat, self.picture.shape))
        yield Made("raw", None, 8 * self.picture.size, 0)
        if self._fits(_WEBP_SIDE):
            yield self._file("webp-lossless", None, _lossless_webp)

    def _lossy(self, squares: int) -> Iterator[Made]:
        codecs: dict[str, tuple[int, Encode]] = {}
        if self._fits(_JPEG_SIDE) and self.picture.shape[2] == 1:
            codecs = {"jpeg": (1, _jpeg)}
        elif self._fits(_JPEG_SIDE):
            codecs = {f"jpeg-{kind}": (1, partial(_jpeg, subsampling=code)) for kind, code in (("444", 0), ("420", 2))}
        if self._fits(_WEBP_SIDE):
            codecs["webp"] = (0, _webp)
        for codec, (low, encode) in codecs.items():
            high = 101
            while low < high:
                middle = (low + high) // 2
                if self._file(codec, middle, encode).squares <= squares:
                    high = middle
                else:
                    low = middle + 1
            if low <= 100:
                yield self._file(codec, low, encode)

    def _fits(self, longest: int) -> bool:
        return bool(max(self.picture.shape[:2]) <= longest)

    def _file(self, codec: str, quality: int | None, encode: Encode) -> Made:
        if (codec, quality) not in self._made:
            data = encode(self.picture, quality)
            with Image.open(io.BytesIO(data)) as image:
                decoded = np.array(image.convert("L" if self.picture.shape[2] == 1 else "RGB"))
            made = self._of(codec, quality, 8 * len(data), decoded.reshape(self.picture.shape))
            self._made[codec, quality] = made
        return self._made[codec, quality]

    def _of(self, codec: str, quality: int | None, bits: int, decoded: Array) -> Made:
        return Made(codec, quality, bits, round(cv2.norm(self.picture, decoded, cv2.NORM_L2SQR)))


def _saved(picture: Array, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture).save(file, kind, **options)
    return file.getvalue()


def _jpeg(picture: Array, quality: int | None, **options: int) -> bytes:
    # For optimized tables Pillow lends libjpeg a buffer of one or two bytes a pixel, and files of noisy pictures are
    # larger; this is how it can be told so. Whoever else saves meanwhile has a large buffer, and no more.
    with _large_buffer:
        before, ImageFile.MAXBLOCK = ImageFile.MAXBLOCK, 4 * picture.size + 2**16
        try:
            return _saved(picture, "JPEG", quality=quality, optimize=True, **options)
        finally:
            ImageFile.MAXBLOCK = before


def _webp(picture: Array, quality: int | None) -> bytes:
    return _saved(picture, "WEBP", method=4, quality=quality)


def _lossless_webp(picture: Array, quality: int | None) -> bytes:
    return _saved(picture, "WEBP", method=4, lossless=True)


class EffectiveBpp(Metric):
    """Effective capacity: bits a container pixel of the smallest file of the secret as good as what was revealed.

    Among JPEG (4:2:0 and 4:4:4, optimized tables, quality 1 to 100) and WebP (method 4, quality 0 to 100, and
    lossless), the smallest file whose PSNR to the secret is not below the revealed picture's; whole files, headers
    included. A picture no better than the secret's mean color is worth that color (8 bits a channel), and none is worth
    more than its bare samples. So a blurry reveal cannot claim 24 bpp: see `bpp`, which lets it. Added up over the
    secrets. Details say the `codec` and `quality`, and the revealed picture's `psnr`.

    Costs about two dozen encodings for a new secret, which later trips of the same secret share in part. Figures depend
    a little on the versions of libjpeg and libwebp.
    """

    name = "bpp_effective"
    unit = "bpp"
    worst = 0.0
    pairs = PAYLOAD
    combine = "sum"

    def prepare(self, reference: Array) -> Files:
        """The secret's files, none of them made yet."""
        return Files(reference)

    def measure(self, estimate: Array, prepared: Files) -> Score:
        """Score a revealed uint8 H×W×C picture."""
        squares = round(cv2.norm(estimate, prepared.picture, cv2.NORM_L2SQR))
        made = prepared.smallest(squares)
        details = {"codec": made.codec, "quality": made.quality, "psnr": psnr_score(squares / estimate.size).value}
        return Score(made.bits / (estimate.shape[0] * estimate.shape[1]), details)
