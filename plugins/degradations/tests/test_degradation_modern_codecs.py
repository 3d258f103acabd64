import io
import sys

import numpy as np
import pytest
from PIL import Image, features
from skimage.data import astronaut

from bench_core.errors import CellFailure, RequestError
from bench_core.grammar import parse_channels
from bench_core.plugins import registry
from bench_degradations import golden, pillow_codecs
from bench_degradations.codecs import Png
from bench_degradations.modern_codecs import Avif, Jpeg2000, Jpeg2000Lossless, Jxl
from bench_degradations.social import DoubleJpeg, Screenshot, Social, through_p3

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def photo():
    return np.asarray(Image.fromarray(astronaut()).resize((160, 120), Image.Resampling.LANCZOS))


@pytest.fixture(scope="module")
def gray(photo):
    return np.asarray(Image.fromarray(photo).convert("L"))[..., None]


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


def apply(degradation, image):
    return degradation.apply(image, RNG).image


def file_of(image, codec, **options):
    file = io.BytesIO()
    Image.fromarray(image if image.shape[2] == 3 else image[..., 0]).save(file, codec, **options)
    return file


def test_avif_is_pillows_on_one_thread(photo, gray):
    for image, sampling in ((photo, "4:2:0"), (gray, "4:0:0")):
        file = file_of(image, "AVIF", quality=60, speed=6, subsampling=sampling, max_threads=1)
        received = Avif(q=60).apply(image, RNG)
        assert received.details == {"encoded_bytes": file.tell()}
        expected = Image.open(file).convert("RGB" if image is photo else "L")
        assert np.array_equal(received.image, np.asarray(expected).reshape(image.shape))


def test_avifs_speed_and_subsampling_change_pixels(photo):
    variants = [Avif(q=60), Avif(q=60, speed=9), Avif(q=60, ss="444"), Avif(q=60, ss="422")]
    assert len({golden.digest(apply(variant, photo)) for variant in variants}) == 4


@pytest.mark.parametrize("rate", [5, 10, 20, 40])
def test_a_jpeg_2000_rate_is_that_of_the_file(rate, photo, gray):
    for image in (photo, gray):
        received = Jpeg2000(rate=rate).apply(image, RNG)
        assert received.details["encoded_bytes"] == pytest.approx(image.size / rate, rel=0.05, abs=250)


@pytest.mark.parametrize("target", [28, 32, 35, 40])
def test_a_jpeg_2000_psnr_is_reached(target, photo, gray):
    for image in (photo, gray):
        assert psnr(apply(Jpeg2000(psnr=target), image), image) == pytest.approx(target, abs=0.6)


def test_the_color_transform_is_worth_decibels(photo, gray):
    with_it, without = (psnr(apply(Jpeg2000(rate=20, mct=mct), photo), photo) for mct in (True, False))
    assert with_it > without + 1
    assert np.array_equal(apply(Jpeg2000(rate=20, mct=False), gray), apply(Jpeg2000(rate=20), gray))


@pytest.mark.parametrize("values", [{}, {"rate": 20.0, "psnr": 35.0}])
def test_jpeg_2000_wants_one_target(values):
    with pytest.raises(RequestError) as caught:
        Jpeg2000(**values)
    assert caught.value.problems == ("either a rate or a psnr above 0 is required, e.g. jp2:20 (20:1) or jp2:psnr=35",)


def quality(distance):
    """libjxl's JxlEncoderDistanceFromQuality, the other way round, by bisection."""

    def distance_of(q):
        return 0.1 + (100 - q) * 0.09 if q >= 30 else 53 / 3000 * q * q - 23 / 20 * q + 25

    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if distance_of(middle) > distance else (low, middle)
    return low


