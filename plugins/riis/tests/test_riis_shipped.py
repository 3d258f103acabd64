"""What the shipped weights do, on two photos that they were not trained on."""

from pathlib import Path

import numpy as np
import pytest
from skimage import data

from bench_core.grammar import parse_channels
from bench_core.images import luminance
from bench_core.model import Condition, Sample, Stage
from bench_core.plugins import registry
from bench_core.randomness import keyed_generator
from bench_riis.channel import Level, harness_channel
from bench_riis.color_method import RiisColor
from bench_riis.config import parse_qualities
from bench_riis.method import Riis, RiisPrint, RiisStar
from bench_riis.weights import SHIPPED, SHIPPED_PRINT, SHIPPED_STAR, load_weights

HOST = data.astronaut()[:128, 160:288]
SECRET = data.coffee()[100:228, 200:328]

Images = dict[str, np.ndarray]


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b.astype(float)) ** 2)))


def eight_bit(image: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)


def condition(level: Level | None = None) -> Condition:
    """With `level`, what a receiver is told."""
    stages = (Stage("jpeg", {"q": int(level.value)}),) if level and level.kind == "jpeg" else ()
    return Condition(stages, (keyed_generator(0, "photo", 0, "decode", 0),))


def trip(model: Riis, level: Level, host: np.ndarray = HOST, secret: np.ndarray = SECRET) -> Images:
    sent = eight_bit(model.encode_all([Sample({"host": host, "secret": secret})])[0])
    received = harness_channel(level).send(sent, 0, "photo").image
    found = model.decode_all([received], condition(level if model.told else None))[0]
    return {"container": sent, **{key: eight_bit(value) for key, value in found.items()}}


@pytest.fixture(scope="module")
def shipped() -> Riis:
    return Riis()


@pytest.mark.parametrize(
    ("level", "least"),
    [
        (Level("clean"), 24),
        (Level("jpeg", 90), 22),
        (Level("jpeg", 40), 18.5),
        (Level("gauss", 10), 21),
        (Level("poisson", 255), 21),
    ],
)
def test_they_hide_and_reveal(shipped: Riis, level: Level, least: float) -> None:
    found = trip(shipped, level)
    assert psnr(found["container"], HOST) > 28
    assert psnr(found["secret"], SECRET) > least
    assert psnr(found["host"], HOST) > 25


def test_they_do_not_mix_up_the_pictures(shipped: Riis) -> None:
    found = trip(shipped, Level("jpeg", 90))
    assert psnr(found["secret"], HOST) < 15
    swapped = trip(shipped, Level("jpeg", 90), SECRET, HOST)
    assert psnr(swapped["secret"], HOST) > 20
    assert abs(psnr(swapped["secret"], HOST) - psnr(found["secret"], SECRET)) > 1e-3


def test_an_ordinary_picture_reveals_no_secret(shipped: Riis) -> None:
    found = shipped.decode_all([HOST], condition())[0]
    assert psnr(eight_bit(found["secret"]), SECRET) < 15


def test_those_for_prints_reveal_more_of_a_print(shipped: Riis) -> None:
    pytest.importorskip("bench_capture")
    (channel,) = parse_channels(["print-capture:1"], registry().degradations)
    revealed = []
    for model in (RiisPrint(), shipped):
        sent = eight_bit(model.encode_all([Sample({"host": HOST, "secret": SECRET})])[0])
        assert psnr(sent, HOST) > 28
        found = model.decode_all([channel.send(sent, 0, "photo").image], condition())[0]
        revealed.append(psnr(eight_bit(found["secret"]), SECRET))
    assert revealed[0] > revealed[1] + 1
    assert load_weights(SHIPPED_PRINT).training["p_print"] == 0.5


def test_the_receiver_of_riis_star_uses_what_it_is_told_but_gains_little_by_it() -> None:
    star = RiisStar()
    sent = eight_bit(star.encode_all([Sample({"host": HOST, "secret": SECRET})])[0])
    assert psnr(sent, HOST) > 28

    def secret(received: np.ndarray, told: Level | None) -> float:
        return psnr(eight_bit(star.decode_all([received], condition(told))[0]["secret"]), SECRET)

    level = Level("jpeg", 40)
    received = harness_channel(level).send(sent, 0, "photo").image
    assert secret(received, level) > 18.5
    assert abs(secret(received, level) - secret(received, None)) < 0.5
    assert secret(sent, None) > secret(sent, level) + 1


def test_color_is_held_by_a_gray_picture_that_looks_like_the_luminance() -> None:
    model = RiisColor()
    for photo in (HOST, SECRET):
        sent = eight_bit(model.encode_all([Sample({"color": photo, "gray": luminance(photo)})])[0])
        assert psnr(sent, luminance(photo)) > 34
        found = {}
        for level in (Level("clean"), Level("jpeg", 90), Level("jpeg", 75)):
            received = harness_channel(level).send(sent, 0, "photo").image
            found[level.value] = psnr(eight_bit(model.decode_all([received], condition())[0]["color"]), photo)
        assert found[0] > 30
        assert found[0] > found[90] > found[75]
        copied = psnr(np.repeat(sent, 3, axis=2), photo)
        guessed = psnr(eight_bit(model.decode_all([luminance(photo)], condition())[0]["color"]), photo)
        assert found[90] > max(copied, guessed) + 3


@pytest.mark.parametrize("path", [SHIPPED, SHIPPED_STAR])
def test_they_say_how_they_were_made(path: Path) -> None:
    loaded = load_weights(path)
    assert loaded.network.n_secrets == 1
    assert loaded.training["preset"] == "small"
    assert 0 < loaded.training["done_steps"] <= loaded.training["steps"]
    assert {30, 40, 90} <= set(parse_qualities(loaded.training["qf"]))
    assert path.stat().st_size < 10_000_000
