"""A differentiable print and photograph: what StegaStamp trains through (Tancik, Mildenhall and Ng, CVPR 2020).

Order and limits are those of its train.py and models.py: perspective, blur, noise, contrast, brightness and hue,
saturation, JPEG. Unlike there, every draw is each picture's own, and the picture can be registered afterwards.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from bench_core.surrogates.jpeg import simulate_jpeg
from bench_core.surrogates.noise import normal_like
from bench_core.surrogates.precision import for_each, full_precision
from bench_core.surrogates.rounding import Rounding, ste
from bench_core.surrogates.warp import Points, corners, homography, warp

Kernel = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

_TAPS = 7
_PAPER_LUMA = (0.3, 0.6, 0.1)  # StegaStamp's


@dataclass(frozen=True)
class PrintLimits:
    """How bad a print may be; each picture draws its own within. Pictures are in [0, 1]."""

    corner: float = 0.1
    """Jitter of each corner, as a fraction of the side."""
    registration: float = 0.0
    """Error of each corner found again, standard deviation in pixels."""
    gaussian_share: float = 0.25
    line_share: float = 0.25
    """Shares of pictures blurred by a Gaussian (σ 1 to 3 pixels) and by a line (motion); 7×7 taps both."""
    blur: float = 1.0
    """How much of the blurred picture is mixed in."""
    noise: float = 0.02
    """Largest standard deviation."""
    contrast: float = 0.5
    """Factor 1 − contrast to 1 + contrast."""
    brightness: float = 0.3
    hue: float = 0.1
    """Offset of each channel."""
    desaturation: float = 1.0
    quality: int = 25
    """Lowest JPEG quality; 100: no JPEG."""

    def scaled(self, photometric: float, geometric: float | None = None) -> "PrintLimits":
        """Milder limits: 0 leaves a picture as it is, 1 is these. The shares of blurred pictures stay."""
        geometric = photometric if geometric is None else geometric
        return replace(
            self,
            corner=self.corner * geometric,
            registration=self.registration * geometric,
            blur=self.blur * photometric,
            noise=self.noise * photometric,
            contrast=self.contrast * photometric,
            brightness=self.brightness * photometric,
            hue=self.hue * photometric,
            desaturation=self.desaturation * photometric,
            quality=round(100 - (100 - self.quality) * photometric),
        )

    def at(self, step: float, ramp: int = 1000, corner_ramp: int = 10000) -> "PrintLimits":
        """The limits at a step of training, grown linearly from nothing; a ramp of 0 is over from the start."""
        share, corner = (min(1.0, step / length) if length else 1.0 for length in (ramp, corner_ramp))
        return self.scaled(share, corner)


@full_precision
def print_layer(
    images: Tensor,
    rngs: Sequence[np.random.Generator],
    limits: PrintLimits | None = None,
    *,
    registered: bool = True,
    rounding: Rounding = ste,
) -> Tensor:
    """Pictures N×C×H×W in [0, 1] as a camera would bring them back from paper: the same shape and range.

    Args:
        images: gray ones have neither hue nor saturation.
        rngs: one generator for each picture. What is drawn does not depend on the limits, so that a ramp only grows.
        limits: by default StegaStamp's; see `PrintLimits.at` for its ramp.
        registered: warp back in the end, since the receiver is handed a registered picture; otherwise it keeps the
            perspective, and what left the frame is lost.
        rounding: of JPEG's quantizer.
    """
    limits, rngs = limits or PrintLimits(), for_each(rngs, images, "generators")
    height, width = images.shape[-2:]
    # Drawn in one order, whatever the limits are.
    jitters = [rng.uniform(-1, 1, (4, 2)) for rng in rngs]
    misses = [rng.standard_normal((4, 2)) for rng in rngs]
    kernels = [_kernel(rng, limits) for rng in rngs]
    tones = np.stack([rng.uniform(0, 1, 8) for rng in rngs])

    geometric = limits.corner > 0 or limits.registration > 0
    margin = math.ceil(limits.corner * max(height, width)) + _TAPS // 2 if geometric and registered else 0
    origin, flat = np.array((margin, margin)), corners(height, width)
    sides = np.array((width, height))
    quads = [flat + origin + limits.corner * sides * jitter for jitter in jitters]
    photos = images
    if geometric:
        photos = warp(photos, [homography(quad, flat) for quad in quads], height + 2 * margin, width + 2 * margin)
    photos = _photograph(photos, kernels, tones, rngs, limits)
    if limits.quality < 100:
        qualities = [round(100 - (100 - limits.quality) * share) for share in tones[:, 0]]
        photos = simulate_jpeg(photos, qualities, rounding=rounding)
    if geometric and registered:
        found = [quad + limits.registration * miss for quad, miss in zip(quads, misses, strict=True)]
        photos = warp(photos, [homography(flat, quad) for quad in found], height, width).clamp(0, 1)
    return photos


def _photograph(
    photos: Tensor, kernels: Sequence[Kernel], tones: Points, rngs: Sequence[np.random.Generator], limits: PrintLimits
) -> Tensor:
    """Blur, noise, tone and color. `tones` N×8 in [0, 1] are the draws (of which the first is JPEG's)."""

    def column(values: Points) -> Tensor:
        return torch.from_numpy(values).to(photos).reshape(len(photos), -1, 1, 1)

    signed = 2 * tones - 1
    photos = _convolve(photos, kernels)
    photos = (photos + column(limits.noise * tones[:, 1]) * normal_like(photos, rngs)).clamp(0, 1)
    photos = photos * column(1 + limits.contrast * signed[:, 2])
    color = photos.shape[1] == 3
    offsets = limits.brightness * signed[:, 3:4] + (limits.hue * signed[:, 4:7] if color else 0)
    photos = (photos + column(offsets)).clamp(0, 1)
    if color:
        luma = (photos * photos.new_tensor(_PAPER_LUMA).reshape(1, 3, 1, 1)).sum(dim=1, keepdim=True)
        photos = torch.lerp(photos, luma.expand_as(photos), column(limits.desaturation * tones[:, 7]))
    return photos


def _kernel(rng: np.random.Generator, limits: PrintLimits) -> Kernel:
    """One picture's blur 7×7: a Gaussian, a line, or none (StegaStamp, utils.random_blur_kernel)."""
    pick, sigma, angle, thickness = rng.random(), rng.uniform(1, 3), rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 1)
    y, x = np.mgrid[:_TAPS, :_TAPS] - _TAPS // 2
    sharp = ((x == 0) & (y == 0)).astype(np.float64)
    if pick < limits.gaussian_share:
        kernel = np.exp(-(x**2 + y**2) / (2 * sigma**2))
    elif pick < limits.gaussian_share + limits.line_share:
        across = x * np.cos(angle) + y * np.sin(angle)
        kernel = np.exp(-(across**2) / (2 * thickness**2)) * (np.abs(x) + np.abs(y) <= _TAPS // 2)
    else:
        kernel = sharp
    mixed: Kernel = (1 - limits.blur) * sharp + limits.blur * kernel / kernel.sum()
    return mixed


def _convolve(images: Tensor, kernels: Sequence[Kernel]) -> Tensor:
    """Each picture with its own kernel, the edge repeated."""
    n, c, h, w = images.shape
    weights = torch.from_numpy(np.stack(kernels)).to(images).repeat_interleave(c, dim=0)[:, None]
    padded = F.pad(images, [_TAPS // 2] * 4, mode="replicate").reshape(1, n * c, h + _TAPS - 1, w + _TAPS - 1)
    return F.conv2d(padded, weights, groups=n * c).reshape(n, c, h, w)
