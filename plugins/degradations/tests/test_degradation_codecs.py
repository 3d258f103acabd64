import io
import logging

import cv2
import numpy as np
import pytest
from PIL import Image, features
from skimage.data import astronaut

from bench_core.errors import CellFailure, RequestError
from bench_degradations import golden, pillow_codecs
from bench_degradations.codecs import Jpeg, Webp, WebpLossless
from bench_degradations.exact import Identity, Quantise

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def photo():
    return np.asarray(Image.fromarray(astronaut()).resize((192, 192), Image.Resampling.LANCZOS))


@pytest.fixture(scope="module")
def gray(photo):
    return np.asarray(Image.fromarray(photo).convert("L"))[..., None]


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


def apply(degradation, image):
    return degradation.apply(image, RNG).image


@pytest.mark.parametrize("control", [Identity(), Quantise(), Quantise(bits=8), WebpLossless()], ids=repr)
def test_controls_are_bit_exact(control, photo, gray):
    for image in (photo, gray, golden.pattern(3), golden.pattern(1)):
        out = apply(control, image)
        assert np.array_equal(out, image)
        assert not np.shares_memory(out, image)


@pytest.mark.parametrize("bits", range(1, 9))
def test_quantise_is_the_formula(bits):
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    steps = 2**bits - 1
    out = apply(Quantise(bits=bits), levels)
    assert len(np.unique(out)) == 2**bits
    expected = [round(round(x * steps / 255) * 255 / steps) for x in range(256)]
    assert out.ravel().tolist() == expected
    assert np.array_equal(apply(Quantise(bits=bits), out), out)


LOSSY = {
    "jpeg": [Jpeg(q=q) for q in (1, 10, 25, 50, 75, 90, 95)],
    "jpeg 444": [Jpeg(q=q, ss="444") for q in (10, 25, 50, 75, 90, 95, 100)],
    "webp": [Webp(q=q) for q in (0, 25, 50, 75, 90, 100)],
    "quantise": [Quantise(bits=bits) for bits in range(1, 8)],
}


@pytest.mark.parametrize("name", LOSSY)
def test_more_quality_is_more_psnr(name, photo, gray):
    for image in (photo, gray):
        figures = [psnr(apply(degradation, image), image) for degradation in LOSSY[name]]
        assert figures == sorted(figures)
        assert figures[0] + 5 < figures[-1]


def test_less_subsampling_is_more_psnr(photo):
    figures = [psnr(apply(Jpeg(q=90, ss=ss), photo), photo) for ss in ("420", "422", "444")]
    assert figures == sorted(figures)


def test_subsampling_is_stated_not_the_librarys(photo):
    def components(**options):
        file = io.BytesIO()
        Image.fromarray(photo).save(file, "JPEG", quality=95, **options)
        return np.asarray(Image.open(file))

    for ss, number in (("420", 2), ("422", 1), ("444", 0)):
        assert np.array_equal(apply(Jpeg(q=95, ss=ss), photo), components(subsampling=number))


@pytest.mark.parametrize("q", [40, 80, 95])
def test_opencv_gives_the_same_jpeg(q, photo, gray):
    settings = [cv2.IMWRITE_JPEG_QUALITY, q]
    encoded = cv2.imencode(".jpg", photo[..., ::-1], settings)[1]
    received = Jpeg(q=q).apply(photo, RNG)
    assert np.array_equal(received.image, cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1])
    assert received.details == {"encoded_bytes": encoded.size}
    encoded = cv2.imencode(".jpg", gray, settings)[1]
    assert np.array_equal(apply(Jpeg(q=q), gray)[..., 0], cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE))


def test_opencv_gives_the_same_webp(photo):
    encoded = cv2.imencode(".webp", photo[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, 80])[1]
    assert np.array_equal(apply(Webp(q=80), photo), cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1])


def test_gray_jpeg_is_the_same_as_equal_channels(gray):
    for q in (20, 80):
        assert np.array_equal(apply(Jpeg(q=q), gray)[..., 0], apply(Jpeg(q=q), gray.repeat(3, axis=2))[..., 0])


def test_gray_webp_is_the_luma_of_what_decodes(gray):
    color = pillow_codecs.webp(gray.repeat(3, axis=2), 60, 4).image
    assert np.array_equal(apply(Webp(q=60), gray)[..., 0], np.asarray(Image.fromarray(color).convert("L")))


def test_method_changes_webp(photo):
    assert len({golden.digest(apply(Webp(q=40, method=method), photo)) for method in (0, 2, 4, 6)}) == 4


def test_jpeg_again_is_a_real_stage(photo):
    once = apply(Jpeg(q=80), photo)
    assert not np.array_equal(apply(Jpeg(q=80), once), once)


ALL = [Identity(), Quantise(bits=3), Jpeg(q=40), Jpeg(q=90, ss="422"), Webp(q=50), WebpLossless()]


