"""What holds for every degradation: shapes, purity, keyed randomness, and damage that grows with its strength."""

import contextlib
import json
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage.data import astronaut, chelsea

from bench_core.degradation import Degradation
from bench_core.errors import RequestError
from bench_core.grammar import parse_channels
from bench_core.plugins import registry
from bench_core.randomness import keyed_generator
from bench_degradations import golden

SPECS = [
    "identity",
    "quantise:3",
    "posterise:3",
    "lsb-zero:2",
    "jpeg:40",
    "webp:50",
    "webp-lossless",
    "png",
    "avif:60,speed=10",
    "jxl:1",
    "jxl:0",
    "jp2:20",
    "jp2:psnr=35",
    "jp2-lossless",
    "gaussian:10",
    "poisson",
    "speckle:0.15",
    "uniform:10",
    "salt-pepper:0.05",
    "impulse:0.06",
    "blur:2",
    "median:5",
    "box:5",
    "sharpen:1",
    "motion:9",
    "motion:31,sigma=5,spread=45",
    "defocus:4",
    "brightness:1.5",
    "brightness:add=0.1",
    "contrast:0.5",
    "contrast:0.4,about=channel",
    "saturation:0.5",
    "hue:20",
    "gamma:2.2",
    "gray",
    "palette:16",
    "palette:5,dither=1",
    "rotate:5",
    "rotate:5,back=1,fill=0",
    "shear:10",
    "perspective:0.1",
    "perspective:0.1,side=known",
    "translate:8,dy=-3",
    "translate:100,fill=wrap",
    "flip:hv",
    "resize:0.5",
    "pixelate:0.25",
    "crop:0.5",
    "crop:0.5,fill=resize",
    "crop:0.5,fill=resize,side=known",
    "crop:0.001,anchor=centre",
    "cropout:0.3",
    "dropout:0.3",
    "erase:0.1",
    "erase:1,fill=mean",
    "paste:0.2",
    "paste:0.2,source=texture",
    "double-jpeg:q1=80,q2=60,dx=3",
    "screenshot",
    "screenshot:1.5,codec=jpeg,p3=1",
    "social:small",
]

CONTROLS = [
    "identity",
    "quantise:8",
    "posterise:8",
    "webp-lossless",
    "png",
    "png:0",
    "jp2-lossless",
    "jxl:0",
    "gaussian:0",
    "speckle:0",
    "uniform:0",
    "salt-pepper:0",
    "impulse:0",
    "blur:0",
    "box:1",
    "sharpen:0",
    "motion:1",
    "defocus:0",
    "brightness:1",
    "contrast:1",
    "contrast:1,about=channel",
    "saturation:1",
    "hue:0",
    "gamma:1",
    "rotate:0",
    "rotate:0,back=1",
    "rotate:0,filter=bicubic",
    "shear:0",
    "perspective:0",
    "translate:0",
    "flip:h,side=known",
    "resize:1",
    "pixelate:1",
    "crop:1",
    "crop:1,fill=resize",
    "cropout:1",
    "dropout:1",
    "erase:0",
    "screenshot:1",
]


def channel(spec):
    (found,) = parse_channels([spec], registry().degradations, presets={})
    return found


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


def entries():
    return [entry for entry in registry().degradations if str(entry.target).startswith("bench_degradations.")]


@pytest.fixture(scope="module")
def photo():
    return np.asarray(Image.fromarray(astronaut()).resize((128, 128), Image.Resampling.LANCZOS))


@pytest.fixture(scope="module")
def gray(photo):
    return np.asarray(Image.fromarray(photo).convert("L"))[..., None]


def test_every_degradation_is_tested_here():
    assert {spec.partition(":")[0] for spec in SPECS} == {entry.name for entry in entries()}


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (33, 51), (1, 40), (40, 1)], ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_shape_and_type_are_kept(spec, shape, channels):
    image = np.random.default_rng(1).integers(0, 256, (*shape, channels), dtype=np.uint8)
    before = image.copy()
    received = channel(spec).send(image, 0, "a")
    out = received.image
    assert (out.shape, out.dtype, out.flags.writeable) == (image.shape, np.uint8, True)
    assert not np.shares_memory(out, image)
    assert np.array_equal(image, before)
    if received.mask is not None:
        assert (received.mask.shape, received.mask.dtype) == ((*shape, 1), np.uint8)
        assert set(np.unique(received.mask)) <= {0, 255}
    json.dumps(received.details)
    assert np.array_equal(channel(spec).send(image, 0, "a").image, out)


@pytest.mark.parametrize("spec", ["resize:0.5,back=0", "screenshot:1.5,back=0", "resize:0.01,back=0"])
@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 5, 1), (33, 51, 3)], ids=str)
def test_only_without_back_the_size_changes(spec, shape):
    image = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    received = channel(spec).send(image, 0, "a")
    factor = float(spec.split(":")[1].split(",")[0])
    width, height = (max(1, round(side * factor)) for side in (shape[1], shape[0]))
    assert received.image.shape == (height, width, shape[2])
    assert received.details["size"] == [width, height]


