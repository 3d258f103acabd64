import cv2
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from skimage.data import astronaut

from bench_degradations.filters import Blur, Box, Median, Sharpen
from bench_degradations.kernels import Defocus, Motion, disk, line

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def photo():
    return np.asarray(Image.fromarray(astronaut()).resize((96, 80), Image.Resampling.LANCZOS))


def apply(degradation, image):
    return degradation.apply(image, RNG).image


def close(found, expected, levels):
    assert np.abs(found.astype(float) - expected).max() <= levels


@pytest.mark.parametrize("sigma", [0.5, 1, 2.3, 6])
def test_blur_is_a_gaussian_of_three_sigma(sigma, photo):
    radius = int(np.ceil(3 * sigma))
    expected = ndimage.gaussian_filter(
        photo.astype(float), (sigma, sigma, 0), mode="mirror", radius=(radius, radius, 0)
    )
    close(apply(Blur(sigma=sigma), photo), expected, 0.51)


@pytest.mark.parametrize("size", [3, 5, 9, 21])
def test_median_is_the_true_median(size, photo):
    for image in (photo, photo[..., :1]):
        expected = ndimage.median_filter(image, (size, size, 1), mode="nearest")
        assert np.array_equal(apply(Median(size=size), image), expected)


@pytest.mark.parametrize("size", [3, 7, 31])
def test_box_is_the_mean(size, photo):
    close(
        apply(Box(size=size), photo), ndimage.uniform_filter(photo.astype(float), (size, size, 0), mode="mirror"), 0.51
    )


def test_sharpen_adds_the_detail(photo):
    wide = photo.astype(float)
    blurred = ndimage.gaussian_filter(wide, (1.5, 1.5, 0), mode="mirror", radius=(5, 5, 0))
    close(apply(Sharpen(amount=2, sigma=1.5), photo), np.clip(wide + 2 * (wide - blurred), 0, 255), 0.51)


def test_a_flat_picture_stays_flat():
    flat = np.full((40, 30, 3), 119, np.uint8)
    filters = (
        Blur(sigma=3),
        Median(size=7),
        Box(size=9),
        Sharpen(amount=3),
        Motion(length=15, angle=33),
        Defocus(radius=9),
    )
    for degradation in (*filters, Motion(length=31, sigma=8, angle=100)):
        assert np.array_equal(apply(degradation, flat), flat)


@pytest.mark.parametrize(
    "degradation", [Blur(sigma=2), Box(size=7), Motion(length=8), Defocus(radius=4), Sharpen(amount=2)]
)
def test_filters_do_not_move_the_picture(degradation):
    point = np.zeros((41, 41, 1), np.uint8)
    point[20, 20] = 255
    spread = apply(degradation, point)[..., 0].astype(float)
    assert np.allclose(ndimage.center_of_mass(spread), (20, 20), atol=0.01)


def test_a_level_line_is_a_mean_of_its_row():
    assert np.array_equal(line(5, 0), np.pad(np.full((1, 5), 0.2, np.float32), ((2, 2), (0, 0))))
    assert np.array_equal(line(5, 180), line(5, 0))
    assert np.array_equal(line(5, 90), line(5, 0).T)
    assert np.array_equal(line(1, 77), np.ones((1, 1), np.float32))
    # An even number of taps about the middle: those at both ends lie half outside.
    assert np.allclose(line(4, 0)[2], [0.125, 0.25, 0.25, 0.25, 0.125])


@pytest.mark.parametrize("angle", [0, 10, 30, 45, 60, 90, -45, 135])
def test_a_line_has_its_angle(angle):
    kernel = line(41, angle)
    assert kernel.sum() == pytest.approx(1, abs=1e-6)
    y, x = np.mgrid[: len(kernel), : len(kernel)] - len(kernel) // 2
    tilt = np.rad2deg(0.5 * np.arctan2(-2 * (kernel * x * y).sum(), (kernel * x**2).sum() - (kernel * y**2).sum()))
    assert (tilt - angle + 90) % 180 == pytest.approx(90, abs=0.2)
    # Variance of 41 taps one apart, plus that of sharing a tap out.
    assert (kernel * (x**2 + y**2)).sum() == pytest.approx((41**2 - 1) / 12, abs=0.6)


def test_with_a_sigma_it_is_imagemagicks():
    weights = np.exp(-(np.arange(31) ** 2) / (2 * 8**2))
    kernel = line(31, 0, 8)
    middle = len(kernel) // 2
    assert np.allclose(kernel[middle, middle : middle + 31], weights / weights.sum(), atol=1e-7)
    assert not kernel[:, :middle].any()


def published_disk(radius, alias_blur):
    """The kernel of imagenet_c/corruptions.py, in its own terms."""
    axis = np.arange(-8, 9) if radius <= 8 else np.arange(-radius, radius + 1)
    size = (3, 3) if radius <= 8 else (5, 5)
    x, y = np.meshgrid(axis, axis)
    aliased = np.array(x**2 + y**2 <= radius**2, dtype=np.float32)
    aliased /= aliased.sum()
    return cv2.GaussianBlur(aliased, size, sigmaX=alias_blur)


@pytest.mark.parametrize(("radius", "alias"), [(3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)])
def test_defocus_is_imagenet_cs_disk(radius, alias):
    expected = published_disk(radius, alias)
    kernel = disk(radius, alias)
    assert np.any(kernel[0])  # without the published rim of zeros
    full = np.pad(kernel, (len(expected) - len(kernel)) // 2)
    assert np.allclose(full, expected / expected.sum(), atol=1e-7)
    # Reflected at its border, the published kernel brightens at the larger radii; ours does not.
    assert expected.sum() == pytest.approx(1 if radius < 8 else 1.012, abs=0.002)


def test_a_drawn_angle_is_recorded_and_lies_in_its_spread(photo):
    angles = []
    for seed in range(40):
        received = Motion(length=15, angle=20, spread=30).apply(photo, np.random.default_rng(seed))
        angles.append(received.details["angle"])
        assert np.array_equal(received.image, apply(Motion(length=15, angle=angles[-1]), photo))
    assert -10 <= min(angles) < 0
    assert 40 < max(angles) <= 50
    assert Motion(length=15, angle=20).apply(photo, RNG).details == {}
