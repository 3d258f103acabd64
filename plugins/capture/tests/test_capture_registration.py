"""Registration: poses are recovered from markers, with the lens, from few of them, and despite wrong ones."""

import tracemalloc

import numpy as np
import pytest
from closed_loop import quick_photo
from hypothesis import given
from hypothesis import strategies as st
from phone import photograph

from bench_capture import registration
from bench_capture.markers import detect, slot_layout
from bench_capture.registration import Pose, fit, frame_of, rectify
from bench_capture.sheet import draw_slot

SHAPE = (1200, 1600)
GRID = np.stack([part.ravel() for part in np.meshgrid(np.linspace(0, 255, 9), np.linspace(0, 255, 9))], axis=1)


def a_pose(k1=0.0, tilt=1e-4):
    matrix = np.array([[2.5, 0.3, 300.0], [-0.2, 2.7, 250.0], [tilt, -tilt / 2, 1.0]])
    return Pose(matrix, k1, *frame_of(SHAPE))


def seen_by(pose, layout, count=8):
    return {marker: pose.project(corners) for marker, corners in list(layout.corners.items())[:count]}


def off(found, pose):
    """The error of a fitted pose over the container, rms in its pixels."""
    return np.sqrt(((found.unproject(pose.project(GRID)) - GRID) ** 2).sum(axis=1).mean())


@given(k1=st.floats(-0.05, 0.05), points=st.lists(st.tuples(st.floats(-80, 340), st.floats(-80, 340)), min_size=1))
def test_unprojecting_undoes_projecting(k1, points):
    pose = a_pose(k1)
    assert np.allclose(pose.unproject(pose.project(points)), points, atol=1e-6)


def test_distortion_is_of_the_radius_over_the_half_diagonal():
    pose = a_pose(k1=0.02)
    (cx, cy), half = frame_of(SHAPE)
    assert (cx, cy, half) == (799.5, 599.5, 1000.0)
    straight = Pose(pose.homography, 0.0, (cx, cy), half)
    seen, ideal = (each.project(GRID) - (cx, cy) for each in (pose, straight))
    r, r_ideal = np.linalg.norm(seen, axis=1) / half, np.linalg.norm(ideal, axis=1) / half
    assert np.allclose(r * (1 + 0.02 * r**2), r_ideal)


@pytest.mark.parametrize("count", [3, 4, 8])
@pytest.mark.parametrize("k1", [0.0, 0.006, -0.02])
def test_exact_corners_give_the_exact_pose(count, k1):
    pose, layout = a_pose(k1), slot_layout(256, 256, slot=4)
    found, rms = fit(layout, seen_by(pose, layout, count), SHAPE)
    assert rms < 1e-4
    assert off(found, pose) < 1e-3
    assert found.k1 == pytest.approx(k1, abs=1e-5)


@pytest.mark.parametrize("growth", [-0.6, 0.4])
def test_markers_that_all_look_smaller_or_larger_do_not_pass_for_a_lens(growth):
    pose, layout = a_pose(), slot_layout(256, 256)
    grown = {}
    for marker, corners in layout.corners.items():
        outward = np.sign(corners - corners.mean(axis=0))
        grown[marker] = pose.project(corners + growth * outward)
    found, rms = fit(layout, grown, SHAPE)
    assert found.k1 == 0
    assert rms < 1e-3
    assert off(found, pose) < 1e-3


def test_k1_is_not_taken_from_noise():
    rng = np.random.default_rng(0)
    pose, layout = a_pose(), slot_layout(256, 256)
    noisy = {marker: corners + rng.normal(0, 0.2, (4, 2)) for marker, corners in seen_by(pose, layout).items()}
    found, rms = fit(layout, noisy, SHAPE)
    assert found.k1 == 0
    assert 0.05 < rms < 0.2
    assert off(found, pose) < 0.1


def test_a_marker_in_a_wrong_place_is_left_out():
    pose, layout = a_pose(), slot_layout(256, 256)
    seen = seen_by(pose, layout)
    seen[5] = seen[5] + (60, -35)
    found, rms = fit(layout, seen, SHAPE)
    assert rms < 0.01
    assert off(found, pose) < 0.01


