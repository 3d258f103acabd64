import tracemalloc

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from bench_core.errors import CellFailure
from bench_core.grammar import parse_channels
from bench_core.plugins import registry
from bench_core.randomness import keyed_generator
from bench_degradations.tampering import Cropout, Dropout, Erase, Paste, texture


def rng(image="a"):
    return keyed_generator(0, image, 0, "test", 0)


def channel(spec):
    (found,) = parse_channels([spec], registry().degradations, presets={})
    return found


@pytest.fixture(scope="module")
def carrier():
    return np.asarray(Image.fromarray(astronaut()).resize((120, 90), Image.Resampling.LANCZOS))


@pytest.fixture(scope="module")
def cover(carrier):
    return np.where(carrier < 128, carrier + 1, carrier - 1).astype(np.uint8)


def pixels(box):
    left, top, width, height = box
    return slice(top, top + height), slice(left, left + width)


@pytest.mark.parametrize("keep", [0, 0.1, 0.3, 0.9, 1])
@pytest.mark.parametrize("channels", [1, 3])
def test_cropout_keeps_a_box_of_the_carrier(keep, channels, carrier, cover):
    carrier, cover = carrier[..., :channels], cover[..., :channels]
    received = channel(f"cropout:{keep}").send(carrier, 0, "a", cover=cover)
    kept = pixels(received.details["box"])
    expected = cover.copy()
    expected[kept] = carrier[kept]
    assert np.array_equal(received.image, expected)
    assert np.mean(received.image == carrier) == pytest.approx(keep, abs=0.015)
    assert np.array_equal(received.mask[..., :1] == 0, received.image[..., :1] == carrier[..., :1])


@pytest.mark.parametrize("keep", [0, 0.1, 0.3, 0.9, 1])
def test_dropout_keeps_pixels_of_the_carrier(keep, carrier, cover):
    received = channel(f"dropout:{keep}").send(carrier, 0, "a", cover=cover)
    of_carrier = (received.image == carrier).all(axis=2)
    assert np.array_equal(received.image[~of_carrier], cover[~of_carrier])
    assert of_carrier.mean() == pytest.approx(keep, abs=0.015)
    assert received.details["kept"] == pytest.approx(of_carrier.mean())
    assert np.array_equal(received.mask[..., 0] == 0, of_carrier)


@pytest.mark.parametrize("spec", ["cropout:0.3", "dropout:0.3"])
def test_the_cover_is_the_picture_before_any_damage(spec, carrier, cover):
    received = channel(f"posterise:1+{spec}").send(carrier, 0, "a", cover=cover)
    replaced = received.mask[..., 0] == 255
    assert np.array_equal(received.image[replaced], cover[replaced])
    alone = channel(f"posterise:1+{spec}").send(carrier, 0, "a")
    assert np.array_equal(alone.image[replaced], carrier[replaced])


@pytest.mark.parametrize("spec", ["cropout:0.3", "dropout:0.3"])
def test_a_cover_of_another_size_is_refused(spec, carrier):
    with pytest.raises(CellFailure, match="60x45, not 120x90; write it before a stage that changes the size") as caught:
        channel(spec).send(carrier, 0, "a", cover=carrier[::2, ::2])
    assert caught.value.status == "skipped_unsupported"


@pytest.mark.parametrize("make", [Cropout, Dropout])
def test_without_a_cover_nothing_can_be_replaced(make, carrier):
    assert np.array_equal(make(keep=0.3).apply(carrier, rng()).image, carrier)


@pytest.mark.parametrize("area", [0.01, 0.1, 0.25, 0.7])
@pytest.mark.parametrize("make", [Erase, Paste], ids=lambda kind: kind.name)
def test_boxes_have_their_area_and_vary(make, area, carrier):
    boxes = [make(area=area).apply(carrier, rng(str(n))).details["box"] for n in range(60)]
    for left, top, width, height in boxes:
        assert width * height / (120 * 90) == pytest.approx(area, rel=0.12)
        assert 0 <= left <= 120 - width
        assert 0 <= top <= 90 - height
    stretches = [width / height / (120 / 90) for _, _, width, height in boxes]
    least = max(0.5, area)
    assert least * 0.8 < min(stretches) < 0.85
    assert 1.15 < max(stretches) < 1.25 / least


@pytest.mark.parametrize("degradation", [Erase(area=0.2), Erase(area=0.2, fill="mean"), Paste(area=0.2)], ids=repr)
def test_the_mask_is_the_box_and_outside_it_nothing_changes(degradation, carrier):
    received = degradation.apply(carrier, rng())
    box = pixels(received.details["box"])
    expected = np.zeros((90, 120, 1), np.uint8)
    expected[box] = 255
    assert np.array_equal(received.mask, expected)
    outside = expected[..., 0] == 0
    assert np.array_equal(received.image[outside], carrier[outside])
    assert not np.array_equal(received.image[box], carrier[box])


