"""Markers: where they stand, that they are found, and to which convention of pixel coordinates they answer."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_capture import markers
from bench_capture.markers import detect, detect_harder, draw_marker, enough_for_a_pose, slot_layout
from bench_capture.sheet import draw_slot


def on_white(marker_id=5, side=64, border=40):
    return np.pad(draw_marker(marker_id, side), border, constant_values=255)


def test_a_marker_has_a_black_border_of_one_module_and_the_side_asked_for():
    drawn = draw_marker(0, 64)
    assert drawn.shape == (64, 64)
    assert drawn.dtype == np.uint8
    border = np.ones((64, 64), dtype=bool)
    border[8:-8, 8:-8] = False
    assert not drawn[border].any()
    assert set(np.unique(drawn)) == {0, 255}


def test_corners_of_a_layout_follow_the_pixel_center_convention():
    layout = slot_layout(256, 200)
    left, top = layout.offset
    sheet, offset = draw_slot(np.full((200, 256, 1), 200, np.uint8), layout)
    assert offset == (left, top)
    for marker_id, corners in layout.corners.items():
        x, y = (corners[0] + 0.5 + (left, top)).astype(int)
        assert np.array_equal(corners[2] - corners[0], [64, 64])
        assert np.array_equal(sheet[y : y + 64, x : x + 64, 0], draw_marker(marker_id, 64))


@pytest.mark.parametrize("size", [(1, 1), (64, 64), (151, 40), (256, 256), (512, 300)])
@pytest.mark.parametrize("count", [4, 8])
def test_every_marker_has_a_white_module_around_it(size, count):
    layout = slot_layout(*size, slot=2, count=count)
    sheet, _ = draw_slot(np.zeros((size[1], size[0], 3), np.uint8), layout)
    left, top = layout.offset
    assert len(layout.corners) == count
    for marker_id, corners in layout.corners.items():
        x, y = (corners[0] + 0.5 + (left, top)).astype(int)
        around = sheet[y - layout.quiet : y + 64 + layout.quiet, x - layout.quiet : x + 64 + layout.quiet].copy()
        assert around.shape[:2] == (64 + 16, 64 + 16), marker_id
        around[8:-8, 8:-8] = 255
        assert (around == 255).all(), marker_id


def test_slots_share_no_ids_and_the_last_slot_is_the_73rd():
    ids = [marker for slot in range(markers.MAX_SLOTS) for marker in slot_layout(256, 256, slot).corners]
    assert markers.MAX_SLOTS == 73
    assert sorted(ids) == list(range(584))
    assert list(slot_layout(256, 256, 72, count=4).corners) == [576, 577, 578, 579]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"slot": 73}, "slot must be 0..72, not 73"),
        ({"slot": -1}, "slot must be"),
        ({"count": 5}, "count must be 4 or 8, not 5"),
        ({"side": 60}, "side must be a multiple of 8, not 60"),
        ({"side": 0}, "side must be"),
        ({"width": 0}, "at least one pixel, not 0x256"),
        ({"height": -1}, "at least one pixel"),
    ],
)
def test_a_layout_that_cannot_be_is_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        slot_layout(**{"width": 256, "height": 256, **wrong})


@given(
    angle=st.floats(0, 360),
    scale=st.floats(1.6, 3.5),
    shift=st.tuples(st.floats(-3, 3), st.floats(-3, 3)),
)
def test_found_corners_are_where_a_warp_puts_them(angle, scale, shift):
    """The mean over a marker's corners is free of what blur does to each, so it shows half a pixel of convention."""
    drawn = on_white()
    center = (drawn.shape[0] - 1) / 2
    matrix = cv2.getRotationMatrix2D((center, center), angle, scale)
    matrix[:, 2] += np.array(shift) + 120
    fine = cv2.warpAffine(drawn, matrix, (400, 400), flags=cv2.INTER_LINEAR, borderValue=255)
    photo = cv2.GaussianBlur(fine, (0, 0), 1.0)
    found = detect(photo)
    corners = np.array([(40, 40), (104, 40), (104, 104), (40, 104)]) - 0.5
    expected = corners @ matrix[:, :2].T + matrix[:, 2]
    assert list(found) == [5]
    assert np.abs(found[5].mean(axis=0) - expected.mean(axis=0)).max() < 0.1
    assert np.linalg.norm(found[5] - expected, axis=1).max() < 1.5  # and in this order


def test_every_refinement_answers_to_the_same_convention():
    photo = cv2.GaussianBlur(cv2.resize(on_white(), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST), (0, 0), 1.0)
    expected = (71.5 + 0.5) * 2 - 0.5
    for refinement in (cv2.aruco.CORNER_REFINE_SUBPIX, cv2.aruco.CORNER_REFINE_APRILTAG):
        center = markers._search(photo, None, refinement)[5].mean(axis=0)
        assert np.abs(center - expected).max() < 0.05, refinement


def test_gray_rgb_and_one_channel_photos_are_searched_alike():
    photo = on_white()
    plain = detect(photo)[5]
    assert np.array_equal(detect(photo[:, :, None])[5], plain)
    assert np.array_equal(detect(np.repeat(photo[:, :, None], 3, axis=2))[5], plain)


def test_only_wanted_markers_are_returned_and_doubles_are_dropped():
    both = np.concatenate([on_white(5), on_white(6)], axis=1)
    assert sorted(detect(both)) == [5, 6]
    assert sorted(detect(both, wanted={6})) == [6]
    assert sorted(detect(np.concatenate([both, on_white(6)], axis=1))) == [5]


def test_searching_harder_stops_as_soon_as_enough_is_found_and_moves_nothing():
    photo = on_white()
    found, tried = detect_harder(photo, lambda seen: 5 in seen)
    assert tried == []
    everything, tried = detect_harder(photo, lambda seen: False)
    assert tried == ["half size", "1.5 times the size", "equalized", "AprilTag refinement"]
    assert np.array_equal(everything[5], found[5])


def noisy():
    big = on_white(5, 192, 120) * 0.6 + 50
    return np.clip(big + np.random.default_rng(0).normal(0, 100, big.shape), 0, 255).astype(np.uint8)


def faint():
    return np.pad((on_white(5, 96, 60) / 255 * 12 + 60).round().astype(np.uint8), 200, constant_values=255)


@pytest.mark.parametrize(("photo", "helped"), [(noisy, "half size"), (faint, "equalized")])
def test_searching_harder_finds_what_the_plain_search_does_not(photo, helped):
    photo = photo()
    assert detect(photo) == {}
    found, tried = detect_harder(photo, lambda seen: 5 in seen)
    assert list(found) == [5]
    assert tried[-1] == helped


def test_three_markers_of_the_same_slot_are_enough():
    assert enough_for_a_pose([8, 9, 15], 1)
    assert not enough_for_a_pose([8, 9, 16], 1)


def test_a_container_too_small_for_the_card_gets_room_around_it():
    layout = slot_layout(40, 300)
    assert layout.box == (-52, 0, 92, 300)
