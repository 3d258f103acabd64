import cv2
import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from bench_core.errors import CellFailure
from bench_core.randomness import keyed_generator
from bench_degradations.arrays import OPENCV_SIDE
from bench_degradations.geometry import Flip, Perspective, Rotate, Shear, Translate
from bench_degradations.sampling import Crop, Pixelate, Resize


def rng(image="a"):
    return keyed_generator(0, image, 0, "test", 0)


@pytest.fixture(scope="module")
def photo():
    return np.asarray(Image.fromarray(astronaut()).resize((120, 90), Image.Resampling.LANCZOS))


def apply(degradation, image):
    return degradation.apply(image, rng()).image


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


@pytest.mark.parametrize(("angle", "turns"), [(90, 1), (-90, -1), (180, 2), (-180, 2)])
def test_quarter_turns_of_a_square_are_exact_and_counterclockwise(angle, turns, photo):
    square = photo[:, :90]
    assert np.array_equal(apply(Rotate(angle=angle), square), np.rot90(square, turns))


@pytest.mark.parametrize("angle", [3, -20])
def test_rotation_agrees_with_pillows(angle, photo):
    expected = np.asarray(Image.fromarray(photo).rotate(angle, Image.Resampling.BILINEAR))
    inside = np.asarray(Image.new("L", (120, 90), 255).rotate(angle)) > 0
    inside = cv2.erode(inside.astype(np.uint8), np.ones((5, 5))) > 0
    assert psnr(apply(Rotate(angle=angle, fill="0"), photo)[inside], expected[inside]) > 40


def test_what_comes_in_at_the_borders(photo):
    corner = (0, 0)
    assert not apply(Rotate(angle=20, fill="0"), photo)[corner].any()
    assert apply(Rotate(angle=20), photo)[corner].any()
    edge = apply(Translate(dx=10, fill="edge"), photo)
    assert np.array_equal(edge[:, :10], photo[:, :1].repeat(10, axis=1))
    assert np.array_equal(apply(Translate(dx=10), photo)[:, :10], photo[:, 10:0:-1])
    assert not apply(Translate(dx=10, fill="0"), photo)[:, :10].any()


@pytest.mark.parametrize(("dx", "dy"), [(8, 0), (-5, 3), (0, -7), (200, -100)])
def test_translation_moves_right_and_down(dx, dy, photo):
    assert np.array_equal(apply(Translate(dx=dx, dy=dy, fill="wrap"), photo), np.roll(photo, (dy, dx), axis=(0, 1)))
    zero = apply(Translate(dx=dx, dy=dy, fill="0"), photo)
    moved = np.roll(photo, (dy, dx), axis=(0, 1))
    rows, columns = slice(max(dy, 0), 90 + min(dy, 0)), slice(max(dx, 0), 120 + min(dx, 0))
    assert np.array_equal(zero[rows, columns], moved[rows, columns])


def test_flips(photo):
    for axis, expected in (("h", photo[:, ::-1]), ("v", photo[::-1]), ("hv", photo[::-1, ::-1])):
        assert np.array_equal(apply(Flip(axis=axis), photo), expected)
        assert np.array_equal(apply(Flip(axis=axis, side="known"), photo), photo)


def test_shear_slides_rows_or_columns_about_the_middle():
    image = np.zeros((21, 21, 1), np.uint8)
    image[:, 10] = 200
    slanted = apply(Shear(angle=45, fill="0"), image)[..., 0]
    assert slanted.argmax(axis=1).tolist() == list(range(21))
    turned = apply(Shear(angle=45, axis="y", fill="0"), image.transpose(1, 0, 2))[..., 0]
    assert np.array_equal(turned, slanted.T)


UNDONE = [
    (Rotate(angle=7, filter="bicubic"), Rotate(angle=7, back=True, filter="bicubic")),
    (Shear(angle=9, filter="bicubic"), Shear(angle=9, side="known", filter="bicubic")),
    (Perspective(jitter=0.05, filter="bicubic"), Perspective(jitter=0.05, side="known", filter="bicubic")),
    (Translate(dx=9, dy=-4), Translate(dx=9, dy=-4, side="known")),
]


@pytest.mark.parametrize(("lost", "known"), UNDONE, ids=lambda degradation: degradation.name)
def test_a_known_move_is_undone(lost, known, photo):
    middle = (slice(15, -15), slice(20, -20))
    assert psnr(apply(lost, photo)[middle], photo[middle]) < 20
    back = apply(known, photo)[middle]
    assert np.array_equal(back, photo[middle]) or psnr(back, photo[middle]) > 30


