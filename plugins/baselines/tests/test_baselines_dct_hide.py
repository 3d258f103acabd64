"""`dct-hide`: its parts, its round trip, and what it survives."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bench_baselines import qim, zonal
from bench_baselines.dct_hide import DctHide
from bench_baselines.lsb import Lsb
from bench_baselines.quantizer import quantizer
from bench_baselines.transform import dct_matrix
from bench_core.errors import CellFailure
from bench_core.model import Condition, Sample
from bench_core.samples import Size, build_samples
from bench_core.task import STEGANOGRAPHY
from bench_datasets.sample import Sample as SampleSet

SIDES = st.integers(16, 70)


def psnr(a, b):
    return 10 * np.log10(255**2 / ((a.astype(float) - b) ** 2).mean())


def jpeg(image, quality):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    return np.array(Image.open(file))


def noisy(image, sigma):
    return np.clip(np.rint(image + np.random.default_rng(1).normal(0, sigma, image.shape)), 0, 255).astype(np.uint8)


def smooth(rng, height, width):
    small = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8))
    return np.array(small.resize((width, height), Image.Resampling.BICUBIC))


@pytest.fixture(scope="module")
def photos():
    samples = build_samples(SampleSet(), STEGANOGRAPHY, seed=0, size=Size.parse("fit:256"), limit=6)
    return [samples[name] for name in samples]


@pytest.fixture(scope="module")
def containers(photos):
    return [DctHide().encode(sample) for sample in photos]


def revealed(photos, containers, channel):
    """Mean secret PSNR, in dB, over a channel."""
    outputs = [DctHide().decode(channel(image), Condition())["secret"] for image in containers]
    return np.mean([psnr(output, sample["secret"]) for output, sample in zip(outputs, photos, strict=True)])


def test_containers_of_photos_look_like_their_hosts(photos, containers):
    assert np.mean([psnr(image, sample["host"]) for image, sample in zip(containers, photos, strict=True)]) >= 30


@pytest.mark.parametrize(
    ("channel", "least"),
    [
        (lambda image: image, 22),
        (lambda image: jpeg(image, 90), 22),
        (lambda image: jpeg(image, 40), 22),
        (lambda image: jpeg(image, 30), 20.5),
        (lambda image: noisy(image, 10), 22),
    ],
    ids=["clean", "jpeg:90", "jpeg:40", "jpeg:30", "gaussian:10"],
)
def test_photos_come_out_recognizable(photos, containers, channel, least):
    assert revealed(photos, containers, channel) >= least


@pytest.mark.parametrize("channel", [lambda image: jpeg(image, 90), lambda image: noisy(image, 10)])
def test_lsb_does_not_come_near_it_over_a_lossy_channel(photos, containers, channel):
    broken = [Lsb().decode(channel(Lsb().encode(sample)), Condition())["secret"] for sample in photos]
    lsb = np.mean([psnr(output, sample["secret"]) for output, sample in zip(broken, photos, strict=True)])
    assert revealed(photos, containers, channel) > lsb + 10


def test_worse_channels_never_reveal_more(photos, containers):
    for channel, levels in ((jpeg, (90, 40, 20, 5)), (noisy, (1, 10, 20, 50))):
        scores = [revealed(photos, containers, lambda image, c=channel, p=level: c(image, p)) for level in levels]
        assert (np.diff(scores) <= 0.02).all(), scores


def test_a_larger_step_survives_more_and_shows_more(photos):
    sample = photos[0]
    shown, found = [], []
    for step in (24.0, 48.0, 96.0):
        model = DctHide({"step": step})
        container = model.encode(sample)
        shown.append(psnr(container, sample["host"]))
        found.append(psnr(model.decode(jpeg(container, 40), Condition())["secret"], sample["secret"]))
    assert shown[0] > shown[1] > shown[2]
    assert found[0] < found[1] < found[2]


@settings(max_examples=25)
@given(height=SIDES, width=SIDES, seed=st.integers(0, 99))
def test_a_clean_channel_returns_the_payload_exactly_at_any_size(height, width, seed):
    rng = np.random.default_rng(seed)
    host, secret = (rng.integers(48, 208, (height, width, 3), dtype=np.uint8) for _ in range(2))
    model = DctHide()
    container = model.encode(Sample({"host": host, "secret": secret}))
    output = model.decode(container, Condition())["secret"]
    for picture in (container, output):
        assert picture.shape == host.shape
        assert picture.dtype == np.uint8
    plan = zonal.make_plan(height, width, qim.slot_count(height, width))
    sent = zonal.to_bits(zonal.analyze(secret, plan), plan)
    assert ((qim.read(container, 64.0) < 0) == sent).all()
    assert (model.decode(container, Condition())["secret"] == output).all()
    assert (model.encode(Sample({"host": host, "secret": secret})) == container).all()


@pytest.mark.parametrize("level", [0, 255])
def test_a_host_without_room_on_one_side_still_carries(level):
    secret = smooth(np.random.default_rng(3), 64, 64)
    hosts = [np.full((64, 64, 3), value, dtype=np.uint8) for value in (level, 128)]
    containers = [DctHide().encode(Sample({"host": host, "secret": secret})) for host in hosts]
    found, expected = (DctHide().decode(image, Condition())["secret"] for image in containers)
    assert psnr(found, expected) > 45


def test_noise_alone_gives_a_dull_picture_not_a_scrambled_one():
    received = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    output = DctHide().decode(received, Condition())["secret"].astype(float)
    secret_like = smooth(np.random.default_rng(1), 128, 128).astype(float)
    assert output.std(axis=(0, 1)).max() < secret_like.std(axis=(0, 1)).min()


@pytest.mark.parametrize("sides", [(15, 64), (64, 15), (1, 1)])
def test_a_tiny_host_is_refused_with_a_status(sides):
    empty = np.zeros((*sides, 3), dtype=np.uint8)
    for call in (
        lambda: DctHide().encode(Sample({"host": empty, "secret": empty})),
        lambda: DctHide().decode(empty, Condition()),
    ):
        with pytest.raises(CellFailure, match="sides of at least 16 pixels") as caught:
            call()
        assert caught.value.status == "skipped_unsupported"


@given(size=st.integers(1, 40))
def test_the_dct_is_orthonormal(size):
    matrix = dct_matrix(size)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(size), atol=1e-12)
    np.testing.assert_array_equal(dct_matrix(size, 1), matrix[:1])


def test_the_dct_is_opencvs():
    cv2 = pytest.importorskip("cv2")
    block = np.random.default_rng(0).normal(size=(8, 8))
    np.testing.assert_allclose(dct_matrix(8) @ block @ dct_matrix(8).T, cv2.dct(block), atol=1e-12)


def test_quantizers_are_those_of_the_literature():
    # Mean squared error of the optimal quantizers of a unit Laplacian (Jayant and Noll 1984, table 4.7).
    for bits, error in ((1, 0.5), (2, 0.1762), (3, 0.0545), (4, 0.0154)):
        assert quantizer(bits).distortion == pytest.approx(error, abs=2e-4)


@pytest.mark.parametrize("bits", range(1, zonal.MAX_BITS + 1))
def test_certain_bits_give_the_cells_level_and_no_bits_give_zero(bits):
    rule = quantizer(bits)
    values = np.random.default_rng(bits).laplace(size=500)
    index = rule.index(values)
    np.testing.assert_allclose(rule.mean(1000.0 * (1 - 2 * rule.labels(index))), rule.levels[index])
    np.testing.assert_allclose(rule.mean(np.zeros((3, bits))), 0, atol=1e-12)
    assert (np.sign(rule.levels[index]) == np.sign(values)).all()


def test_uncertainty_falls_from_everything_to_nothing():
    left = zonal.uncertainty(np.linspace(0, 30, 50))
    assert left[0] == 1
    assert left[-1] < 1e-4
    assert (np.diff(left) < 0).all()


@settings(max_examples=20)
@given(height=st.integers(16, 200), width=st.integers(16, 200))
def test_every_slot_is_used_and_every_sent_bit_has_one(height, width):
    slots = qim.slot_count(height, width)
    plan = zonal.make_plan(height, width, slots)
    assert plan.order.size == slots
    assert (np.bincount(plan.order, minlength=plan.bit_count) > 0).all()
    assert plan.bits.min() >= 1
    # The mean luminance matters most, so it is sent most carefully.
    assert plan.bits[(plan.channel == 0) & (plan.row == 0) & (plan.column == 0)] == plan.bits.max()
    assert sorted(qim._places(slots)) == list(range(slots))
