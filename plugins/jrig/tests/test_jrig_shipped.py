"""What the shipped weights do, on two photos that they were not trained on (specification §9, properties 18 to 20)."""

from typing import Any

import numpy as np
import pytest
from skimage import data

from bench_core.images import luminance
from bench_core.model import Condition, Sample
from bench_jrig.channel import jpeg
from bench_jrig.config import parse_qualities
from bench_jrig.method import Iig, Jrig
from bench_jrig.weights import load_weights

Pixels = np.ndarray[Any, Any]

PHOTOS = (data.astronaut()[:128, 160:288], data.coffee()[100:228, 200:328])
METHODS = [Jrig, Iig]


def psnr(a: Pixels, b: Pixels) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b.astype(float)) ** 2)))


def eight_bit(image: Pixels) -> Pixels:
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)


def sent(model: Jrig, photo: Pixels) -> Pixels:
    return eight_bit(model.encode_all([Sample({"color": photo, "gray": luminance(photo)})])[0])


def restored(model: Jrig, received: Pixels) -> Pixels:
    return eight_bit(model.decode_all([received], Condition())[0]["color"])


@pytest.mark.parametrize("method", METHODS)
def test_the_gray_picture_looks_gray_and_holds_the_colors(method: type[Jrig]) -> None:
    model = method()
    for photo in PHOTOS:
        gray = sent(model, photo)
        assert psnr(gray, luminance(photo)) > 28
        hidden, guessed = (psnr(restored(model, g), photo) for g in (gray, luminance(photo)))
        assert hidden > guessed + 3  # colors are hidden, not guessed
        assert hidden > psnr(np.repeat(gray, 3, axis=2), photo) + 3


def test_colors_survive_jpeg() -> None:
    model = Jrig()
    for photo in PHOTOS:
        gray = sent(model, photo)
        found = {q: psnr(restored(model, jpeg(q).send(gray, 0, "photo").image), photo) for q in (95, 90, 75)}
        assert found[95] > found[75]
        copied = psnr(np.repeat(gray, 3, axis=2), photo)
        assert min(found[95], found[90]) > copied + 1  # nearer than that, no color would have survived


@pytest.mark.parametrize("method", METHODS)
def test_what_counts_is_the_rounded_gray_picture(method: type[Jrig]) -> None:
    model = method()
    (exact,) = model.encode_all([Sample({"color": PHOTOS[0], "gray": luminance(PHOTOS[0])})])
    unrounded = eight_bit(model.decode_all([exact], Condition())[0]["color"])
    assert psnr(unrounded, PHOTOS[0]) != psnr(restored(model, eight_bit(exact)), PHOTOS[0])


@pytest.mark.parametrize("method", METHODS)
def test_they_say_how_they_were_made(method: type[Jrig]) -> None:
    path = method.default_weights
    assert path is not None
    training = load_weights(path).training
    assert training["method"] == method.name
    assert 0 < training["done_steps"] <= training["steps"]
    assert training["target"] == "luminance"
    assert parse_qualities(training["qf"])
    assert path.stat().st_size < 2_000_000  # float16
