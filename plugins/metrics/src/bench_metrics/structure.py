"""The one computation below SSIM and MS-SSIM: local similarity in Gaussian windows, fast and close to exact.

Written with the error d = x - y instead of the estimate x (all moments local, weighted by the window):

    luminance            l  = 1 - E[d]² / (μx² + μy² + C1)
    contrast, structure  cs = 1 - Var[d] / (σx² + σy² + C2),   σx² = σy² + 2 Cov[y, d] + Var[d]

That is Wang et al. 2004 (eq. 13 with α = β = γ = 1, C3 = C2 / 2) term by term. Nothing large cancels, so float32
stays within 1e-6 of float64 even on saturated flat areas, where E[x²] - μx² in float32 is wrong by up to 3e-4; only
strips that are far from the reference are compared in float64. And the reference's moments are computed once however
many estimates follow, which leaves three filters an estimate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

Floats = np.ndarray[Any, np.dtype[Any]]

WINDOW = 11
SIGMA = 1.5
C1 = (0.01 * 255) ** 2
C2 = (0.03 * 255) ** 2

_HALO = WINDOW - 1
_STRIP = 64  # rows worked on at a time, so that what is in flight stays in the processor's cache
_FAR = 900.0
"""The mean squared error (18.6 dB) above which a strip is compared in float64: there even Var[d] cancels badly."""

_DEPTHS = {"float32": cv2.CV_32F, "float64": cv2.CV_64F}


@dataclass(frozen=True)
class Moments:
    """A reference picture's local moments, over the valid region.

    `picture` is H×W or H×W×3, 8-bit or float; `center`, taken off before filtering, is a number for each of OpenCV's
    four channels; `mean` (of the centered picture) and `variance` are (H-10)×(W-10)(×3), of the precision that
    comparisons will have.
    """

    picture: Floats
    center: Floats
    mean: Floats
    variance: Floats


def _filter(image: Floats) -> Floats:
    """The Gaussian-weighted local mean at every position where the window fits: sums to 1, no padding."""
    half = WINDOW // 2
    kernel = cv2.getGaussianKernel(WINDOW, SIGMA, cv2.CV_64F)
    filtered: Floats = cv2.sepFilter2D(image, -1, kernel, kernel)
    return filtered[half:-half, half:-half]


def _strips(height: int) -> list[tuple[slice, slice]]:
    """The rows to read, and the rows of the valid region they give."""
    valid = height - _HALO
    starts = range(0, valid, _STRIP)
    return [(slice(s, min(s + _STRIP, valid) + _HALO), slice(s, min(s + _STRIP, valid))) for s in starts]


def reference_moments(picture: Floats, dtype: str = "float32") -> Moments:
    """The moments of a reference, H×W or H×W×3 with values in 0..255 and no side below 11; `float32` or `float64`."""
    shape = (picture.shape[0] - _HALO, picture.shape[1] - _HALO, *picture.shape[2:])
    mean, variance = np.empty(shape, dtype), np.empty(shape, dtype)
    center = np.rint(cv2.mean(picture))
    for read, write in _strips(picture.shape[0]):
        values: Floats = cv2.subtract(picture[read], center, dtype=cv2.CV_64F)
        local = _filter(values)
        mean[write] = local
        variance[write] = _filter(values * values) - local * local
    return Moments(picture, center, mean, variance)


def similarity(estimate: Floats, reference: Moments) -> tuple[Floats, Floats]:
    """SSIM and its contrast-structure part, each averaged over the valid region: one number a channel."""
    channels = 1 if reference.picture.ndim == 2 else reference.picture.shape[2]
    ssim, contrast = np.zeros(channels), np.zeros(channels)
    for read, write in _strips(estimate.shape[0]):
        part, found = reference.picture[read], estimate[read]
        moments = Moments(part, reference.center, reference.mean[write], reference.variance[write])
        if moments.mean.dtype == np.float32 and cv2.norm(found, part, cv2.NORM_L2SQR) > _FAR * part.size:
            moments = reference_moments(part, "float64")
        strip_ssim, strip_contrast = _compare(found, moments)
        ssim += strip_ssim[:channels]
        contrast += strip_contrast[:channels]
    positions = reference.mean.shape[0] * reference.mean.shape[1]
    return ssim / positions, contrast / positions


def _compare(estimate: Floats, reference: Moments) -> tuple[Sequence[float], Sequence[float]]:
    """The sums over a strip's valid region of SSIM and of contrast-structure, for each of four channels."""
    mean = reference.mean
    depth = _DEPTHS[mean.dtype.name]
    error: Floats = cv2.subtract(estimate, reference.picture, dtype=depth)
    values: Floats = cv2.subtract(reference.picture, reference.center, dtype=depth)
    bias = _filter(error)
    values *= error
    covariance = _filter(values)
    error *= error
    noise = _filter(error)
    bias2 = bias * bias
    noise = noise - bias2
    # σx² + σy² + C2 = 2 (σy² + Cov[y, d]) + Var[d] + C2
    covariance = covariance - mean * bias
    covariance += reference.variance
    covariance *= 2
    covariance += noise
    covariance += C2
    noise /= covariance
    similar = np.subtract(1, noise, out=noise)
    # μx² + μy² + C1
    mean = mean + reference.center[: mean.shape[2] if mean.ndim == 3 else 1].astype(mean.dtype)
    bias += mean
    bias *= bias
    mean *= mean
    bias += mean
    bias += C1
    bias2 /= bias
    luminance = np.subtract(1, bias2, out=bias2)
    return cv2.sumElems(luminance * similar), cv2.sumElems(similar)