@pytest.mark.parametrize("degradation", ALL, ids=repr)
@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (17, 33), (1, 40), (40, 1)], ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_any_shape_is_kept(degradation, shape, channels):
    image = np.random.default_rng(1).integers(0, 256, (*shape, channels), dtype=np.uint8)
    before = image.copy()
    out = apply(degradation, image)
    assert (out.shape, out.dtype, out.flags.writeable) == (image.shape, np.uint8, True)
    assert np.array_equal(image, before)
    assert np.array_equal(apply(degradation, image), out)


def test_views_are_as_good_as_arrays(photo):
    flipped = photo[::-1, ::2]
    for degradation in ALL:
        assert np.array_equal(apply(degradation, flipped), apply(degradation, np.ascontiguousarray(flipped)))


@pytest.mark.parametrize(("degradation", "side"), [(Jpeg(q=40), 65501), (Webp(q=40), 16384), (WebpLossless(), 16384)])
def test_too_long_a_side(degradation, side):
    image = np.zeros((1, side, 1), np.uint8)
    with pytest.raises(CellFailure, match=f"{degradation.name} allows {side - 1} pixels a side; .* {side}x1") as caught:
        apply(degradation, image)
    assert caught.value.status == "skipped_unsupported"
    assert apply(degradation, image[:, 1:]).shape == (1, side - 1, 1)


PIXELS = {
    "quantise:bits=3": ("b96e5b6c04260ae4", "561d2e5725050102"),
    "jpeg:q=40,ss=420": ("089411e16ba6a456", "e25aeb6d41e1d1f7"),
    "jpeg:q=90,ss=422": ("dc2d0dd70d8c811d", "624529eadd310338"),
    "jpeg:q=90,ss=444": ("dc2d0dd70d8c811d", "a91863a7b7b67c61"),
    "webp:method=4,q=50": ("5652d5deb8283bb6", "94d7ef13e87b0500"),
    "webp:method=6,q=80.5": ("d1565b7af604526c", "ecf80669b047c0fc"),
}


@pytest.mark.parametrize(
    "degradation",
    [
        Quantise(bits=3),
        Jpeg(q=40),
        Jpeg(q=90, ss="422"),
        Jpeg(q=90, ss="444"),
        Webp(q=50),
        Webp(q=80.5, method=6),
    ],
    ids=repr,
)
def test_golden_pixels(degradation):
    found = tuple(golden.digest(apply(degradation, golden.pattern(channels)))[:16] for channels in (1, 3))
    assert found == PIXELS[degradation.id]


def test_the_pattern_is_what_the_hashes_are_of():
    assert [golden.pattern(channels).shape for channels in (1, 3)] == [(64, 64, 1), (64, 64, 3)]
    assert [golden.digest(golden.pattern(channels))[:16] for channels in (1, 3)] == [
        "380c34b58e6901ed",
        "af11deb0aae6a762",
    ]


def test_this_machines_codecs_are_the_reference():
    """The integer ones must be. The others may differ with the processor, and then rows say so."""
    found = golden.codec_golden()
    assert found.keys() == golden.GOLDEN.keys() == {"jpeg", "webp", "avif", "jxl", "jp2"}
    assert found["jpeg"]
    assert found["webp"]
    assert all(len(hashes) == 6 for hashes in golden.GOLDEN.values())


def test_provenance():
    pillow = {"pillow": features.version("pil")}
    assert Jpeg(q=40).provenance() == {
        **pillow,
        "libjpeg_turbo": features.version("libjpeg_turbo"),
        "jpeg_golden": True,
    }
    assert Webp(q=40).provenance() == {**pillow, "libwebp": features.version("webp"), "webp_golden": True}
    assert Identity().provenance() == {}


@pytest.fixture
def fresh():
    golden.passes.cache_clear()
    yield
    golden.passes.cache_clear()


@pytest.mark.usefixtures("fresh")
def test_another_codec_is_warned_of_once_and_marked(monkeypatch, caplog, gray):
    monkeypatch.setitem(golden.GOLDEN, "jpeg", {})
    with caplog.at_level(logging.WARNING, "bench"):
        degradations = [Jpeg(q=40), Jpeg(q=80)]
    assert len(caplog.messages) == 1
    assert "jpeg codec" in caplog.messages[0]
    found = golden.codec_golden()
    assert (found["jpeg"], found["webp"]) == (False, True)
    for degradation in degradations:
        assert degradation.apply(gray, RNG).details["codec_golden"] is False
    assert degradations[0].provenance()["jpeg_golden"] is False
    assert "codec_golden" not in Webp(q=40).apply(gray, RNG).details


@pytest.mark.usefixtures("fresh")
def test_another_jpeg_library_is_never_golden(monkeypatch):
    monkeypatch.setattr(golden.features, "check_feature", lambda name: False)
    assert golden.codec_golden()["jpeg"] is False
    assert "libjpeg" in golden.versions("jpeg")


def test_a_pillow_without_a_codec(monkeypatch):
    monkeypatch.setattr(golden.features, "check", lambda name: False)
    with pytest.raises(RequestError) as caught:
        Webp(q=40)
    assert caught.value.problems == ("webp needs Pillow built with webp support; this Pillow has none",)
