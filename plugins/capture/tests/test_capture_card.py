"""The color card: where it stands, and that what it says of print and camera is undone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_capture.color_card import COLORS, GRAYS, card_regions, color_error, fit_correction, patch
from bench_capture.markers import slot_layout
from bench_capture.sheet import draw_slot

LAYOUT = slot_layout(256, 200)


def a_sheet(layout=LAYOUT, seed=0):
    rng = np.random.default_rng(seed)
    return draw_slot(rng.integers(0, 256, (layout.height, layout.width, 3), dtype=np.uint8), layout)[0]


def photographed(sheet, gain, offset, gamma):
    """What a camera makes of it: the inverse of a correction's curve, per channel."""
    level = (sheet / 255) ** (1 / np.array(gamma))
    return np.rint(np.clip((level - offset) / np.array(gain), 0, 1) * 255).astype(np.uint8)


@pytest.mark.parametrize("size", [(1, 1), (100, 500), (256, 256), (640, 480)])
def test_patches_lie_on_the_sheet_clear_of_the_container_and_the_markers(size):
    layout = slot_layout(*size)
    taken = np.zeros((layout.sheet[3] - layout.sheet[1], layout.sheet[2] - layout.sheet[0]), dtype=int)
    left, top = layout.offset
    taken[top - layout.quiet : top + layout.height + layout.quiet, left : left + layout.width] += 1
    taken[top : top + layout.height, left - layout.quiet : left + layout.width + layout.quiet] += 1
    for corners in layout.corners.values():
        x, y = (corners[0] + 0.5 + (left, top)).astype(int)
        margin = layout.quiet
        taken[y - margin : y + layout.side + margin, x - margin : x + layout.side + margin] += 1
    for region in card_regions(layout):
        assert region.x1 - region.x0 >= 8
        assert region.y1 - region.y0 >= 8
        part = taken[region.y0 + top : region.y1 + top, region.x0 + left : region.x1 + left]
        assert part.shape == (region.y1 - region.y0, region.x1 - region.x0)
        assert not part.any()
        part += 1


def test_every_value_is_there_twice_mirrored_about_the_middle():
    regions = card_regions(LAYOUT)
    assert len(regions) == 2 * (len(GRAYS) + len(COLORS)) == 24
    middle = np.array([LAYOUT.width / 2, LAYOUT.height / 2])
    for value in {region.value for region in regions}:
        centers = [
            ((region.x0 + region.x1) / 2, (region.y0 + region.y1) / 2) for region in regions if region.value == value
        ]
        assert len(centers) == 2
        assert np.abs(np.mean(centers, axis=0) - middle).max() <= 0.5


def test_a_sheet_as_drawn_has_the_values_it_says_and_needs_no_correction():
    sheet = a_sheet()
    for region in card_regions(LAYOUT):
        assert np.allclose(patch(sheet, LAYOUT, region) * 255, region.value)
    correction = fit_correction(sheet, LAYOUT)
    assert np.abs(correction.apply(sheet).astype(int) - sheet).max() <= 1
    assert correction.residual < 0.5
    assert color_error(sheet, LAYOUT) == 0


@settings(max_examples=25)
@given(
    gain=st.tuples(*[st.floats(1.25, 2.0)] * 3),
    offset=st.tuples(*[st.floats(-0.2, -0.02)] * 3),
    gamma=st.tuples(*[st.floats(0.6, 1.8)] * 3),
)
def test_a_camera_of_gain_offset_and_gamma_is_undone(gain, offset, gamma):
    sheet = a_sheet()
    seen = photographed(sheet, gain, offset, gamma)
    correction = fit_correction(seen, LAYOUT)
    left = np.abs(correction.apply(seen).astype(float) - sheet)
    assert np.sqrt((left**2).mean()) < 4
    assert correction.residual < 3


def test_light_that_falls_off_to_one_side_does_not_tilt_the_curve():
    sheet = a_sheet()
    height, width = sheet.shape[:2]
    for fall in (np.linspace(0.8, 1.0, width)[None, :, None], np.linspace(1.0, 0.75, height)[:, None, None]):
        linear = (sheet / 255) ** 2.2 * fall
        seen = np.rint(linear ** (1 / 2.2) * 255).astype(np.uint8)
        corrected = fit_correction(seen, LAYOUT).apply(seen).astype(float)
        assert abs((corrected - sheet).mean()) < 4


def test_a_print_without_any_card_is_left_as_it_is():
    flat = np.full_like(a_sheet(), 120)
    correction = fit_correction(flat, LAYOUT)
    assert np.array_equal(correction.apply(flat), flat)
    assert correction.residual > 50  # and says that it explains nothing


@settings(max_examples=25)
@given(low=st.integers(0, 250), contrast=st.integers(0, 60))
def test_a_card_of_any_contrast_is_corrected(low, contrast):
    sheet = a_sheet()
    high = min(255, low + contrast)
    seen = np.rint(low + sheet / 255 * (high - low)).astype(np.uint8)
    correction = fit_correction(seen, LAYOUT)
    assert np.isfinite([*correction.gain, *correction.offset, *correction.gamma]).all()
    if high - low >= 4:  # what is left is what rounding to a few levels lost
        assert correction.residual < 255 / (high - low)


def test_a_wrong_color_cast_is_told_by_the_colored_patches():
    sheet = a_sheet()
    gray = np.repeat(sheet.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    assert color_error(gray, LAYOUT) > 80
