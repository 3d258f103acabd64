"""Does this machine's codec give the pixels it should? A self test on a built-in picture.

Encoders differ: libjpeg 7 to 9 and MozJPEG do not give libjpeg-turbo's pixels, and the encoders of WebP, AVIF, JPEG XL
and JPEG 2000 may change with any release. A figure from another codec is another figure, so rows say when the test
failed.
"""

import hashlib
import importlib
import importlib.metadata
import logging
from collections.abc import Callable, Mapping
from functools import lru_cache, partial

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
    "avif": {
        "L40": "1cd288185dbcc9129ce43feece99c1437c9731dc010ebeb9e277700944502d91",
        "L80": "be27f9ed03c332bc27d343eb521d148a828fd45fd5fdb1df380cf78777b1236d",
        "L95": "231d5063392dca531c014d630161534833c0b9819580bd68275d309085429883",
        "RGB40": "0f59237b80423a79667cba27122dfc6ebe8ae70a6e7641ab1310dfff34f31d0a",
        "RGB80": "e22c848a672180a3ee0be057a45ce7a82fb62887e1b41f453b9db4038720b9ec",
        "RGB95": "85573f2f498a2a8e70c06937847429ff0e60095d8e42c94f58fc6c48f4790c98",
    },
    "jxl": {
        "Ld0.5": "6a586e3dc57b65be82df03e0558f5fa8ee7993b8ea2bee7d59947daa745ef8c2",
        "Ld1": "c407fed5ac8474c9e1c3cb80a6cee4cde6c6a315b65000367360bcd0612879a9",
        "Ld3": "3a04e79eac08eaa3f07789a206b7e908ce3092f7b516938d8edfd29bfd529a7e",
        "RGBd0.5": "eb42e39128bf115b7419424191464bba2ba3e3f1da321b74d7b574860edf04b1",
        "RGBd1": "0092840cc4623fd90b78d1d2d017342792a295ddd791b689c9c051dbc22bf1d8",
        "RGBd3": "720fbb86af5ae9096a42b849c2bddb4fb52bee7a9b07d32aca88271afcdfac98",
    },
    "jp2": {
        "Lr5": "a65653c466f0879e69d3e83e87425bef57eef3b588f4ae8dcaf1cba786353829",
        "Lr20": "c363ce8ac0f0d1a67ed54f682892e9a7829e055c497350e068cced1407caded9",
        "Lpsnr35": "dd9f441c3ece3cddb9b3031558dff42d17a0c298dc91e5f8e716405967b284f8",
        "RGBr5": "b05398abb2b0364e1f2328da3bb24c350d14dbdcce7849cb2444dcff6afeecb9",
        "RGBr20": "6e12d79b8eea30d4b16ff94672347b626fc0a813487426cefe00bc663d2037ad",
        "RGBpsnr35": "5fdfa5968f25df19ebda74d0465e5a5b0c16e348fafd6eeff093d05bc52d362e",
    },
}
"""SHA-256 of the decoded pixels, L and RGB at three settings each. From Pillow 13.0.0's own wheels (libavif 1.4.2,
OpenJPEG 2.5.4) and pillow-jxl-plugin 1.3.8."""

Trip = Callable[[Array], pillow_codecs.Trip]

QUALITIES = (40, 80, 95)

_TRIPS: Mapping[str, Mapping[str, Trip]] = {
    "jpeg": {str(q): partial(pillow_codecs.jpeg, quality=q, subsampling="420") for q in QUALITIES},
    "webp": {str(q): partial(pillow_codecs.webp, quality=q, method=4) for q in QUALITIES},
    "avif": {str(q): partial(pillow_codecs.avif, quality=q, speed=6, subsampling="420") for q in QUALITIES},
    "jxl": {f"d{d}": partial(pillow_codecs.jxl, distance=d, effort=3) for d in (0.5, 1, 3)},
    "jp2": {
        **{f"r{r}": partial(pillow_codecs.jpeg2000, rate=r, psnr=0, transform=True) for r in (5, 20)},
        "psnr35": partial(pillow_codecs.jpeg2000, rate=0, psnr=35, transform=True),
    },
}
_FEATURES = {"jpeg": "jpg", "webp": "webp", "avif": "avif", "jp2": "jpg_2000"}
_LIBRARIES = {"webp": "libwebp", "avif": "libavif", "jp2": "openjpeg"}


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


def available(codec: str) -> bool:
    """Whether this machine has a codec at all."""
    if codec == "jxl":
        try:
            importlib.import_module("pillow_jxl")  # which teaches Pillow the format
        except ImportError:
            return False
        return True
    return bool(features.check(_FEATURES[codec]))


def measured(codec: str) -> dict[str, str]:
    """What this machine's codec makes of the picture, by mode and setting."""
    return {
        f"{mode}{setting}": digest(trip(pattern(channels)).image)
        for mode, channels in (("L", 1), ("RGB", 3))
        for setting, trip in _TRIPS[codec].items()
    }


@lru_cache
def passes(codec: str) -> bool:
    """Whether a codec gives its golden pixels; computed once a process, and warned of once."""
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
    """For each lossy codec that this machine has, whether it gives its golden pixels."""
    return {codec: passes(codec) for codec in GOLDEN if available(codec)}


def versions(codec: str) -> dict[str, str]:
    """The libraries behind a codec."""
    facts = {"pillow": features.version("pil") or ""}
    if codec == "jxl":
        facts["pillow_jxl_plugin"] = importlib.metadata.version("pillow-jxl-plugin")
    elif codec != "jpeg":
        facts[_LIBRARIES[codec]] = features.version(_FEATURES[codec]) or ""
    elif features.check_feature("libjpeg_turbo"):
        facts["libjpeg_turbo"] = features.version("libjpeg_turbo") or ""
    else:
        facts["libjpeg"] = features.version("jpg") or ""
    return facts