@pytest.mark.parametrize("spec", CONTROLS)
def test_controls_are_bit_exact(spec, photo, gray):
    for image in (photo, gray, golden.pattern(3), golden.pattern(1)[:, :33]):
        out = channel(spec).send(image, 3, "a").image
        assert np.array_equal(out, image)
        assert not np.shares_memory(out, image)


@pytest.mark.parametrize("spec", SPECS)
def test_views_are_as_good_as_arrays(spec, photo):
    view = photo[::-1, ::2]
    one = channel(spec)
    assert np.array_equal(one.send(view, 0, "a").image, one.send(np.ascontiguousarray(view), 0, "a").image)


# In these, draws are made for each channel, or color is coded apart from gray.
APART = ("webp:", "avif", "jxl:1", "jp2:", "gaussian", "poisson", "speckle", "uniform", "impulse")


@pytest.mark.parametrize("spec", [spec for spec in SPECS if not (spec.startswith(APART) or "texture" in spec)])
def test_gray_is_equal_channels(spec, gray):
    color = channel(spec).send(gray.repeat(3, axis=2), 0, "a").image
    assert np.abs(channel(spec).send(gray, 0, "a").image.astype(int) - color).max() <= 1


IMAGES = {f"{n}.png": np.random.default_rng(n).integers(0, 256, (21 + n, 16, 3), dtype=np.uint8) for n in range(4)}


def hashes(one, names):
    return {name: golden.digest(one.send(IMAGES[name], 5, name, 0).image) for name in names}


@pytest.mark.parametrize("spec", SPECS)
def test_order_and_workers_change_nothing(spec):
    one, names = channel(spec), list(IMAGES)
    expected = hashes(one, names)
    shuffled = random.Random(3).sample(names, len(names))
    assert hashes(channel(spec), shuffled) == expected
    assert hashes(one, names[2:3]) == {names[2]: expected[names[2]]}
    with ThreadPoolExecutor(4) as pool:
        assert dict(zip(shuffled, pool.map(lambda name: hashes(one, [name])[name], shuffled), strict=True)) == expected


@pytest.mark.parametrize("spec", SPECS)
def test_a_stage_more_leaves_the_stages_before_as_they_were(spec):
    image = golden.pattern(3)
    short = channel(f"gaussian:5+crop:0.9+{spec}")
    whole = channel(f"gaussian:5+crop:0.9+{spec}+impulse:0.1")
    before = short.send(image, 1, "a", 2)
    after = whole.stages[-1].apply(before.image, keyed_generator(1, "a", 3, whole.stages[-1].id, 2)).image
    assert np.array_equal(whole.send(image, 1, "a", 2).image, after)


DRAWN = [spec for spec in SPECS if channel(spec).stochastic]
FIXED = [spec for spec in SPECS if not channel(spec).stochastic]


@pytest.mark.parametrize("spec", [spec for spec in DRAWN if not spec.startswith("erase:1,")])  # all of it: one place
def test_seed_image_and_repeat_draw_anew(spec, photo):
    one = channel(spec)
    keys = [(0, "a", 0), (1, "a", 0), (0, "b", 0), (0, "a", 1)]
    cover = np.zeros_like(photo)
    assert len({golden.digest(one.send(photo, *key, cover=cover).image) for key in keys}) == 4
    assert one.repeats("a", 3) == 3


@pytest.mark.parametrize("spec", FIXED)
def test_what_draws_nothing_is_not_repeated(spec, photo):
    one = channel(spec)
    assert np.array_equal(one.send(photo, 0, "a").image, one.send(photo, 1, "b", 7).image)
    assert one.repeats("a", 3) == 1


@pytest.mark.parametrize(
    ("spec", "drawn"), [("crop:0.5,anchor=centre", False), ("motion:9,spread=5", True), ("motion:9", False)]
)
def test_whether_it_draws_depends_on_the_parameters(spec, drawn):
    assert channel(spec).stochastic is drawn
    assert channel(spec).stages[0].stochastic is drawn


