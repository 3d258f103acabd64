"""Photos as files: untrusted, of any kind a phone makes; read as upright 8-bit sRGB."""

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError

from bench_capture.markers import Array
from bench_core.errors import RequestError, one_line
from bench_core.images import MAX_PIXELS

LEAST_PIXELS = 1_000_000
LONGEST_SIDE = 32_000
"""OpenCV's remap takes sides below 2^15."""
MAX_BYTES = 200 * 2**20
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".heic", ".heif", ".webp", ".tif", ".tiff", ".avif", ".bmp", ".mpo", ".jxl"}
)
"""What a folder is searched for; a file that is named is tried whatever it is called."""
_USUAL_FOCAL = 26.0
"""The 35-mm equivalent in millimeters that is assumed of a camera that does not say: a phone's main one."""
_FILM_DIAGONAL = 43.27


class PhotoError(Exception):
    """Why a photo cannot be used: one line for its user."""


@dataclass(frozen=True)
class Photo:
    """A photo: uint8 H×W×3, upright, sRGB; `focal` is its focal length in pixels, said by the camera or assumed."""

    name: str
    sha256: str
    pixels: Array
    camera: str
    focal: float
    warnings: tuple[str, ...]


def find_photos(arguments: tuple[str, ...]) -> list[Path]:
    """Files, and the pictures in folders, in the order given and by name; each once.

    Raises:
        RequestError: with a line for each that is not there, and for a folder without pictures.
    """
    problems: list[str] = []
    found: dict[Path, None] = {}
    for text in arguments:
        path = Path(text).expanduser()
        if path.is_dir():
            try:
                inside = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
            except OSError as error:
                problems.append(f"{text}: cannot be read: {error.strerror or one_line(error)}")
                continue
            if not inside:
                problems.append(f"{text}: no pictures in this folder ({', '.join(sorted(SUFFIXES))})")
            found.update(dict.fromkeys(inside))
        elif path.is_file():
            found[path] = None
        else:
            problems.append(f"{text}: no such file or folder; e.g. bench capture ingest photos/ --sheet sheet")
    if problems:
        raise RequestError(problems)
    return list(found)


def read_bytes(path: Path) -> bytes:
    """The file, if it is no larger than a photo can be; raises PhotoError."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise PhotoError(f"is a file of {size / 2**20:.0f} MiB; at most {MAX_BYTES // 2**20} are read")
        return path.read_bytes()
    except OSError as error:
        raise PhotoError(f"cannot be read: {error.strerror or one_line(error)}") from None


def read_photo(name: str, content: bytes) -> Photo:
    """Decode a photo: EXIF orientation applied, colors taken to sRGB by the profile within, 8 bit.

    Raises:
        PhotoError: for what is no picture, is damaged, of a format this machine cannot read, or too large or small.
    """
    _register_heif(content)
    said: list[str] = []
    try:
        # A suspected decompression bomb is a warning of Pillow's; here it is an end.
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content)) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise PhotoError(f"has {image.width}x{image.height} pixels; at most {MAX_PIXELS} are read")
                if max(image.size) > LONGEST_SIDE:
                    raise PhotoError(f"has {image.width}x{image.height} pixels; a side has at most {LONGEST_SIDE}")
                exif = image.getexif()
                camera, equivalent = _camera(exif), _equivalent_focal(exif)
                upright = ImageOps.exif_transpose(image)
                pixels = np.array(_to_srgb(upright, image.info.get("icc_profile"), said))
    except PhotoError:
        raise
    except UnidentifiedImageError:
        raise PhotoError("is not a picture in a format that can be read here") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PhotoError(f"has more than the {MAX_PIXELS} pixels that are read") from None
    except MemoryError:
        raise PhotoError("is too large for this machine's memory") from None
    except Exception as error:  # a decoder may raise anything on a damaged file
        raise PhotoError(f"is damaged: {one_line(error, 120)}") from None
    height, width = pixels.shape[:2]
    if width * height < LEAST_PIXELS:
        raise PhotoError(
            f"has only {width}x{height} pixels; take it at the camera's full resolution (1 megapixel and more), "
            "and send it as a file, not through a messenger"
        )
    focal = (equivalent or _USUAL_FOCAL) / _FILM_DIAGONAL * float(np.hypot(width, height))
    return Photo(name, hashlib.sha256(content).hexdigest(), pixels, camera, focal, tuple(said))


def _to_srgb(image: Image.Image, profile: bytes | None, said: list[str]) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit gray; Pillow would clip it
        wide = np.asarray(image).astype(np.float64)
        image = Image.fromarray(np.rint(np.clip(wide * (255 / 65535), 0, 255)).astype(np.uint8))
    elif image.mode not in ("RGB", "L", "CMYK"):
        image = image.convert("RGB")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError):
            said.append("its color profile cannot be applied; its numbers are taken as sRGB")
    return image.convert("RGB")


def _register_heif(content: bytes) -> None:
    """Let Pillow read HEIC, where that is what this is.

    Raises:
        PhotoError: where the library for it is not there.
    """
    brand = content[8:12]
    if content[4:8] != b"ftyp" or brand not in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"):
        return
    try:
        import pillow_heif
    except ImportError:
        raise PhotoError("is HEIC, which needs: pip install pillow-heif (or set the phone to save JPEG)") from None
    pillow_heif.register_heif_opener()


def _camera(exif: Image.Exif) -> str:
    parts = (exif.get(ExifTags.Base.Make), exif.get(ExifTags.Base.Model))
    text = " ".join(part.strip(" \0") for part in parts if isinstance(part, str))
    return "".join(letter for letter in text if letter.isprintable())[:80]


def _equivalent_focal(exif: Image.Exif) -> float | None:
    """The focal length in millimeters that would give the same picture on 35-mm film."""
    value = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.FocalLengthIn35mmFilm)
    return float(value) if isinstance(value, int) and 5 <= value <= 1000 else None