def test_the_recorded_homography_leads_from_carrier_to_received(photo):
    received = Perspective(jitter=0.1, fill="0").apply(photo, rng())
    matrix = np.array(received.details["homography"])
    expected = cv2.warpPerspective(photo, matrix, (120, 90))
    assert np.array_equal(received.image, expected)
    corners = np.array([[-0.5, -0.5], [119.5, -0.5], [119.5, 89.5], [-0.5, 89.5]])
    moves = (cv2.perspectiveTransform(corners[None], matrix)[0] - corners) / (120, 90)
    assert 0.02 < np.abs(moves).max() <= 0.1 + 1e-6
    assert len(np.unique(moves.round(6))) == 8


@pytest.mark.parametrize("degradation", [Rotate(angle=3), Shear(angle=3), Perspective(jitter=0.1)], ids=repr)
def test_too_long_for_opencv(degradation):
    row = np.zeros((1, OPENCV_SIDE + 1, 1), np.uint8)
    with pytest.raises(CellFailure, match=f"{degradation.name} allows {OPENCV_SIDE} pixels a side") as caught:
        apply(degradation, row)
    assert caught.value.status == "skipped_unsupported"
    assert apply(degradation, row[:, 1:]).shape == (1, OPENCV_SIDE, 1)


def test_resize_is_pillows_there_and_back(photo):
    small = Image.fromarray(photo).resize((60, 45), Image.Resampling.BICUBIC)
    received = Resize(factor=0.5, back=False).apply(photo, rng())
    assert np.array_equal(received.image, small)
    assert received.details == {"size": [60, 45]}
    assert np.array_equal(apply(Resize(factor=0.5), photo), small.resize((120, 90), Image.Resampling.BICUBIC))
    filters = ("bicubic", "bilinear", "box", "hamming", "lanczos")
    assert len({apply(Resize(factor=0.4, filter=name), photo).tobytes() for name in filters}) == 5


def test_shrinking_does_not_alias():
    """Stripes too fine for the smaller picture become flat gray, not a coarser pattern."""
    stripes = (np.indices((96, 96)).sum(axis=0) % 2 * 255).astype(np.uint8)[..., None]
    for name in ("bicubic", "bilinear", "box", "hamming", "lanczos"):
        assert apply(Resize(factor=0.25, filter=name), stripes)[16:-16, 16:-16].std() < 8


def test_pixelate_is_imagenet_cs(photo):
    few = Image.fromarray(photo).resize((int(120 * 0.3), int(90 * 0.3)), Image.Resampling.BOX)
    assert np.array_equal(apply(Pixelate(factor=0.3), photo), few.resize((120, 90), Image.Resampling.BOX))
    blocks = apply(Pixelate(factor=0.1), photo).reshape(9, 10, 12, 10, 3)
    assert np.array_equal(blocks, blocks[:, :1, :, :1].repeat(10, axis=1).repeat(10, axis=3))


@pytest.mark.parametrize("area", [0.1, 0.5, 0.8])
def test_a_crop_keeps_its_share_in_place(area, photo):
    received = Crop(area=area).apply(photo, rng())
    left, top, width, height = received.details["box"]
    assert width * height / (120 * 90) == pytest.approx(area, abs=0.02)
    assert width / height == pytest.approx(120 / 90, abs=0.04)
    kept = (slice(top, top + height), slice(left, left + width))
    assert np.array_equal(received.image[kept], photo[kept])
    rest = received.image.copy()
    rest[kept] = 0
    assert not rest.any()


def test_a_crop_in_the_middle_and_anywhere(photo):
    assert Crop(area=0.25, anchor="centre").apply(photo, rng()).details["box"] == [30, 22, 60, 45]
    boxes = [Crop(area=0.25).apply(photo, rng(str(n))).details["box"] for n in range(300)]
    assert {(box[2], box[3]) for box in boxes} == {(60, 45)}
    lefts, tops = [box[0] for box in boxes], [box[1] for box in boxes]
    assert (min(lefts), min(tops)) == (0, 0)
    assert (max(lefts), max(tops)) == (60, 45)


def test_a_crop_scaled_up_loses_its_place_unless_it_is_known(photo):
    values = {"area": 0.36, "fill": "resize", "anchor": "centre"}
    left, top, width, height = Crop(**values).apply(photo, rng()).details["box"]
    kept = photo[top : top + height, left : left + width]
    scaled = Image.fromarray(kept).resize((120, 90), Image.Resampling.BICUBIC)
    assert np.array_equal(apply(Crop(**values), photo), scaled)
    known = apply(Crop(**values, side="known"), photo)
    assert psnr(known[top : top + height, left : left + width], kept) > 30
    assert not known[:top].any()
