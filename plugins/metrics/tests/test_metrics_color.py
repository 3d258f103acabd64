"""Color differences: CIEDE2000 against its authors' figures, SSIM of Lab, and histograms of color."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.data import astronaut, coffee
from skimage.metrics import structural_similarity

from bench_core.errors import CellFailure
from bench_metrics.color_sets import HistAb
from bench_metrics.delta_e import DeltaE, DeltaE95, ciede2000
from bench_metrics.lab import encoded, lab
from bench_metrics.ssim_lab import SsimLabA, SsimLabB, SsimLabL

PHOTO = astronaut()[20:161, 130:301]
NOISY = np.clip(PHOTO + np.random.default_rng(3).normal(0, 12, PHOTO.shape), 0, 255).astype(np.uint8)
PICTURES = arrays(np.uint8, (6, 5, 3))

# Sharma, Wu and Dalal 2005, table 1: L1 a1 b1, L2 a2 b2, ΔE00.
SHARMA = """
50.0000 2.6772 -79.7751 50.0000 0.0000 -82.7485 2.0425
50.0000 3.1571 -77.2803 50.0000 0.0000 -82.7485 2.8615
50.0000 2.8361 -74.0200 50.0000 0.0000 -82.7485 3.4412
50.0000 -1.3802 -84.2814 50.0000 0.0000 -82.7485 1.0000
50.0000 -1.1848 -84.8006 50.0000 0.0000 -82.7485 1.0000
50.0000 -0.9009 -85.5211 50.0000 0.0000 -82.7485 1.0000
50.0000 0.0000 0.0000 50.0000 -1.0000 2.0000 2.3669
50.0000 -1.0000 2.0000 50.0000 0.0000 0.0000 2.3669
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0009 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0010 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0011 7.2195
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0012 7.2195
50.0000 -0.0010 2.4900 50.0000 0.0009 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0010 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0011 -2.4900 4.7461
50.0000 2.5000 0.0000 50.0000 0.0000 -2.5000 4.3065
50.0000 2.5000 0.0000 73.0000 25.0000 -18.0000 27.1492
50.0000 2.5000 0.0000 61.0000 -5.0000 29.0000 22.8977
50.0000 2.5000 0.0000 56.0000 -27.0000 -3.0000 31.9030
50.0000 2.5000 0.0000 58.0000 24.0000 15.0000 19.4535
50.0000 2.5000 0.0000 50.0000 3.1736 0.5854 1.0000
50.0000 2.5000 0.0000 50.0000 3.2972 0.0000 1.0000
50.0000 2.5000 0.0000 50.0000 1.8634 0.5757 1.0000
50.0000 2.5000 0.0000 50.0000 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""
PUBLISHED = np.array([line.split() for line in SHARMA.strip().splitlines()], np.float64)


def test_ciede2000_gives_the_published_figures():
    assert len(PUBLISHED) == 34
    found = ciede2000(PUBLISHED[:, :3], PUBLISHED[:, 3:6])
    assert np.abs(found - PUBLISHED[:, 6]).max() < 5e-5 + 1e-9  # they are printed with four decimals
    # The other way round the two are at opposite hues exactly, and which way is shorter is undecided (pairs 10 and 14).
    decided = np.delete(np.arange(34), (9, 13))
    assert ciede2000(PUBLISHED[decided, 3:6], PUBLISHED[decided, :3]) == pytest.approx(found[decided], abs=1e-12)


def test_ciede2000_agrees_with_scikit_image_everywhere():
    generator = np.random.default_rng(5)
    first, second = (generator.uniform((0, -110, -110), (100, 110, 110), (20_000, 3)) for _ in range(2))
    second[:10_000] = first[:10_000] + generator.normal(0, 2, (10_000, 3))
    assert ciede2000(first, second) == pytest.approx(deltaE_ciede2000(first, second), abs=1e-9)


@pytest.mark.parametrize("estimate", [NOISY, 255 - PHOTO, coffee()[:141, :171]], ids=["noise", "negative", "other"])
def test_delta_e_agrees_with_scikit_image(estimate):
    expected = deltaE_ciede2000(rgb2lab(PHOTO), rgb2lab(estimate))
    assert DeltaE()(estimate, PHOTO).value == pytest.approx(expected.mean(), abs=1e-3)
    assert DeltaE95()(estimate, PHOTO).value == pytest.approx(np.percentile(expected, 95), abs=1e-3)


