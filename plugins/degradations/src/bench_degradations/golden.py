"""Does this machine's codec give the pixels it should? A self test on a built-in picture.

Encoders differ: libjpeg 7 to 9 and MozJPEG do not give libjpeg-turbo's pixels, and libwebp's encoder may change
with a release. A figure from another codec is another figure, so rows say when the test failed.
"""

import hashlib
import logging
from functools import lru_cache

import numpy as np
from PIL import features

from bench_core.degradation import Array
from bench_degradations import pillow_codecs

log = logging.getLogger("bench")

SIDE = 64

GOLDEN = {
    "jpeg": {
        "L40": "089411e16ba6a4566dcc97fd45acfaa73cfb704593c26e123af26dc15b25d82c",
        "L80": "3959b717c4755a3906052d2aa140228e0aa00ebe24c648b3a98656e79702b166",
        "L95": "091b0326cc6f94a39287248533b8b0594f679378a779f7aeb0cf0c17451956e4",
        "RGB40": "e25aeb6d41e1d1f75252334ca3af3105f9a279fb42dca29eed506d94492e5f3d",
        "RGB80": "bded27d56de40d4007cf5fe4a81ba5491414204f196075831f324e0d179e6838",
        "RGB95": "b1b3b46d534882588cc0266b561698095bfffa04a16c10c6e1c2437e61d9d930",
    },
    "webp": {
        "L40": "85d0a14affe5d46aaa9505e89e4ec9c54875b37c0c8d9caf1e63c2d8803cb8d9",
        "L80": "8677ef98fe912cbcd5ff2c99c142881b4e2ff498378fca1aceb491761c129c47",
        "L95": "a298aa5399d9bc515dee89eb0de925e6cc99bc7c3b137f869536364227d1aeea",
        "RGB40": "052e8b0c7566e489ca8302011b835396c1ffcd66d74d6cf27b9256cf6c3b60c4",
        "RGB80": "b96ccc5f6edd493fae7d75b1f003d5a853226725a6997f752ec57e2b25173112",
        "RGB95": "ea26936814e6580f7b8c6fa12af3b76ae7b9fe2a29d5638b7b9b260bbd374247",
    },
}
"""SHA-256 of the decoded pixels: L and RGB at qualities 40, 80, 95. From Pillow 13.0.0's own wheels."""

QUALITIES = (40, 80, 95)


def pattern(channels: int) -> Array:
    """The built-in picture, uint8 64×64×`channels`: ramps, a disk, stripes and hashed texture, integers only."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.int64)
    disk = (x - 20) ** 2 + (y - 24) ** 2 < 200
    stripes = ((x + y) // 3 % 2 == 1) & (y > 40)
    texture = (x * 73856093 ^ y * 19349663) % 61
    red = np.where(disk, 220, x * 4) - stripes * 60
    green = np.where(disk, 40, y * 4) + stripes * 90
    blue = (x + y) * 2 + np.where(x > 40, texture - 30, 0)
    colors = np.stack([red, green, blue], axis=2).clip(0, 255)
    if channels == 1:
        colors = (colors @ np.array([299, 587, 114]) + 500)[..., None] // 1000
    return colors.astype(np.uint8)


def digest(image: Array) -> str:
    """SHA-256 of a picture's samples."""
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()


def measured(codec: str) -> dict[str, str]:
    """What this machine's codec makes of the picture, by mode and quality."""
    trips = {
        "jpeg": lambda image, quality: pillow_codecs.jpeg(image, quality, "420"),
        "webp": lambda image, quality: pillow_codecs.webp(image, quality, 4),
    }
    return {
        f"{mode}{quality}": digest(trips[codec](pattern(channels), quality).image)
        for mode, channels in (("L", 1), ("RGB", 3))
        for quality in QUALITIES
    }


@lru_cache
def passes(codec: str) -> bool:
    """Whether `jpeg` or `webp` gives its golden pixels; computed once a process, and warned of once."""
    same = measured(codec) == GOLDEN[codec]
    if codec == "jpeg":
        same = same and features.check_feature("libjpeg_turbo") is True
    if not same:
        log.warning(
            "this machine's %s codec (%s) does not give the reference pixels; "
            "its figures are comparable only with each other, and rows are marked codec_golden=false",
            codec,
            ", ".join(f"{name} {version}" for name, version in versions(codec).items()),
        )
    return same


def codec_golden() -> dict[str, bool]:
    """For each lossy codec, whether it gives its golden pixels."""
    return {codec: passes(codec) for codec in GOLDEN}


def versions(codec: str) -> dict[str, str]:
    """The libraries behind a codec."""
    facts = {"pillow": features.version("pil") or ""}
    if codec == "webp":
        facts["libwebp"] = features.version("webp") or ""
    elif features.check_feature("libjpeg_turbo"):
        facts["libjpeg_turbo"] = features.version("libjpeg_turbo") or ""
    else:
        facts["libjpeg"] = features.version("jpg") or ""
    return facts