@pytest.mark.parametrize("distance", [0.11, 1, 3, 6.4, 6.5, 15, 25])
def test_a_jpeg_xl_distance_is_libjxls(distance, photo, monkeypatch):
    asked = []
    monkeypatch.setattr(pillow_codecs, "_trip", lambda image, codec, **options: asked.append(options))
    pillow_codecs.jxl(photo, distance, 3)
    (options,) = asked
    assert options.pop("quality") == pytest.approx(quality(distance), abs=1e-6)
    assert options == {"effort": 3, "num_threads": 1}


def test_jpeg_xl_at_distance_0_is_lossless(photo, gray):
    for image in (photo, gray):
        received = Jxl(distance=0).apply(image, RNG)
        assert np.array_equal(received.image, image)
        assert received.details["encoded_bytes"] < image.size


def test_a_jpeg_xl_distance_that_cannot_be_had():
    with pytest.raises(RequestError, match=r"distance must be 0 \(lossless\) or a number above 0\.1 and up to 25"):
        Jxl(distance=0.05)


def test_more_effort_changes_the_file(photo):
    sizes = {Jxl(distance=1, effort=effort).apply(photo, RNG).details["encoded_bytes"] for effort in (1, 3, 7)}
    assert len(sizes) == 3


def test_a_machine_without_the_codecs(monkeypatch):
    monkeypatch.setattr(golden.features, "check", lambda name: False)
    monkeypatch.setitem(sys.modules, "pillow_jxl", None)
    expected = {
        "avif:60": "avif needs Pillow >= 11.3 built with libavif; this Pillow reports no AVIF support"
        " (its wheels have it: pip install --upgrade pillow)",
        "jp2:20": "jp2 needs Pillow built with OpenJPEG; this Pillow has no JPEG 2000 support",
        "jp2-lossless": "jp2-lossless needs Pillow built with OpenJPEG; this Pillow has no JPEG 2000 support",
        "jxl:1": "jxl needs pillow-jxl-plugin; install it with: pip install 'bench-degradations[jxl]'",
    }
    for spec, message in expected.items():
        with pytest.raises(RequestError) as caught:
            parse_channels([spec], registry().degradations, presets={})
        assert caught.value.problems == (f"--degrade {spec}: {message}",)
        assert caught.value.exit_code == 2
    assert golden.codec_golden() == {}


@pytest.mark.parametrize(
    ("degradation", "codec", "versions"),
    [
        (Avif(q=60), "avif", {"pillow", "libavif"}),
        (Jxl(distance=1), "jxl", {"pillow", "pillow_jxl_plugin"}),
        (Jpeg2000(rate=20), "jp2", {"pillow", "openjpeg"}),
        (Jpeg2000Lossless(), "jp2", {"pillow", "openjpeg"}),
        (DoubleJpeg(q1=80, q2=60), "jpeg", {"pillow", "libjpeg_turbo"}),
        (Social(size="large"), "jpeg", {"pillow", "libjpeg_turbo"}),
        (Screenshot(codec="jpeg"), "jpeg", {"pillow", "libjpeg_turbo"}),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_provenance(degradation, codec, versions):
    facts = degradation.provenance()
    assert facts.keys() == {*versions, f"{codec}_golden"}
    assert facts["pillow"] == features.version("pil")
    assert all(facts[name] for name in versions)


def test_png_tells_only_a_size(photo):
    received = Png(level=9).apply(photo, RNG)
    assert received.details == {"encoded_bytes": file_of(photo, "PNG", compress_level=9).tell()}
    assert Png().provenance() == Screenshot().provenance() == {}


def test_too_long_for_avif():
    row = np.zeros((1, pillow_codecs.AVIF_SIDE + 1, 1), np.uint8)
    with pytest.raises(CellFailure, match="avif allows 32768 pixels a side; this picture is 32769x1") as caught:
        apply(Avif(q=40), row)
    assert caught.value.status == "skipped_unsupported"


def test_a_capture_that_would_be_too_large():
    row = np.zeros((1, 40_000, 1), np.uint8)
    with pytest.raises(CellFailure, match="screenshot allows 65500 pixels a side; this picture is 80000x2"):
        apply(Screenshot(factor=2), row)


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (3, 1), (-8, 16)])
def test_double_jpeg_is_its_chain(dx, dy, photo, gray):
    specs = [f"double-jpeg:q1=80,q2=60,dx={dx},dy={dy}", f"jpeg:80+translate:{dx},dy={dy}+jpeg:60"]
    double, chain = parse_channels(specs, registry().degradations, presets={})
    for image in (photo, gray):
        assert np.array_equal(double.send(image, 0, "a").image, chain.send(image, 0, "a").image)
        details = double.send(image, 0, "a").details
        known = parse_channels([f"{specs[0]},side=known"], registry().degradations, presets={})[0]
        inner = (slice(16, -16), slice(16, -16))
        moved_back = np.roll(double.send(image, 0, "a").image, (-dy, -dx), axis=(0, 1))
        assert np.array_equal(known.send(image, 0, "a").image[inner], moved_back[inner])
        assert details["encoded_bytes"] == chain.send(image, 0, "a").details["encoded_bytes"]