@settings(max_examples=25)
@given(PICTURES, PICTURES)
def test_delta_e_is_a_distance(a, b):
    assert DeltaE()(a, a.copy()).value == DeltaE95()(a, a.copy()).value == 0
    assert DeltaE()(a, b).value == pytest.approx(DeltaE()(b, a).value, abs=1e-3)
    assert 0 <= DeltaE()(a, b).value < 200


def test_delta_e_of_gray_is_of_lightness_alone():
    gray, other = PHOTO[:, :, :1], NOISY[:, :, :1]
    expected = deltaE_ciede2000(rgb2lab(gray.repeat(3, axis=2)), rgb2lab(other.repeat(3, axis=2))).mean()
    assert DeltaE()(other, gray).value == pytest.approx(expected, abs=1e-3)


def test_delta_e_counts_every_pixel_of_a_large_picture():
    reference = np.zeros((150, 151, 3), np.uint8)
    for row, column in ((0, 0), (70, 75), (149, 150)):
        estimate = reference.copy()
        estimate[row, column] = 255
        assert DeltaE()(estimate, reference).value == pytest.approx(100 / (150 * 151), rel=1e-4)


@pytest.mark.parametrize("estimate", [NOISY, np.roll(PHOTO, 3, axis=1)], ids=["noise", "shifted"])
def test_ssim_of_lab_agrees_with_scikit_image(estimate):
    planes = [rgb2lab(picture) * (2.55, 1, 1) + (0, 128, 128) for picture in (estimate, PHOTO)]
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    for channel, metric in enumerate((SsimLabL, SsimLabA, SsimLabB)):
        expected = structural_similarity(*(plane[:, :, channel] for plane in planes), **options)
        assert metric()(estimate, PHOTO).value == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("metric", [SsimLabL, SsimLabA, SsimLabB], ids=lambda metric: metric.name)
def test_ssim_of_lab_keeps_the_rules_of_ssim(metric):
    assert metric()(PHOTO, PHOTO.copy()).value == pytest.approx(1, abs=1e-9)
    with pytest.raises(CellFailure, match="too_small") as failure:
        metric()(PHOTO[:10], PHOTO[:10])
    assert failure.value.status == "skipped_unsupported"


def test_lab_is_cie_lab():
    assert np.abs(lab(PHOTO) - rgb2lab(PHOTO)).max() < 1e-3
    gray = lab(PHOTO[:, :, :1])
    assert np.abs(gray - rgb2lab(PHOTO[:, :, :1].repeat(3, axis=2))).max() < 1e-2  # its white is not quite gray
    assert not gray[:, :, 1:].any()
    for channel, scale, offset in (("l", 2.55, 0), ("a", 1, 128), ("b", 1, 128)):
        index = "lab".index(channel)
        assert np.abs(encoded(PHOTO, channel) - (rgb2lab(PHOTO)[:, :, index] * scale + offset)).max() < 2e-3


def test_hist_ab_is_the_share_of_pixels_whose_color_has_a_counterpart():
    reference = np.zeros((10, 10, 3), np.uint8)
    reference[:5] = (255, 0, 0)
    reference[5:] = (0, 0, 255)
    estimate = reference.copy()
    estimate[:3] = (0, 255, 0)
    assert HistAb()(estimate, reference).value == 0.7
    assert HistAb()(reference[::-1], reference).value == 1  # the place of a color does not matter
    assert HistAb()(np.full_like(reference, 200), reference).value == 0


def test_hist_ab_does_not_see_lightness():
    gray = PHOTO[:, :, 1:2]
    assert HistAb()(255 - gray, gray).value == 1
    assert HistAb()((255 - gray).repeat(3, axis=2), gray.repeat(3, axis=2)).value == 1


def test_hist_ab_is_an_intersection_of_histograms():
    edges = np.arange(-125, 126, 10)
    counts = [
        np.histogram2d(*(rgb2lab(picture)[:, :, c].ravel() for c in (1, 2)), bins=(edges, edges))[0]
        for picture in (NOISY, PHOTO)
    ]
    expected = np.minimum(*counts).sum() / PHOTO[:, :, 0].size
    assert 0.5 < expected < 0.99
    assert HistAb()(NOISY, PHOTO).value == pytest.approx(expected, abs=2e-4)
