"""What each degradation makes of the built-in 64×64 pattern: golden values, in golden_pixels.json beside this file.

Whole numbers (tables, draws, Pillow's resampling, integer codecs) must give the same pixels on every machine with the
versions of constraints.txt: their SHA-256 is kept. Where a library calculates in floating point, another build or
processor may round another way: OpenCV's filters, warps and color spaces, and the codecs AVIF, JPEG XL and JPEG 2000,
whose encoders no standard fixes. Of these the mean, the standard deviation and the means of 8×8 blocks are kept, and
may be one level off.

`python plugins/degradations/tests/test_degradation_golden.py` writes the file anew.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from bench_core.grammar import parse_channels
from bench_core.plugins import registry
from bench_degradations import golden

FILE = Path(__file__).with_name("golden_pixels.json")
LEVEL = 1.0

EXACT = [
    "identity",
    "quantise:3",
    "posterise:3",
    "lsb-zero:2",
    "jpeg:40",
    "jpeg:90,ss=422",
    "jpeg:90,ss=444",
    "webp:50",
    "webp:80.5,method=6",
    "webp-lossless",
    "png",
    "jp2-lossless",
    "gaussian:10",
    "gaussian:10,gray=1",
    "poisson",
    "poisson:30,gray=1",
    "speckle:0.15",
    "speckle:0.2,gray=1",
    "uniform:10",
    "uniform:20,gray=1",
    "salt-pepper:0.05",
    "salt-pepper:0.2,per=sample",
    "impulse:0.06",
    "median:3",
    "median:7",
    "brightness:1.5",
    "brightness:add=0.1",
    "brightness:add=-0.2",
    "contrast:0.5",
    "contrast:1.5",
    "contrast:0.4,about=channel",
    "gamma:2.2",
    "gray",
    "palette:16",
    "palette:16,dither=1",
    "translate:8",
    "translate:-5,dy=3,fill=wrap",
    "translate:100,fill=edge",
    "flip:h",
    "flip:v",
    "flip:hv,side=known",
    "resize:0.5",
    "resize:0.5,filter=lanczos",
    "resize:1.5,back=0",
    "pixelate:0.25",
    "pixelate:0.6",
    "crop:0.8",
    "crop:0.5,fill=resize",
    "crop:0.5,fill=resize,side=known",
    "crop:0.3,anchor=centre",
    "cropout:0.3",
    "dropout:0.3",
    "erase:0.1",
    "erase:0.2,fill=mean",
    "paste:0.1",
    "double-jpeg:q1=80,q2=60",
    "double-jpeg:q1=80,q2=60,dx=3,dy=1",
    "screenshot",
    "screenshot:1.5,codec=jpeg,back=0",
    "social:large",
    "social:small",
    "jpeg:80+gaussian:10",
    "gaussian:3+webp:60+poisson",
]

CLOSE = [
    "blur:2",
    "box:5",
    "sharpen:1",
    "motion:9",
    "motion:9,angle=30",
    "motion:21,sigma=5,spread=45",
    "defocus:3,alias=0.1",
    "defocus:10",
    "saturation:0.5",
    "hue:20",
    "rotate:5",
    "rotate:30,fill=0,filter=bicubic",
    "rotate:5,back=1",
    "shear:10",
    "shear:-10,axis=y",
    "perspective:0.05",
    "perspective:0.1,side=known",
    "avif:60",
    "jxl:1",
    "jp2:20",
    "jp2:psnr=35,mct=0",
    "screenshot:1,p3=1",
    "paste:0.2,source=texture",
]

BUILT_IN = sorted(e.name for e in registry().degradations if str(e.target).startswith("bench_degradations."))


def received(spec, channels):
    (channel,) = parse_channels([spec], registry().degradations, presets={})
    return channel.send(golden.pattern(channels), 7, "photos/a.png", 1).image


def fingerprint(image):
    """Mean, standard deviation, and the 8×8 means of blocks, row by row."""
    values = image.astype(np.float64)
    blocks = values.reshape(8, 8, 8, 8, -1).mean(axis=(1, 3))
    return [*(round(float(n), 2) for n in (values.mean(), values.std(), *blocks.ravel()))]


def measured(spec):
    images = {"gray": received(spec, 1), "rgb": received(spec, 3)}
    tell = golden.digest if spec in EXACT else fingerprint
    return {kind: tell(image) for kind, image in images.items()}


@pytest.fixture(scope="module")
def kept():
    return json.loads(FILE.read_text())


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_degradation_has_a_golden_value(name, kept):
    assert any(spec == name or spec.startswith(f"{name}:") for spec in kept)


def test_the_file_holds_what_is_tested(kept):
    assert list(kept) == sorted([*EXACT, *CLOSE])


@pytest.mark.parametrize("spec", EXACT)
def test_exact_pixels(spec, kept):
    assert measured(spec) == kept[spec]


@pytest.mark.parametrize("spec", CLOSE)
def test_close_pixels(spec, kept):
    for kind, found in measured(spec).items():
        assert len(found) == 2 + 64 * (1 if kind == "gray" else 3)
        assert np.abs(np.subtract(found, kept[spec][kind])).max() <= LEVEL


def test_close_is_close_enough_to_see_a_change():
    for spec, other in (
        ("blur:2", "blur:2.5"),
        ("motion:9", "motion:9,angle=10"),
        ("rotate:5", "rotate:6"),
        ("hue:20", "hue:24"),
    ):
        assert np.abs(np.subtract(measured(spec)["rgb"], fingerprint(received(other, 3)))).max() > 2 * LEVEL


if __name__ == "__main__":
    lines = (f"{json.dumps(spec)}: {json.dumps(measured(spec))}" for spec in sorted([*EXACT, *CLOSE]))
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")