def test_erasing_is_black_or_the_mean(carrier):
    black = Erase(area=0.2).apply(carrier, rng())
    assert not black.image[pixels(black.details["box"])].any()
    mean = Erase(area=0.2, fill="mean").apply(carrier, rng())
    assert np.unique(mean.image[pixels(mean.details["box"])].reshape(-1, 3), axis=0).tolist() == [
        np.rint(carrier.mean(axis=(0, 1))).tolist()
    ]


def test_pasted_is_a_mirrored_part_of_the_cover_from_elsewhere(carrier, cover):
    shares = []
    for name in map(str, range(20)):
        received = channel("paste:0.1").send(carrier, 0, name, cover=cover)
        box, origin = received.details["box"], received.details["from"]
        assert np.array_equal(received.image[pixels(box)], cover[pixels(origin)][:, ::-1])
        both = np.zeros((90, 120), int)
        both[pixels(box)] += 1
        both[pixels(origin)] += 1
        shares.append((both == 2).sum() / (both > 0).sum())
    assert max(shares) < 0.3
    assert np.mean(shares) < 0.03


def test_from_a_cover_of_another_size_nothing_is_pasted(carrier):
    received = channel("paste:0.1").send(carrier, 0, "a", cover=255 - carrier[::2, ::2])
    box, origin = received.details["box"], received.details["from"]
    assert np.array_equal(received.image[pixels(box)], carrier[pixels(origin)][:, ::-1])


MOVES = [
    "flip:h",
    "flip:hv,side=known",
    "translate:20,dy=-7",
    "translate:20,side=known,fill=0",
    "rotate:20",
    "rotate:20,back=1,fill=0",
    "shear:10,axis=y",
    "perspective:0.2",
    "crop:0.5",
    "crop:0.5,fill=resize",
    "crop:0.5,fill=resize,side=known",
    "resize:0.5",
    "resize:0.5,back=0",
    "screenshot:1.5,back=0,codec=jpeg",
    "screenshot:1.5",
    "double-jpeg:q1=95,q2=95,dx=9,dy=3",
    "double-jpeg:q1=95,q2=95,dx=9,side=known",
    "jpeg:80",
]


@pytest.mark.parametrize("spec", MOVES)
def test_the_mask_stays_where_the_replaced_pixels_are(spec):
    """Of a black carrier of which a part is replaced by a white cover, the mask is what is white in the end."""
    black = np.zeros((90, 120, 1), np.uint8)
    received = channel(f"cropout:0.6+{spec}").send(black, 3, "a", cover=255 - black)
    assert received.mask.shape == received.image.shape
    assert set(np.unique(received.mask)) == {0, 255}
    assert ((received.image > 127) != (received.mask > 127)).mean() < 0.005


@pytest.mark.parametrize("spec", MOVES)
@pytest.mark.parametrize("uncover", ["cropout:0.4", "dropout:0.4"])
def test_the_cover_stays_in_register_and_undamaged(spec, uncover):
    """Where a carrier equals its cover, putting the cover back after a move changes nothing but the move's damage."""
    small = Image.fromarray(astronaut()).resize((24, 18), Image.Resampling.LANCZOS)
    picture = np.asarray(small.resize((120, 90), Image.Resampling.BICUBIC))  # smooth: damage is small beside a move
    moved = channel(spec).send(picture, 3, "a").image
    both = channel(f"{spec}+{uncover}").send(picture, 3, "a", cover=picture)
    assert both.image.shape == moved.shape
    assert both.mask.shape[:2] == moved.shape[:2]
    assert np.abs(both.image.astype(int) - moved).mean() < 2


def test_a_texture_owes_nothing_to_the_picture(carrier):
    paste = Paste(area=0.2, source="texture")
    first, second = (paste.apply(image, rng()) for image in (carrier, 255 - carrier))
    assert first.details == second.details
    box = pixels(first.details["box"])
    assert np.array_equal(first.image[box], second.image[box])


def test_a_texture_is_as_rough_as_photos_are():
    """Each octave of a photo has about the same contrast; of white noise, the finest has nearly all."""
    noise = texture(256, 256, 1, rng())[..., 0].astype(float)
    assert 20 < noise.std() < 60
    contrasts = []
    for size in (2, 8, 32):
        fine, coarse = (
            noise.reshape(256 // s, s, 256 // s, s).mean(axis=(1, 3)).repeat(s, axis=0).repeat(s, axis=1)
            for s in (size, 2 * size)
        )
        contrasts.append((fine - coarse).std())
    assert max(contrasts) < 2.5 * min(contrasts)


def test_a_texture_takes_no_more_memory_than_it_has_pixels():
    tracemalloc.start()
    strip = texture(20000, 2, 3, rng())  # in a square, 4.8 GB
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert strip.shape == (2, 20000, 3)
    assert 20 < strip.std() < 80
    assert peak < 50 * strip.size


def test_a_chain_of_tampering_has_both_masks(carrier):
    received = channel("erase:0.1+paste:0.1").send(carrier, 0, "a")
    boxes = [stage["box"] for stage in received.details["stages"]]
    expected = np.zeros((90, 120, 1), np.uint8)
    for box in boxes:
        expected[pixels(box)] = 255
    assert np.array_equal(received.mask, expected)
