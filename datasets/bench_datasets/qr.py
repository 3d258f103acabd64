"""`qr`: QR codes with random payloads, as secrets whose recovery can be told without looking."""

from typing import Any

import numpy as np
import segno

from bench_core.dataset import Array, Dataset
from bench_core.errors import CellFailure, RequestError
from bench_core.params import Param, format_value, resolve
from bench_core.randomness import keyed_generator

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
"""What payloads are made of: the URL-safe characters of base64."""

BORDER = 4
"""The quiet zone that the standard asks for, in modules."""

LEAST_SCALE = 2
"""Below this many pixels a module, OpenCV's decoders read no code, not even an untouched one."""

COUNT = 4096
SIDE = 256
"""What `load` draws; a run draws secrets at the size of their hosts."""

PARAMS = (
    Param("chars", int, 1, 1273, default=24, label="the number of characters", help="length of the payload"),
    Param("level", str, choices=("L", "M", "Q", "H"), default="M", label="the error correction level"),
)

CARD = """\
4096 QR codes (ISO/IEC 18004), drawn at any size: random payloads of 24 URL-safe characters, one for each id.
Error correction level M, never raised; a border of 4 modules; as many whole pixels a module as fit; centered on white.
Of 256×256 pixels: version 2, 25×25 modules of 7 pixels. `qr:chars=40,level=H` for another length or level (L, M, Q, H).
Meant for `--secrets qr`, with the metrics qr_raw, qr_assisted and qr_module_error. Drawn by segno; free of any rights.
"""


class Qr(Dataset):
    """QR codes drawn on demand; `options` is the text after the colon of `qr:chars=40,level=H`.

    A payload depends on the code's id and the length alone; which code goes into which host, on the run's seed.

    Raises:
        RequestError: where `options` are wrong.
    """

    name = "qr"
    card = CARD

    def __init__(self, options: str = "") -> None:
        given, problems = _split(options)
        if problems:
            raise RequestError(problems)
        values = resolve(PARAMS, given, "qr")
        self.chars, self.level = int(values["chars"]), str(values["level"])
        defaults = {param.name: param.default for param in PARAMS}
        changed = [f"{name}={format_value(value)}" for name, value in values.items() if value != defaults[name]]
        self._spec = f"qr:{','.join(changed)}" if changed else "qr"
        self._ids = [f"qr-{number:04}" for number in range(COUNT)]
        self._known = frozenset(self._ids)

    @property
    def spec(self) -> str:
        """`qr`, and what differs from the defaults: `qr:chars=40,level=H`."""
        return self._spec

    def ids(self) -> list[str]:
        """`qr-0000` to `qr-4095`."""
        return list(self._ids)

    def payload(self, image_id: str) -> str:
        """The text that a code holds: `chars` characters of `ALPHABET`; CellFailure for an unknown id."""
        if image_id not in self._known:
            raise CellFailure("decode_failed", f"{image_id}: no such code in {self.spec}; ids go up to {self._ids[-1]}")
        # Not of the run's seed: the same id is the same picture in every run, as with photos.
        drawn = keyed_generator(0, image_id, -1, "qr-payload", 0).integers(0, len(ALPHABET), self.chars)
        return "".join(ALPHABET[index] for index in drawn)

    def load(self, image_id: str) -> dict[str, Any]:
        """`color`, uint8 256×256×3, or as large as a longer payload needs; CellFailure for an unknown id."""
        modules = self._modules(image_id)
        side = max(SIDE, LEAST_SCALE * len(modules))
        return {"color": _paint(modules, side, side)}

    def draw(self, image_id: str, width: int, height: int) -> Array:
        """The code on white, uint8 height×width×3.

        Raises:
            CellFailure: `decode_failed` for an unknown id; `skipped_unsupported` where the size is too small for
                modules of two whole pixels.
        """
        modules = self._modules(image_id)
        least = LEAST_SCALE * len(modules)
        if min(width, height) < least:
            raise CellFailure(
                "skipped_unsupported",
                f"too_small: {image_id} has {len(modules)} modules a side, border included, and needs {least} pixels, "
                f"not {width}×{height}; e.g. --size 256, or a shorter payload such as qr:chars=8",
            )
        return _paint(modules, width, height)

    def _modules(self, image_id: str) -> Array:
        """1 where a module is dark, border included. Byte mode throughout, so that the length alone fixes the size."""
        code = segno.make_qr(self.payload(image_id), error=self.level, mode="byte", boost_error=False)
        return np.array([list(row) for row in code.matrix_iter(border=BORDER)], dtype=np.uint8)


def _split(options: str) -> tuple[dict[str, str], list[str]]:
    given: dict[str, str] = {}
    problems = []
    for item in options.split(",") if options else []:
        key, equals, text = (part.strip() for part in item.partition("="))
        if not (key and equals and text):
            problems.append(f"qr: '{item}' is no option; write key=value, e.g. qr:chars=40,level=H")
        elif key in given:
            problems.append(f"qr: {key} is given twice")
        given[key] = text
    return given, problems


def _paint(modules: Array, width: int, height: int) -> Array:
    scale = min(width, height) // len(modules)
    side = scale * len(modules)
    top, left = (height - side) // 2, (width - side) // 2
    picture = np.full((height, width, 3), 255, dtype=np.uint8)
    dark = np.kron(modules, np.ones((scale, scale), dtype=np.uint8))[:, :, None]
    picture[top : top + side, left : left + side] = np.where(dark, np.uint8(0), np.uint8(255))
    return picture
