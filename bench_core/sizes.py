"""`--size`: the one size that a run's pictures are brought to."""

import re
from dataclasses import dataclass

import numpy as np
from PIL import Image

from bench_core.errors import RequestError
from bench_core.images import Array

MAX_SIDE = 16_384
_TEXT = re.compile(r"(fit:)?(\d{1,9})(?:[x×](\d{1,9}))?")


@dataclass(frozen=True)
class Size:
    """A size to bring pictures to, in pixels.

    Without `fit` a picture is cut at its center; one too small is first enlarged until it covers. With `fit` it is
    resized, up or down, until it just covers, and then cut: of a square, the short side is what is resized.
    """

    width: int
    height: int
    fit: bool = False

    @classmethod
    def parse(cls, text: str) -> "Size":
        """Read `256`, `320x240` (width x height) or `fit:256`; raises RequestError."""
        match = _TEXT.fullmatch(text.strip().lower())
        if match is None:
            raise RequestError(
                f"--size: '{text}' is not a size; use 256 (center crop), 320x240 (width x height) "
                "or fit:256 (resize, then crop)"
            )
        width = int(match[2])
        height = int(match[3] or width)
        if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
            raise RequestError(f"--size: sides must be from 1 to {MAX_SIDE} pixels, not '{text}'; e.g. --size 256")
        return cls(width, height, bool(match[1]))

    def __str__(self) -> str:
        sides = str(self.width) if self.width == self.height else f"{self.width}x{self.height}"
        return f"fit:{sides}" if self.fit else sides

    def apply(self, image: Array, *, nearest: bool = False) -> Array:
        """`image` (uint8 H×W×C) at this size; resizing is Lanczos, or `nearest` for maps of class numbers."""
        height, width = image.shape[:2]
        scale = max(self.width / width, self.height / height)
        if scale > 1 or (self.fit and scale < 1):
            new = (max(self.width, round(width * scale)), max(self.height, round(height * scale)))
            image = resize(image, *new, nearest=nearest)
        top = (image.shape[0] - self.height) // 2
        left = (image.shape[1] - self.width) // 2
        return np.ascontiguousarray(image[top : top + self.height, left : left + self.width])


def resize(image: Array, width: int, height: int, *, nearest: bool = False) -> Array:
    """`image` (uint8 H×W×C, C = 1 or 3) resized to height×width with Lanczos (or nearest neighbor)."""
    flat = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    method = Image.Resampling.NEAREST if nearest else Image.Resampling.LANCZOS
    return np.array(flat.resize((width, height), method)).reshape(height, width, image.shape[2])
