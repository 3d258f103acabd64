"""Capacity in bits a pixel: nominal, and what the revealed pictures are worth."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from bench_core.records import CellKey
from bench_core.scoring import Scorer
from bench_core.task import STEGANOGRAPHY
from bench_metrics import capacity
from bench_metrics.capacity import Bpp, EffectiveBpp, Files

PHOTO = astronaut()[:96, 150:270]
PIXELS = PHOTO.shape[0] * PHOTO.shape[1]
NOISE = np.random.default_rng(0).integers(0, 256, PHOTO.shape, dtype=np.uint8)


def file_of(picture, kind, **options):
    buffer = io.BytesIO()
    Image.fromarray(picture.squeeze()).save(buffer, kind, **options)
    with Image.open(buffer) as image:
        decoded = np.array(image.convert("L" if picture.shape[2] == 1 else "RGB"))
    return buffer.tell() * 8, decoded.reshape(picture.shape)


def noisy(sigma):
    return np.clip(PHOTO + np.random.default_rng(1).normal(0, sigma, PHOTO.shape), 0, 255).astype(np.uint8)


def test_nominal_capacity_counts_the_bits_of_the_secret_whatever_comes_back():
    assert Bpp()(PHOTO, PHOTO.copy()).value == Bpp()(NOISE, PHOTO).value == 24
    assert Bpp()(PHOTO[:, :, :1], PHOTO[:, :, :1]).value == 8


@pytest.mark.parametrize("metric", [Bpp, EffectiveBpp], ids=lambda metric: metric.name)
def test_the_capacities_of_several_secrets_add_up(metric):
    secrets = [PHOTO, PHOTO[::-1], np.ascontiguousarray(PHOTO[:, ::-1])]
    outputs = [noisy(5), PHOTO[::-1], NOISE]
    sources = {"sample.host": NOISE, "sample.secret": np.concatenate(secrets, axis=2), "carrier": NOISE}
    pairs = [pair for pair in STEGANOGRAPHY.pairs if metric().scores(pair)]
    assert [pair.name for pair in pairs] == ["secret"]
    scorer = Scorer(pairs, [metric()], sources)
    cell = CellKey("a", "clean", 0, "secret", metric().implementation)
    (record,) = scorer.score([cell], {"output.secret": np.concatenate(outputs, axis=2), "received": NOISE})
    alone = [metric()(output, secret).value for output, secret in zip(outputs, secrets, strict=True)]
    assert record.value == pytest.approx(sum(alone))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 10, "subsampling": 2, "optimize": True}),
        ("JPEG", {"quality": 75, "subsampling": 0, "optimize": True}),
        ("WEBP", {"quality": 40, "method": 4}),
        ("WEBP", {"quality": 95, "method": 4}),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_out_of_a_file_is_worth_no_more_than_the_file(kind, options, channels):
    secret = np.ascontiguousarray(PHOTO[:, :, :channels])
    if channels == 1:
        options = {name: value for name, value in options.items() if name != "subsampling"}
    bits, decoded = file_of(secret, kind, **options)
    score = EffectiveBpp()(decoded, secret)
    assert 0 < score.value <= bits / PIXELS
    assert score.value > bits / PIXELS / 4


@pytest.mark.parametrize("sigma", [3, 8, 20])
def test_the_file_is_the_smallest_of_all_that_are_good_enough(sigma):
    estimate = noisy(sigma)
    squares = cv2.norm(estimate, PHOTO, cv2.NORM_L2SQR)
    files = [file_of(PHOTO, "WEBP", quality=quality, method=4) for quality in range(101)]
    files += [
        file_of(PHOTO, "JPEG", quality=quality, subsampling=subsampling, optimize=True)
        for quality in range(1, 101)
        for subsampling in (0, 2)
    ]
    files.append(file_of(PHOTO, "WEBP", lossless=True, method=4))
    best = min(bits for bits, decoded in files if cv2.norm(decoded, PHOTO, cv2.NORM_L2SQR) <= squares)
    score = EffectiveBpp()(estimate, PHOTO)
    # Halving takes error to fall with every step of quality; where it does not, it may miss a slightly smaller file.
    assert best <= score.value * PIXELS <= best * 1.05
    assert score.details["psnr"] == pytest.approx(10 * np.log10(255**2 * PHOTO.size / squares))
    assert score.details["codec"] in ("webp", "webp-lossless", "jpeg-420", "jpeg-444")


def test_better_pictures_are_worth_more():
    values = [EffectiveBpp()(noisy(sigma), PHOTO).value for sigma in (40, 20, 10, 5, 2, 0)]
    assert values == sorted(values)
    assert values[0] < 1 < values[-1] < 24


def test_a_perfect_picture_is_worth_its_lossless_file_and_noise_its_bare_samples():
    score = EffectiveBpp()(PHOTO.copy(), PHOTO)
    assert score.value == file_of(PHOTO, "WEBP", lossless=True, method=4)[0] / PIXELS
    assert score.details == {"codec": "webp-lossless", "quality": None, "psnr": None}
    assert EffectiveBpp()(NOISE.copy(), NOISE).value == 24
    assert EffectiveBpp()(NOISE.copy(), NOISE).details["codec"] == "raw"


def test_a_picture_no_better_than_one_flat_color_is_worth_nothing_more():
    flat = np.broadcast_to(np.rint(PHOTO.mean(axis=(0, 1))).astype(np.uint8), PHOTO.shape)
    for estimate in (flat, NOISE, np.full_like(PHOTO, 128)):
        score = EffectiveBpp()(estimate, PHOTO)
        assert score.value == 24 / PIXELS
        assert score.details["codec"] == "flat"
    assert EffectiveBpp()(np.full_like(PHOTO, 9), np.full_like(PHOTO, 9)).value == 24 / PIXELS


def test_files_of_a_secret_are_made_once(monkeypatch):
    made = []
    save = capacity._saved
    monkeypatch.setattr(capacity, "_saved", lambda *given, **options: made.append(options) or save(*given, **options))
    files = Files(PHOTO)
    first = EffectiveBpp().measure(noisy(8), files)
    count = len(made)
    assert 10 < count < 30
    assert EffectiveBpp().measure(noisy(8), files) == first
    assert len(made) == count
    EffectiveBpp().measure(noisy(9), files)
    assert len(made) < 2 * count  # a near one shares some of them


def test_a_secret_too_long_for_webp_is_stored_as_jpeg():
    secret = np.tile(PHOTO[:2], (1, 140, 1))
    assert secret.shape[1] > 16_383
    estimate = np.clip(secret.astype(int) + 3, 0, 255).astype(np.uint8)
    assert EffectiveBpp()(estimate, secret).details["codec"].startswith("jpeg")


@pytest.mark.parametrize("quality", [94, 100])
def test_jpeg_files_larger_than_pillows_own_buffer_are_made(quality, capfd):
    secret = np.random.default_rng(2).integers(0, 256, (300, 300, 3), np.uint8)
    options = {"quality": quality, "subsampling": 0, "optimize": True}
    with pytest.raises(OSError, match="broken data stream"):
        file_of(secret, "JPEG", **options)
    capfd.readouterr()
    before = capacity.ImageFile.MAXBLOCK
    made = capacity._jpeg(secret, quality, subsampling=0)
    assert capacity.ImageFile.MAXBLOCK is before
    with Image.open(io.BytesIO(made)) as image:
        decoded = np.array(image)
    assert 0 < EffectiveBpp()(decoded, secret).value <= 8 * len(made) / 300**2
    assert capfd.readouterr() == ("", "")  # libjpeg complains on its own


def test_a_secret_too_long_for_any_file_is_worth_its_color_or_its_samples():
    secret = np.tile(np.array([[[0], [255]]], np.uint8), (1, 33_000, 1))
    assert EffectiveBpp()(secret.copy(), secret).value == 8
    assert EffectiveBpp()(np.full_like(secret, 128), secret).details["codec"] == "flat"