def test_a_second_jpeg_on_the_same_grid_is_milder(photo):
    """The same quality again changes little; on another grid it quantizes anew."""
    once = pillow_codecs.jpeg(photo, 60, "420").image
    again = pillow_codecs.jpeg(once, 60, "420").image
    shifted = np.roll(once, (3, 3), axis=(0, 1))
    assert psnr(again, once) > psnr(pillow_codecs.jpeg(shifted, 60, "420").image, shifted) + 3


def test_screenshot_scales_captures_and_scales_back(photo):
    shown = Image.fromarray(photo).resize((240, 180), Image.Resampling.BILINEAR)
    received = Screenshot(factor=1.5, back=False).apply(photo, RNG)
    assert np.array_equal(received.image, shown)
    assert received.details["size"] == [240, 180]
    captured = Image.fromarray(pillow_codecs.jpeg(np.asarray(shown), 90, "420").image)
    expected = captured.resize((160, 120), Image.Resampling.BILINEAR)
    assert np.array_equal(apply(Screenshot(factor=1.5, codec="jpeg"), photo), expected)


def test_display_p3_is_display_p3():
    """The well-known 8-bit coordinates of sRGB's primaries, and white and grays as they are."""
    from bench_degradations.social import _TO_P3, _converted

    colors = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [77, 77, 77]]], np.uint8)
    expected = [[[234, 51, 35], [117, 251, 76], [0, 0, 245], [255, 255, 255], [77, 77, 77]]]
    assert _converted(colors, _TO_P3).tolist() == expected


def test_by_way_of_p3_little_is_lost(photo):
    assert psnr(through_p3(photo), photo) > 50
    assert not np.array_equal(through_p3(photo), photo)


@pytest.mark.parametrize(("size", "limit", "quality"), [("large", 2048, 85), ("medium", 1280, 75), ("small", 1080, 70)])
def test_social_limits_the_longer_side(size, limit, quality):
    tall = np.asarray(Image.fromarray(astronaut()).resize((100, 2500)))
    received = Social(size=size).apply(tall, RNG)
    assert received.details["size"] == [round(100 * limit / 2500), limit]
    small = Image.fromarray(tall).resize((round(100 * limit / 2500), limit), Image.Resampling.LANCZOS)
    trip = pillow_codecs.jpeg(np.asarray(small), quality, "420")
    assert received.details["encoded_bytes"] == trip.encoded_bytes
    expected = Image.fromarray(trip.image).resize((100, 2500), Image.Resampling.LANCZOS)
    assert np.array_equal(received.image, expected)


@pytest.mark.parametrize(("size", "quality"), [("large", 85), ("medium", 75), ("small", 70)])
def test_social_leaves_small_pictures_their_size(size, quality, photo):
    assert np.array_equal(apply(Social(size=size), photo), pillow_codecs.jpeg(photo, quality, "420").image)
