"""The camera: geometry that loses nothing, blur that moves nothing, a sensor with the noise it should have."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from bench_capture import display, overlay, printer
from bench_capture.camera import Conditions, blur, draw, illumination, line_kernel, photograph
from bench_capture.framing import Sheet, frame
from bench_capture.overlay import light_mask, moire_pattern
from bench_capture.registration import rectify
from bench_capture.sensor import GAINS, add_noise, demosaic, develop, mosaic, read_noise
from bench_capture.severities import CAMERAS, DISPLAYS, OVERLAYS, SCREEN_CAMERAS, Camera, Printer
from bench_capture.tone import display_to_linear, srgb_to_linear

CLEAR = Camera(
    scale=2.5,
    corner_jitter=0.05,
    rotation=8.0,
    k1=0.01,
    defocus=0.0,
    motion=0.0,
    gradient=0.0,
    vignetting=0.0,
    exposure=0.0,
    white_balance=0.0,
    shot_noise=0.0,
    sharpening=0.0,
    jpeg=None,
)
"""Nothing but where the camera is held."""

EXACT = Printer(lpi=None, gain=0.0, black=0.0, white=1.0, saturation=1.0, grain=0.0)


def rng(key=1):
    return np.random.Generator(np.random.Philox(key=key))


def sheet_of(image, margin=8):
    return Sheet(cv2.copyMakeBorder(image, *[margin] * 4, cv2.BORDER_CONSTANT, value=(255, 255, 255)), margin, margin)


def received(image, camera, render, up, key=1):
    sheet = sheet_of(image)
    generator = rng(key)
    conditions = draw(camera, generator)
    photo = photograph(sheet, render(sheet.image), up, camera, conditions, generator)
    return rectify(photo.image, photo.frame.pose, image.shape[1], image.shape[0])


def shift(estimate, reference):
    """How far right and down `estimate` lies of `reference`, in pixels: least squares over gradients (Lucas-Kanade).

    In linear light: blurred there, an edge keeps its place, but what is bright grows on the scale of sRGB.
    """
    smooth = [cv2.GaussianBlur(plane.astype(np.float64), (0, 0), 1.5) for plane in (estimate, reference)]
    y, x = (part[4:-4, 4:-4].ravel() for part in np.gradient(smooth[1]))
    off = (smooth[0] - smooth[1])[4:-4, 4:-4].ravel()
    right, down, _ = np.linalg.lstsq(np.stack([-x, -y, np.ones_like(x)], axis=1), off, rcond=None)[0]
    return np.array([right, down])


def quadrants(image):
    height, width = image.shape[0] // 2, image.shape[1] // 2
    return [image[y : y + height, x : x + width] for y in (0, height) for x in (0, width)]


@pytest.mark.parametrize("scale", [1.3, 2.0, 2.5, 3.0])
def test_the_closed_loop_of_a_print_moves_nothing(pictures, scale):
    """A little defocus, since red and blue sample at every second sensor pixel: without it, edges would alias."""
    picture = pictures[0]
    camera = replace(CLEAR, scale=scale, defocus=0.5)
    seen = received(picture, camera, lambda sheet: printer.render(sheet, EXACT, True, rng()), printer.UP)
    assert np.abs(seen.astype(float) - picture).mean() < 7
    for part, true in zip(quadrants(srgb_to_linear(seen)), quadrants(srgb_to_linear(picture)), strict=True):
        for channel in range(3):
            assert np.abs(shift(part[..., channel], true[..., channel])).max() < 0.05


def test_blur_sharpening_halftone_and_jpeg_move_nothing(pictures):
    picture = pictures[2]
    camera = replace(CLEAR, defocus=0.6, motion=3.0, sharpening=0.7, jpeg=95)
    given = replace(EXACT, lpi=133)
    for key in (1, 2, 3):  # three directions of motion
        seen = received(picture, camera, lambda sheet: printer.render(sheet, given, True, rng()), printer.UP, key)
        for part, true in zip(quadrants(srgb_to_linear(seen)), quadrants(srgb_to_linear(picture)), strict=True):
            assert np.abs(shift(part[..., 1], true[..., 1])).max() < 0.05


def test_a_screen_moves_red_and_blue_by_their_stripes(pictures):
    picture = pictures[1]
    given = replace(DISPLAYS[0], black=0.0)
    seen = received(picture, replace(CLEAR, defocus=0.6), lambda sheet: display.render(sheet, given), display.UP)
    for channel, expected in enumerate((-1 / 3, 0, 1 / 3)):
        right, down = shift(srgb_to_linear(seen)[..., channel], display_to_linear(picture)[..., channel])
        assert right == pytest.approx(expected, abs=0.06)
        assert down == pytest.approx(0, abs=0.05)


def test_a_shift_of_half_a_pixel_would_be_seen(pictures):
    """The test above the others: the measure they trust finds what it should."""
    picture = srgb_to_linear(pictures[0][..., 1])
    moved = cv2.warpAffine(picture, np.array([[1, 0, 0.5], [0, 1, -0.25]]), picture.shape[::-1], flags=cv2.INTER_CUBIC)
    assert shift(moved, picture) == pytest.approx([0.5, -0.25], abs=0.08)


@pytest.mark.parametrize("cameras", [CAMERAS, SCREEN_CAMERAS])
def test_the_sheet_stays_in_view(cameras):
    sheet = sheet_of(np.zeros((60, 90, 3), np.uint8))
    for camera in cameras:
        for key in range(10):
            drawn = draw(camera, rng(key))
            shifts = drawn.corner_shifts * (106, 76)
            taken = frame(sheet, scale=camera.scale, rotation=drawn.rotation, shifts=shifts, k1=camera.k1)
            seen = taken.pose.project(sheet.corners)
            assert seen.min() > 0
            assert (seen.max(axis=0) < (taken.width - 1, taken.height - 1)).all()
            assert taken.width * taken.height < 4 * camera.scale**2 * sheet.image.shape[0] * sheet.image.shape[1]


@pytest.mark.parametrize("angle", [0.0, 30.0, 90.0, 171.0])
@pytest.mark.parametrize("length", [0.3, 1.0, 4.7, 12.0])
def test_motion_is_a_centered_line_of_its_length(length, angle):
    kernel = line_kernel(length, angle).astype(np.float64)
    y, x = np.mgrid[: kernel.shape[0], : kernel.shape[1]] - (kernel.shape[0] - 1) / 2
    assert kernel.shape[0] == kernel.shape[1]
    assert kernel.shape[0] % 2 == 1
    assert kernel.sum() == pytest.approx(1, abs=1e-6)
    assert [(kernel * x).sum(), (kernel * y).sum()] == pytest.approx([0, 0], abs=1e-6)
    # A line's variance along itself is length² / 12; sharing points among pixels adds at most 1/4 on each axis.
    along = (kernel * (x * np.cos(np.deg2rad(angle)) + y * np.sin(np.deg2rad(angle))) ** 2).sum()
    assert length**2 / 12 <= along + 1e-6
    assert along < length**2 / 12 * 1.3 + 0.3


def test_defocus_and_motion_scale_with_the_picture():
    point = np.zeros((101, 101, 3), np.float32)
    point[50, 50] = 1
    y, x = np.mgrid[:101, :101] - 50
    for scale in (1.5, 3.0):
        seen = blur(point, replace(CLEAR, scale=scale, defocus=1.0), 0.0)[..., 0]
        assert np.sqrt((seen * x**2).sum() / seen.sum()) == pytest.approx(scale, rel=0.02)
        seen = blur(point, replace(CLEAR, scale=scale, motion=6.0), 90.0)[..., 0]
        assert np.sqrt((seen * y**2).sum() / seen.sum()) == pytest.approx(6 * scale / 12**0.5, rel=0.1)
        assert (seen * x**2).sum() < 1e-6


def test_light_is_brightest_where_the_gradient_points():
    sheet = sheet_of(np.zeros((100, 100, 3), np.uint8))
    taken = frame(sheet, scale=2.0, rotation=0.0, shifts=np.zeros((4, 2)), k1=0.0)
    flat = Conditions(0.0, np.zeros((4, 2)), 0.0, 0.0, (0.0, 0.0, 0.0), 0.0)
    light = illumination(taken, replace(CLEAR, gradient=0.2), flat)
    assert light.mean() == pytest.approx(1, abs=1e-4)
    assert 0.8 <= light.min() < 0.85
    assert light[:, 0] == pytest.approx(2 - light[:, -1], abs=1e-4)
    light = illumination(taken, replace(CLEAR, vignetting=0.3), flat)
    assert light[0, 0] == pytest.approx(0.7, abs=0.005)
    assert light.max() == pytest.approx(1, abs=1e-3)
    light = illumination(taken, CLEAR, replace(flat, exposure=-1.0))
    assert light == pytest.approx(0.5)


def test_draws_stay_in_their_bounds_and_fill_them():
    camera = CAMERAS[4]
    drawn = [draw(camera, rng(key)) for key in range(200)]
    rotations = np.array([one.rotation for one in drawn])
    assert 0.9 * camera.rotation < np.abs(rotations).max() <= camera.rotation
    exposures = np.array([one.exposure for one in drawn])
    assert -camera.exposure <= exposures.min() < -0.9 * camera.exposure
    assert 0.25 * camera.exposure < exposures.max() <= 0.3 * camera.exposure
    assert np.abs([one.corner_shifts for one in drawn]).max() <= camera.corner_jitter
    assert np.abs([one.white_balance for one in drawn]).max() <= camera.white_balance


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("level", [0.1, 0.5, 0.8])
def test_noise_has_the_variance_of_shot_and_read(camera, level):
    flat = np.full((400, 400), level, np.float32)
    noisy = add_noise(flat.copy(), camera.shot_noise, rng())
    expected = camera.shot_noise * level + read_noise(camera.shot_noise)
    assert noisy.var() == pytest.approx(expected, rel=0.02)
    assert noisy.mean() == pytest.approx(level, abs=4 * (expected / flat.size) ** 0.5)


def test_read_noise_is_the_published_line():
    assert np.log(read_noise(0.0008)) == pytest.approx(2.18 * np.log(0.0008) + 1.20)
    assert read_noise(0.0) == 0


def test_the_mosaic_is_rggb_and_demosaicing_knows_it():
    """A wrong code would swap red and blue, or shift green: on this picture both leave tens of percent."""
    y, x = np.mgrid[:48, :64].astype(np.float32)
    light = np.stack([0.2 + x / 160, 0.3 + y / 120, 0.7 - x / 320 - y / 240], axis=2)
    raw = mosaic(light)
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        assert raw[row::2, column::2] == pytest.approx(light[row::2, column::2, channel] / GAINS[channel])
    inner = np.s_[2:-2, 2:-2]
    assert demosaic(raw)[inner] == pytest.approx(light[inner], abs=1e-3)  # bilinear is exact on ramps


def test_raw_values_clip_where_the_sensor_is_full():
    light = np.full((8, 8, 3), 1.5, np.float32)
    colors = demosaic(mosaic(light))
    assert colors[4, 4] == pytest.approx([1.5, 1.0, 1.5], abs=1e-3)  # before the gains, red and blue are not full


def test_developing_a_gray_field_gives_its_level():
    light = np.full((32, 48, 3), 0.2140, np.float32)  # sRGB 127.5
    photo, size = develop(light.copy(), CLEAR, (0.0, 0.0, 0.0), rng())
    assert np.abs(photo - 127.5).max() <= 1
    assert size == photo.size
    photo, size = develop(light.copy(), replace(CLEAR, jpeg=80), (0.1, 0.0, -0.1), rng())
    assert size < photo.size / 4
    assert photo[..., 0].mean() > 128 + 3
    assert photo[..., 2].mean() < 127 - 3


def test_drawn_moire_is_within_its_weight_and_differs_between_channels():
    sheet = sheet_of(np.full((120, 100, 3), 128, np.uint8))
    photo = overlay.photograph(sheet, replace(OVERLAYS[2], noise_variance=0.0, light=(0.0, 0.0)), rng())
    seen = photo.image[26:-26, 26:-26].astype(float)
    assert seen.min() >= 128 - 2
    assert seen.max() <= 128 + 0.15 * 127.5 + 2
    assert seen.std(axis=(0, 1)).min() > 3
    correlation = np.corrcoef(seen.reshape(-1, 3).T)
    assert np.abs(correlation[np.triu_indices(3, 1)]).max() < 0.5


def test_the_light_mask_spans_what_it_drew():
    taken = frame(sheet_of(np.zeros((50, 70, 3), np.uint8)), scale=1.0, rotation=0, shifts=np.zeros((4, 2)), k1=0)
    kinds = set()
    for key in range(12):
        mask, drawn = light_mask(taken, OVERLAYS[2], rng(key))
        assert 0.7 <= drawn["dark"] <= 0.9 < 1.1 <= drawn["bright"] <= 1.3
        assert mask.min() == pytest.approx(drawn["dark"], abs=1e-5)
        assert mask.max() == pytest.approx(drawn["bright"], abs=0.01)
        kinds.add(drawn.get("direction", "lamp"))
    assert len(kinds) >= 3
    pattern, _ = moire_pattern(taken, rng())
    assert pattern.min() >= 0
    assert pattern.max() <= 1
