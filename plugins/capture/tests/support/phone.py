"""A compact printer and phone for tests: it shares no code with what is tested, and knows where everything came to lie.

The parameters are those of the project's table of severities. A page is a uint8 H×W×3 picture.
"""

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Severity:
    """One column of the table; lengths in page pixels, angles in degrees."""

    black: float
    white: float
    saturation: float
    scale: float
    jitter: float
    rotation: float
    k1: float
    defocus: float
    motion: float
    gradient: float
    vignetting: float
    exposure: float
    white_balance: float
    shot: float
    sharpening: float
    jpeg: int


SEVERITIES = {
    1: Severity(0.03, 0.92, 0.98, 3.0, 0.01, 1, 0.0, 0.30, 0.0, 0.06, 0.05, 0.05, 0.02, 0.0001, 0.3, 95),
    2: Severity(0.04, 0.90, 0.95, 2.5, 0.03, 3, 0.003, 0.45, 0.8, 0.12, 0.10, 0.10, 0.04, 0.0003, 0.4, 92),
    3: Severity(0.05, 0.88, 0.92, 2.0, 0.05, 6, 0.006, 0.65, 1.5, 0.20, 0.15, 0.20, 0.06, 0.0008, 0.5, 88),
    4: Severity(0.06, 0.85, 0.88, 1.6, 0.08, 10, 0.010, 0.90, 2.5, 0.30, 0.22, 0.30, 0.08, 0.0020, 0.6, 80),
    5: Severity(0.08, 0.82, 0.82, 1.3, 0.10, 15, 0.015, 1.20, 4.0, 0.45, 0.30, 0.45, 0.12, 0.0040, 0.7, 70),
}


@dataclass(frozen=True)
class Photo:
    """A photo, uint8 H×W×3, and the truth: where page pixels are on it."""

    picture: np.ndarray
    matrix: np.ndarray
    k1: float

    def places(self, points):
        """Photo pixels (N×2) of page pixels (N×2)."""
        points = np.asarray(points, dtype=float)
        ideal = cv2.perspectiveTransform(points[None], self.matrix)[0]
        center, half = _frame(self.picture.shape)
        flat = (ideal - center) / half
        seen = flat
        for _ in range(60):  # r = r_ideal / (1 + k1 r²), until it stands
            seen = flat / (1 + self.k1 * (seen**2).sum(axis=1, keepdims=True))
        return seen * half + center


def photograph(page, severity, rng, region=None, turn=0.0, tone=True):
    """Photograph the `region` (x0, y0, x1, y1) of a page, by default all of it, turned by `turn` degrees and more."""
    look = SEVERITIES[severity]
    x0, y0, x1, y1 = region or (0, 0, page.shape[1], page.shape[0])
    corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], dtype=float) - 0.5
    side = min(x1 - x0, y1 - y0)
    angle = np.deg2rad(turn + rng.uniform(-look.rotation, look.rotation))
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    posed = (corners - corners.mean(axis=0)) @ turned.T * look.scale
    posed += rng.uniform(-look.jitter, look.jitter, (4, 2)) * side * look.scale
    border = 12 * look.scale
    posed += border - posed.min(axis=0)
    width, height = np.ceil(posed.max(axis=0) + border).astype(int)
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), posed.astype(np.float32)).astype(float)
    exact = Photo(np.zeros((height, width, 3), np.uint8), matrix, look.k1)
    light = _see(_printed(page, look) if tone else (page / 255) ** 2.2, exact)
    light = _expose(light, look, rng) if tone else light
    light = _blur(light, look, rng)
    light = light + rng.normal(0, 1, light.shape) * np.sqrt(np.maximum(look.shot * light, 0) + (look.shot / 4) ** 1.5)
    values = np.clip(light, 0, 1) ** (1 / 2.2) * 255
    values += look.sharpening * (values - cv2.GaussianBlur(values, (0, 0), 1))
    picture = np.rint(np.clip(values, 0, 255)).astype(np.uint8)
    coded = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, look.jpeg])[1]
    return Photo(cv2.imdecode(coded, cv2.IMREAD_COLOR)[:, :, ::-1].copy(), matrix, look.k1)


def _frame(shape):
    height, width = shape[:2]
    return np.array([(width - 1) / 2, (height - 1) / 2]), np.hypot(width, height) / 2


def _see(light, photo, fine=2):
    """Each photo pixel is the mean of `fine`² points, each on the page pixel it falls into; a gray table around."""
    height, width = photo.picture.shape[:2]
    x = (np.arange(width * fine) + 0.5) / fine - 0.5
    y = (np.arange(height * fine) + 0.5) / fine - 0.5
    center, half = _frame(photo.picture.shape)
    seen = (np.stack(np.meshgrid(x, y), axis=2) - center) / half
    ideal = seen * (1 + photo.k1 * (seen**2).sum(axis=2, keepdims=True)) * half + center
    places = cv2.perspectiveTransform(ideal.reshape(1, -1, 2), np.linalg.inv(photo.matrix))
    places = places.reshape(len(y), len(x), 2).astype(np.float32)
    table = 0.1
    points = cv2.remap(light.astype(np.float32), places, None, cv2.INTER_NEAREST, borderValue=(table,) * 3)
    return cv2.resize(points, (width, height), interpolation=cv2.INTER_AREA).astype(float)


def _printed(page, look):
    light = (page / 255) ** 2.2
    gray = light.mean(axis=2, keepdims=True)
    return look.black + (look.white - look.black) * (gray + look.saturation * (light - gray))


def _expose(light, look, rng):
    height, width = light.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    fall = 1 + look.gradient * (x * np.cos(angle) + y * np.sin(angle)) / 2
    fall *= 1 - look.vignetting * (x**2 + y**2) / 2
    balance = 1 + rng.uniform(-look.white_balance, look.white_balance, 3)
    return light * fall[:, :, None] * balance * 2 ** rng.uniform(-look.exposure, 0.3 * look.exposure)


def _blur(light, look, rng):
    light = cv2.GaussianBlur(light, (0, 0), look.defocus * look.scale)
    length = look.motion * look.scale
    if length < 1:
        return light
    size = 2 * int(np.ceil(length / 2)) + 3
    angle = rng.uniform(0, np.pi)
    steps = np.linspace(-length / 2, length / 2, 200)
    kernel = np.zeros((size, size))
    for dx, dy in np.stack([steps * np.cos(angle), steps * np.sin(angle)], axis=1) + size // 2:
        x, y = int(dx), int(dy)
        for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
            kernel[y + i, x + j] += (1 - abs(dy - y - i)) * (1 - abs(dx - x - j))
    return cv2.filter2D(light, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)
