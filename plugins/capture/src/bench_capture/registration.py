"""Where a photo shows the container: a homography and one radial term, fitted to markers; and taking it out of there.

The model of a camera: container pixels go through a homography to ideal photo pixels, and those through the lens.
With r the distance to the photo's center over half of its diagonal, r_ideal = r (1 + k1 r²).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from scipy.optimize import least_squares

from bench_capture.markers import Array, Layout, Points

LEAST_MARKERS = 3
_KEEP_K1 = 0.9
"""k1 stays only where it brings the reprojection error below this part of what it is without. Where markers' growth is
not fitted, blur fakes a k1 of some thousandths, and only a much lower part would do; where it is, noise alone rarely
takes off a tenth."""
_ROBUST_ABOVE = 2.0
_RANSAC_PIXELS = 3.0
_BAND = 1 << 21
"""How many points are projected at a time: some hundred bytes each, and a photo may ask for a hundred million."""
_OUTWARD = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
"""From a marker's center toward its corners, in their order."""

FloatArray = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Pose:
    """How container pixels come to photo pixels.

    `homography` (3×3) takes container pixels to ideal photo pixels, as a lens without distortion would show them;
    `k1`, `center` (x, y) and `half_diagonal` (pixels) say what the lens did to them.
    """

    homography: FloatArray
    k1: float
    center: tuple[float, float]
    half_diagonal: float

    def project(self, points: Any) -> Points:
        """Photo pixels (float64 N×2) of container pixels (N×2)."""
        ideal = (apply_homography(self.homography, points) - self.center) / self.half_diagonal
        return _distort(ideal, self.k1) * self.half_diagonal + self.center

    def unproject(self, points: Any) -> Points:
        """Container pixels (float64 N×2) of photo pixels (N×2)."""
        seen = (np.asarray(points, dtype=np.float64) - self.center) / self.half_diagonal
        ideal = _undistort(seen, self.k1) * self.half_diagonal + self.center
        return apply_homography(_inverse(self.homography), ideal)

    def scale(self, layout: Layout) -> float:
        """Photo pixels per container pixel, in the place and the direction that have fewest.

        That is the smallest singular value of the map's derivative on a grid over the container.
        """
        x, y = np.meshgrid(np.linspace(0, layout.width - 1, 5), np.linspace(0, layout.height - 1, 5))
        points = np.stack([x.ravel(), y.ravel()], axis=1)
        right, below = np.array([0.5, 0.0]), np.array([0.0, 0.5])
        across = self.project(points + right) - self.project(points - right)
        down = self.project(points + below) - self.project(points - below)
        return float(np.linalg.svd(np.stack([across, down], axis=2), compute_uv=False).min())


def frame_of(photo_shape: tuple[int, ...]) -> tuple[tuple[float, float], float]:
    """The center (x, y) and half of the diagonal, in pixels, of a photo of shape H×W(×C)."""
    height, width = photo_shape[:2]
    return ((width - 1) / 2, (height - 1) / 2), float(np.hypot(width, height)) / 2


def fit(layout: Layout, detected: Mapping[int, Points], photo_shape: tuple[int, ...]) -> tuple[Pose, float]:
    """The pose that best explains the detected markers, and its rms error in container pixels over their corners.

    Least squares over the homography's 8 parameters, and over k1 with them where that explains more. With them goes
    how much larger or smaller all markers look than they are: blur rounds corners off and ink spreads, which moves
    each corner along its marker's diagonal by up to a pixel, and would else pass for k1. Only where the fit is more
    than 2 pixels off are outliers looked for (RANSAC, 3 photo pixels) and left out; the rms is over what is left.

    Raises:
        ValueError: with fewer than three of the layout's markers, or where they allow no pose.
    """
    shared = [marker for marker in layout.corners if marker in detected]
    if len(shared) < LEAST_MARKERS:
        raise ValueError(f"{len(shared)} of {len(layout.corners)} markers found; {LEAST_MARKERS} are needed")
    corners = _Corners(
        np.concatenate([layout.corners[marker] for marker in shared]),
        np.concatenate([np.asarray(detected[marker], dtype=np.float64) for marker in shared]),
        np.tile(_OUTWARD, (len(shared), 1)),
    )
    pose, rms = _fit_corners(corners, photo_shape)
    if rms > _ROBUST_ABOVE:
        _, inliers = cv2.findHomography(corners.container, corners.photo, cv2.RANSAC, _RANSAC_PIXELS)
        kept = np.ravel(inliers).astype(bool) if inliers is not None else np.zeros(len(corners.photo), dtype=bool)
        if 4 * LEAST_MARKERS <= kept.sum() < len(kept):
            pose, rms = _fit_corners(_Corners(*(part[kept] for part in corners)), photo_shape)
    return pose, rms


