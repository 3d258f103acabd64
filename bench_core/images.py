"""The pixel law: 8-bit rounding, and files to arrays and back.

A picture is a uint8 H×W×C array, sRGB, with C = 1 or 3. This module needs numpy and Pillow, nothing else.
"""

import contextlib
import hashlib
import secrets
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from bench_core.errors import CellFailure, RequestError, one_line

Array = np.ndarray[Any, np.dtype[np.uint8]]
AnyArray = np.ndarray[Any, Any]

MAX_PIXELS = 89_478_485
"""The largest picture that is read, in pixels: where Pillow begins to suspect a decompression bomb."""

# What Pillow warns of is refused here, with a reason. Not in a block of its own, which would not be safe in threads.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

_WRITERS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {"compress_level": 1}),
    ".bmp": ("BMP", {}),
    ".tif": ("TIFF", {"compression": "tiff_deflate"}),
    ".tiff": ("TIFF", {"compression": "tiff_deflate"}),
    ".ppm": ("PPM", {}),
    ".pgm": ("PPM", {}),
    ".webp": ("WEBP", {"lossless": True}),
}
_GRAY_ONLY = ".pgm"
_BT601 = np.array([299, 587, 114], dtype=np.float32)


def to_uint8(image: AnyArray) -> Array:
    """A float picture in [0, 1] as uint8: clipped, times 255, rounded half to even. uint8 passes unchanged.

    Raises:
        CellFailure: `nan_output` where a value is NaN or infinite; those are never clipped away.
        ValueError: for any other kind of number, which has no agreed white.
    """
    if image.dtype == np.uint8:
        return image
    if image.dtype.kind != "f":
        raise ValueError(f"a picture is uint8, or float in [0, 1], not {image.dtype}")
    finite = np.isfinite(image)
    if not finite.all():
        raise CellFailure("nan_output", f"{image.size - int(finite.sum())} of {image.size} values are NaN or infinite")
    wide = image.astype(np.float32) if image.dtype == np.float16 else image
    return np.rint(np.clip(wide, 0, 1) * wide.dtype.type(255)).astype(np.uint8)


def clip_fraction(image: AnyArray) -> float:
    """The share of values outside [0, 1], which `to_uint8` clips; 0 for uint8."""
    if image.dtype == np.uint8 or image.size == 0:
        return 0.0
    return float(np.count_nonzero((image < 0) | (image > 1)) / image.size)


def luminance(image: Array) -> Array:
    """BT.601 full-range luma, uint8 H×W×1, of a uint8 H×W×3 picture; one of one channel passes unchanged.

    Y = 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601, as in JPEG), rounded half to even. The sums are whole numbers
    below 2^24, so float32 is exact and the result is the same on every machine.
    """
    if image.shape[2] == 1:
        return image
    luma: Array = np.rint((image.astype(np.float32) @ _BT601) / np.float32(1000)).astype(np.uint8)
    return luma[:, :, None]


def digest(array: AnyArray) -> str:
    """Hex BLAKE2b-128 over shape, dtype and bytes."""
    state = hashlib.blake2b(f"{array.shape}|{array.dtype.str}|".encode(), digest_size=16)
    state.update(np.ascontiguousarray(array).data)
    return state.hexdigest()


def read_image(path: Path | str, name: str | None = None, formats: tuple[str, ...] | None = None) -> Array:
    """Read a picture file as uint8 H×W×3.

    Any format Pillow reads, or only those of `formats`, in Pillow's names. EXIF orientation is applied, alpha is
    dropped (not composited), 16-bit gray is scaled by 255/65535 (of 16-bit color Pillow keeps the high byte), an
    animation gives its first frame. Embedded color profiles are not applied: the numbers in the file are taken as sRGB,
    as every published protocol takes them.

    Raises:
        CellFailure: `decode_failed`, with `name` (default: the file's name) and the reason.
    """
    with opened(path, name, formats) as image:
        return np.array(_to_rgb(image))


@contextlib.contextmanager
def opened(path: Path | str, name: str | None = None, formats: tuple[str, ...] | None = None) -> Iterator[Image.Image]:
    """A picture file, open for the block; whatever goes wrong with it there becomes a CellFailure.

    `formats` are Pillow's names of those that may be read; None is all of them.

    Raises:
        CellFailure: `decode_failed`, with `name` (default: the file's name) and the reason.
    """
    name = name or Path(path).name or str(path)
    try:
        with Image.open(path, formats=formats) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(
                    f"{image.width}×{image.height} pixels are more than the {MAX_PIXELS} that are read; make it smaller"
                )
            yield image
    except FileNotFoundError:
        raise CellFailure("decode_failed", f"{name}: no such file") from None
    except UnidentifiedImageError:
        raise CellFailure("decode_failed", f"{name}: not a picture in a format that Pillow reads") from None
    except Exception as error:  # a decoder may raise anything on a damaged file
        known = isinstance(error, (OSError, ValueError)) and str(error)
        reason = (getattr(error, "strerror", None) or " ".join(str(error).split())) if known else one_line(error)
        raise CellFailure("decode_failed", f"{name}: {reason}") from error


def read_gray(path: Path | str, name: str | None = None) -> Array:
    """Read a picture file as uint8 H×W×1: a gray one's own values, a color one's luminance. Raises as `read_image`."""
    return luminance(read_image(path, name))


def _to_rgb(image: Image.Image) -> Image.Image:
    source = image.format
    image.seek(0)
    # A turned picture is a new one, without a format; the format decides what mode I means.
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16") or (image.mode == "I" and source == "PPM"):
        wide = np.asarray(image).astype(np.float64)
        return Image.fromarray(np.rint(wide * (255 / 65535)).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise ValueError(f"32-bit samples (mode {image.mode}) have no agreed white; save it with 8 or 16 bits a sample")
    if image.mode in ("P", "PA", "La", "RGBa"):
        # By way of RGBA, where Pillow understands every kind of palette and of premultiplied alpha.
        image = image.convert("LA" if image.mode == "La" else "RGBA")
    return image.convert("RGB")


def written_path(path: Path | str, channels: int) -> Path:
    """Where `write_image` puts a picture of so many channels: `path`, with `.png` where it has no suffix.

    Raises:
        RequestError: for a suffix of a lossy or unknown format, or of one that does not hold so many channels.
    """
    path = Path(path)
    path = path if path.suffix else path.with_suffix(".png")
    suffix = path.suffix.lower()
    known = [each for each in _WRITERS if channels == 1 or each != _GRAY_ONLY]
    if suffix not in known:
        what = "color pictures" if suffix == _GRAY_ONLY else "pictures"
        raise RequestError(f"{path.name}: {what} are written without loss, as {', '.join(known)}, e.g. {path.stem}.png")
    return path


def write_image(path: Path | str, image: Array) -> None:
    """Write a uint8 H×W×C picture, C = 1 or 3, without loss, to the `written_path`.

    The file appears whole or not at all: it is written beside its place under another name, then renamed.
    Missing folders are made.

    Raises:
        RequestError: for a suffix that `written_path` refuses, or a place that cannot be written.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3):
        raise ValueError(f"a picture is uint8 H×W×1 or H×W×3, not {image.dtype} {image.shape}")
    path = written_path(path, image.shape[2])
    kind, options = _WRITERS[path.suffix.lower()]
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image).save(file, format=kind, **options)
        temporary.replace(path)
    except OSError as error:
        raise RequestError(f"{path}: cannot be written: {error.strerror or one_line(error)}") from error
    finally:
        with contextlib.suppress(OSError):  # it is not there after success, nor where its folder could not be made
            temporary.unlink()