def test_fewer_than_three_markers_and_those_of_other_slots_are_refused():
    layout = slot_layout(256, 256)
    others = seen_by(a_pose(), slot_layout(256, 256, slot=1))
    with pytest.raises(ValueError, match="2 of 8 markers found; 3 are needed"):
        fit(layout, {**seen_by(a_pose(), layout, 2), **others}, SHAPE)


def test_scale_is_that_of_the_smallest_direction_and_place():
    layout = slot_layout(256, 256)
    flat = Pose(np.diag([3.0, 2.0, 1.0]), 0.0, *frame_of(SHAPE))
    assert flat.scale(layout) == pytest.approx(2.0)
    assert a_pose(tilt=1e-3).scale(layout) < a_pose(tilt=0).scale(layout)


def test_rectifying_an_upright_copy_gives_it_back():
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    big = np.kron(picture, np.ones((4, 4, 1), np.uint8))
    pose = Pose(np.array([[4.0, 0, 1.5], [0, 4, 1.5], [0, 0, 1]]), 0.0, *frame_of(big.shape))
    upright = rectify(big, pose, 50, 40, supersample=4)
    assert np.array_equal(upright, picture)
    part = rectify(big, pose, 20, 10, origin=(7, 3), supersample=4)
    assert np.array_equal(part, picture[3:13, 7:27])
    gray = rectify(big[:, :, :1].copy(), pose, 50, 40, supersample=4)
    assert np.array_equal(gray, picture[:, :, :1])


@pytest.mark.parametrize("points", [1, 5000, 54_321])
def test_large_pictures_are_rectified_in_bands_to_the_same_bytes(points, monkeypatch):
    photo = np.random.default_rng(2).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    whole = rectify(photo, a_pose(0.01), 90, 61, origin=(-5, -7), supersample=3)
    monkeypatch.setattr(registration, "_BAND", points)
    assert np.array_equal(rectify(photo, a_pose(0.01), 90, 61, origin=(-5, -7), supersample=3), whole)


def test_rectifying_holds_only_a_band_in_memory():
    photo = np.zeros((1400, 1400, 3), np.uint8)
    tracemalloc.start()
    rectify(photo, Pose(np.diag([2.0, 2.0, 1.0]), 0.01, *frame_of(photo.shape)), 700, 700, supersample=4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300 * 2**20  # its 8 million points at once are 600 MiB, those of a page in a large photo gigabytes


@pytest.mark.parametrize("scale", [0.9, 1.0, 1.6, 2.2])
@pytest.mark.parametrize("angle", [0, 17, 45, 90, 200])
def test_corners_are_exact_at_any_angle_and_size(scale, angle, pictures):
    layout = slot_layout(256, 256, slot=7)
    photo = quick_photo(draw_slot(pictures[0], layout)[0], scale, angle)
    found = detect(photo)
    assert sorted(found) == sorted(layout.corners)
    _, rms = fit(layout, found, photo.shape)
    assert rms < 0.15


# The limits asked for are 0.1 at severity 1, 0.3 at 2 and 0.5 at 5; 2 to 4 are set nearer to what is reached.
@pytest.mark.parametrize(("severity", "limit"), [(1, 0.1), (2, 0.1), (3, 0.1), (4, 0.2), (5, 0.5)])
def test_registration_of_simulated_photos_is_within_the_limits(severity, limit, pictures):
    errors = []
    for seed, picture in enumerate(pictures[severity % 2 :: 2]):
        layout = slot_layout(256, 256, slot=seed)
        sheet, offset = draw_slot(picture, layout)
        page = np.pad(sheet, ((40, 40), (40, 40), (0, 0)), constant_values=255)
        photo = photograph(page, severity, np.random.default_rng(seed))
        found = detect(photo.picture)
        assert sorted(found) == sorted(layout.corners)  # every id, and no other
        pose, rms = fit(layout, found, photo.picture.shape)
        assert rms < 1
        errors.append(pose.unproject(photo.places(GRID + offset + 40)) - GRID)
    rms = [np.sqrt((error**2).sum(axis=1).mean()) for error in errors]
    assert max(rms) < limit