class _Corners(NamedTuple):
    """Corners of markers (N×2 each): in the container's pixels, in the photo's, and which way is out of the marker."""

    container: Points
    photo: Points
    outward: Points


def _fit_corners(corners: _Corners, photo_shape: tuple[int, ...]) -> tuple[Pose, float]:
    center, half_diagonal = frame_of(photo_shape)
    middle = corners.container.mean(axis=0)
    spread = float(np.abs(corners.container - middle).max())
    source, seen = (corners.container - middle) / spread, (corners.photo - center) / half_diagonal
    first, _ = cv2.findHomography(source, seen, 0)
    if first is None or not np.isfinite(first).all():
        raise ValueError("the markers lie so that no pose fits them")

    def residuals(parameters: FloatArray) -> FloatArray:
        """In the photo, where the corners' noise is even, and in its pixels. The last of 10 parameters is k1."""
        ideal = apply_homography(_matrix(parameters), source + parameters[8] * corners.outward)
        k1 = parameters[9] if len(parameters) == 10 else 0.0
        return np.ravel(_distort(ideal, k1) - seen) * half_diagonal

    plain = least_squares(residuals, np.append((first / first[2, 2]).ravel()[:8], 0.0), method="lm")
    curved = least_squares(residuals, np.append(plain.x, 0.0), method="lm")
    chosen = curved if np.sqrt(curved.cost) < _KEEP_K1 * np.sqrt(plain.cost) else plain
    to_source = np.array([[1 / spread, 0, -middle[0] / spread], [0, 1 / spread, -middle[1] / spread], [0, 0, 1]])
    to_photo = np.array([[half_diagonal, 0, center[0]], [0, half_diagonal, center[1]], [0, 0, 1]])
    homography = to_photo @ _matrix(chosen.x) @ to_source
    k1 = float(chosen.x[9]) if len(chosen.x) == 10 else 0.0
    pose = Pose(homography / homography[2, 2], k1, center, half_diagonal)
    grown = corners.container + chosen.x[8] * spread * corners.outward
    errors = pose.unproject(corners.photo) - grown
    return pose, float(np.sqrt((errors**2).sum(axis=1).mean()))


def _inverse(matrix: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def _matrix(parameters: FloatArray) -> FloatArray:
    return np.append(parameters[:8], 1.0).reshape(3, 3)


def apply_homography(matrix: FloatArray, points: Any) -> Points:
    """Points (N×2) through a 3×3 homography, float64 N×2."""
    points = np.asarray(points, dtype=np.float64)
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    ideal: Points = moved[:, :2] / moved[:, 2:]
    return ideal


def _undistort(points: Points, k1: float) -> Points:
    ideal: Points = points * (1 + k1 * (points**2).sum(axis=1, keepdims=True))
    return ideal


def _distort(points: Points, k1: float) -> Points:
    """Solve r (1 + k1 r²) = r_ideal for r by Newton's method; both in half diagonals."""
    if k1 == 0:
        return points
    ideal = np.sqrt((points**2).sum(axis=1, keepdims=True))
    r = ideal.copy()
    for _ in range(8):
        slope = 1 + 3 * k1 * r**2
        r -= (r + k1 * r**3 - ideal) / np.where(np.abs(slope) < 1e-6, 1e-6, slope)
    seen: Points = points * np.divide(r, ideal, out=np.ones_like(r), where=ideal > 0)
    return seen


def rectify(
    photo: Array, pose: Pose, width: int, height: int, *, origin: tuple[int, int] = (0, 0), supersample: int = 2
) -> Array:
    """What the photo shows where the container is: uint8 height×width×C on the container's pixel grid.

    Bicubic onto a grid `supersample` times finer, which is then averaged over each pixel's area. `origin` is the
    container pixel (x, y) of the first pixel returned: with it, more than the container can be taken out.
    """
    rows = max(1, _BAND // (width * supersample**2))
    left, top = origin
    bands = [
        _rectified(photo, pose, width, min(rows, height - row), (left, top + row), supersample)
        for row in range(0, height, rows)
    ]
    return np.concatenate(bands)


def _rectified(photo: Array, pose: Pose, width: int, height: int, origin: tuple[int, int], supersample: int) -> Array:
    step = 1 / supersample
    x = (np.arange(width * supersample) + 0.5) * step - 0.5 + origin[0]
    y = (np.arange(height * supersample) + 0.5) * step - 0.5 + origin[1]
    points = np.stack([part.ravel() for part in np.meshgrid(x, y)], axis=1)
    places = pose.project(points).astype(np.float32).reshape(len(y), len(x), 2)
    fine = cv2.remap(photo, places[..., 0], places[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    flat = np.asarray(cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return flat if flat.ndim == 3 else flat[:, :, None]