RISING = {
    "posterise": [f"posterise:{bits}" for bits in range(1, 8)],
    "lsb-zero": [f"lsb-zero:{bits}" for bits in range(7, 0, -1)],
    "avif": [f"avif:{q}" for q in (0, 20, 40, 60, 80, 95)],
    "jxl": [f"jxl:{d}" for d in (25, 12, 6, 3, 1, 0.5, 0.11)],
    "jp2": [f"jp2:{rate}" for rate in (100, 50, 20, 10, 5)],
    "jp2 psnr": [f"jp2:psnr={psnr}" for psnr in (25, 30, 35, 40, 45)],
    "speckle": [f"speckle:{s}" for s in (2, 0.6, 0.3, 0.15, 0.05)],
    "uniform": [f"uniform:{a}" for a in (100, 50, 20, 10, 5)],
    "salt-pepper": [f"salt-pepper:{p}" for p in (1, 0.5, 0.2, 0.05, 0.01)],
    "impulse": [f"impulse:{p}" for p in (1, 0.5, 0.2, 0.05, 0.01)],
    "blur": [f"blur:{s}" for s in (20, 10, 5, 2, 1, 0.5)],
    "median": [f"median:{k}" for k in (21, 11, 7, 5, 3)],
    "box": [f"box:{k}" for k in (21, 11, 7, 5, 3)],
    "motion": [f"motion:{length},angle=20" for length in (41, 21, 11, 7, 3)],
    "defocus": [f"defocus:{r}" for r in (10, 8, 6, 4, 2)],
    "sharpen": [f"sharpen:{a}" for a in (5, 2, 1, 0.5, 0.1)],
    "brightness": [f"brightness:{f}" for f in (4, 3, 2, 1.5, 1.1)],
    "darkness": [f"brightness:{f}" for f in (0.1, 0.3, 0.5, 0.8, 0.95)],
    "brightness add": [f"brightness:add={a}" for a in (0.5, 0.4, 0.3, 0.2, 0.1)],
    "contrast": [f"contrast:{f}" for f in (0, 0.2, 0.5, 0.8, 0.95)],
    "contrast channel": [f"contrast:{f},about=channel" for f in (0.05, 0.1, 0.2, 0.3, 0.4)],
    "saturation": [f"saturation:{f}" for f in (0, 0.2, 0.5, 0.8, 0.95)],
    "hue": [f"hue:{d}" for d in (90, 60, 30, 15, 5)],
    "gamma": [f"gamma:{g}" for g in (5, 3, 2, 1.5, 1.1)],
    "palette": [f"palette:{n}" for n in (2, 4, 16, 64, 128)],
    "rotate": [f"rotate:{angle}" for angle in (20, 10, 5, 2, 0.5)],
    "shear": [f"shear:{angle}" for angle in (20, 10, 5, 2, 0.5)],
    "translate": [f"translate:{dx}" for dx in (16, 8, 4, 2, 1)],
    "resize": [f"resize:{f}" for f in (0.05, 0.1, 0.25, 0.5, 0.75)],
    "pixelate": [f"pixelate:{f}" for f in (0.05, 0.1, 0.25, 0.5)],
    "crop": [f"crop:{a},anchor=centre" for a in (0.1, 0.3, 0.5, 0.8, 0.95)],
    "cropout": [f"cropout:{a}" for a in (0, 0.1, 0.3, 0.6, 0.9)],
    "dropout": [f"dropout:{a}" for a in (0, 0.1, 0.3, 0.6, 0.9)],
    "double-jpeg": [f"double-jpeg:q1=90,q2={q},dx=3,side=known" for q in (10, 30, 50, 80)],
    "social": ["social:small", "social:medium", "social:large"],
}


@pytest.mark.parametrize("name", RISING)
def test_less_of_it_is_more_psnr(name, photo, gray):
    for image in (photo, gray):
        if image is gray and name in ("saturation", "hue"):
            continue
        cover = 255 - image
        figures = [psnr(channel(spec).send(image, 0, "a", cover=cover).image, image) for spec in RISING[name]]
        assert figures == sorted(figures)
        assert figures[0] + 2 < figures[-1]


NAMES = st.sampled_from([entry.name for entry in entries()])


@settings(deadline=None, max_examples=60)
@given(name=NAMES, data=st.data())
def test_any_legal_parameters_give_a_picture(name, data):
    """Of a small picture, at whatever its parameters' bounds allow, and an id that leads back to it."""
    kind: type[Degradation] = registry().degradations.load(name)
    values = {}
    for param in kind.params:
        if param.choices:
            strategy = st.sampled_from(param.choices)
        elif param.kind is bool:
            strategy = st.booleans()
        elif param.kind is int:
            strategy = st.integers(param.low, param.high)
        else:
            ends = st.sampled_from([float(param.low), float(param.high)])
            strategy = st.one_of(ends, st.floats(param.low, param.high)).map(lambda x: round(x, 3))
        values[param.name] = data.draw(strategy, label=param.name)
    degradation = None
    with contextlib.suppress(RequestError):  # values that are legal, but not together
        degradation = kind(**values)
    if degradation is None:
        return
    image = np.random.default_rng(0).integers(0, 256, (11, 9, data.draw(st.sampled_from([1, 3]))), dtype=np.uint8)
    out = degradation.apply(image, np.random.default_rng(0)).image
    assert out.dtype == np.uint8
    assert out.shape == image.shape or values.get("back") is False
    rebuilt = channel(degradation.id)
    assert rebuilt.id == degradation.id


def test_photos_survive_a_whole_list_of_stages():
    spec = "resize:0.9+rotate:3,back=1+crop:0.9+brightness:1.1+gamma:1.1+blur:0.5+gaussian:2+jpeg:80+paste:0.05"
    photo = chelsea()[:96, :128]
    received = channel(spec).send(photo, 0, "cat")
    assert received.image.shape == photo.shape
    assert psnr(received.image, photo) > 8
    assert [stage["id"].partition(":")[0] for stage in received.details["stages"]] == [
        "resize",
        "crop",
        "jpeg",
        "paste",
    ]
