"""Pictures in and out of the editor: what a stranger sends is checked before it is decoded."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from bench_core.errors import CellFailure, RequestError, one_line
from bench_core.images import Array, luminance, read_image
from bench_semantic.label_sets import OWN, ClassMap, LabelSet
from bench_semantic.map_files import read_numbers

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM")
"""Pillow's names of the formats that are read: those that `folder:` takes for photos."""

MOST_PIXELS = 24_000_000
"""The largest photo that is edited."""

VIEW = 1600
"""The longest side of what the page shows; what is exported has every pixel."""


def read_photo(path: Path, name: str) -> Array:
    """The gray picture, uint8 H×W×1, of a photo file that errors call `name`.

    Raises:
        RequestError: where the file is no picture of `FORMATS`, is damaged, or has more than `MOST_PIXELS`.
    """
    _check(path, name, FORMATS, "no photo that is read here; those are PNG, JPEG, WebP, TIFF, BMP, GIF and PPM")
    try:
        # By the same decoders: a file can be small in one format and huge in another.
        picture = read_image(path, name, FORMATS)
    except CellFailure as failure:
        raise RequestError(failure.reason) from None
    _check_size(name, picture.shape[1], picture.shape[0])
    return luminance(picture)


def read_map(path: Path, name: str, labels: LabelSet, shape: tuple[int, int]) -> ClassMap:
    """The class map of a label PNG in the set's own numbers; where it knows nothing, the set's void class.

    Raises:
        RequestError: where the file is no label PNG of that shape (H, W), or has a number that the set does not know.
    """
    size = _check(path, name, ("PNG",), "no PNG; a label map is a PNG of one channel, as Labels downloads it")
    if size != (shape[1], shape[0]):
        raise RequestError(
            f"{name}: the map has {size[0]}×{size[1]} pixels and the photo {shape[1]}×{shape[0]}; they must be the same"
        )
    try:
        numbers = read_numbers(path)
    except RequestError as error:
        raise RequestError(str(error).replace(str(path), name)) from None
    numbering = labels.numbering(OWN)
    if problem := labels.misfit(np.unique(numbers).tolist(), numbering):
        raise RequestError(f"{name}: {problem}; it is a map of other classes")
    return labels.shown(numbering.classes(numbers))


def png(picture: Array) -> bytes:
    """A uint8 H×W×3 or H×W×1 picture, or H×W, as the bytes of a PNG."""
    stream = io.BytesIO()
    Image.fromarray(picture[..., 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture).save(
        stream, "PNG", compress_level=1
    )
    return stream.getvalue()


def view_shape(shape: tuple[int, int]) -> tuple[int, int]:
    """Height and width of what the page shows of a picture of `shape` (H, W): at most `VIEW`, never larger."""
    scale = min(1.0, VIEW / max(shape))
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def view_of_picture(picture: Array) -> Array:
    """A picture, uint8 H×W×C, as large as the page shows it."""
    height, width = view_shape(picture.shape[:2])
    if (height, width) == picture.shape[:2]:
        return picture
    image = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
    found = np.array(image.resize((width, height), Image.Resampling.BOX))
    return found[..., None] if found.ndim == 2 else found


def view_of_map(classes: ClassMap) -> ClassMap:
    """A class map as large as the page shows it: every pixel the class of the nearest one."""
    places = [
        ((2 * np.arange(seen) + 1) * there) // (2 * seen)
        for seen, there in zip(view_shape((classes.shape[0], classes.shape[1])), classes.shape, strict=True)
    ]
    return classes[np.ix_(*places)]


def overlay(gray: Array, classes: ClassMap, labels: LabelSet, opacity: float) -> Array:
    """The gray picture, uint8 H×W×1, under the colors of its classes: uint8 H×W×3; `opacity` in [0, 1] is theirs."""
    mixed = gray * np.float32(1 - opacity) + labels.palette[classes] * np.float32(opacity)
    return np.rint(mixed).astype(np.uint8)


def _check(path: Path, name: str, formats: tuple[str, ...], otherwise: str) -> tuple[int, int]:
    """Width and height of a picture whose header alone has been read, by the decoders of `formats` alone."""
    try:
        with Image.open(path, formats=formats) as image:
            width, height = image.size
    except UnidentifiedImageError:
        raise RequestError(f"{name}: {otherwise}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise RequestError(f"{name}: {_too_large()}") from None
    except OSError as error:
        raise RequestError(f"{name}: cannot be read: {error.strerror or one_line(error)}") from None
    except Exception as error:  # a decoder may raise anything on a damaged header
        raise RequestError(f"{name}: cannot be read: {one_line(error)}") from None
    _check_size(name, width, height)
    return width, height


def _check_size(name: str, width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise RequestError(f"{name}: {width}×{height} pixels are {_too_large()}")


def _too_large() -> str:
    return f"more than the {MOST_PIXELS // 1_000_000} megapixels that are edited; make it smaller"
