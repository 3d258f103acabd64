"""CIE Lab (D65, 2° observer) of sRGB as tensors, with gradients, and the one way to color a gray picture in it.

`bench_metrics.lab` measures in the same space, from 8-bit pictures. Formulas: IEC 61966-2-1 and CIE 15:2004, eq. 8.3 to
8.6; the matrix is the one that scikit-image uses.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
_WHITE = (0.95047, 1.0, 1.08883)
_PIXELS_AT_ONCE = 2**20
_BEND, _SLOPE, _SHIFT = 0.008856, 7.787, 16 / 116


def _matrix() -> Tensor:
    return torch.tensor(_XYZ, dtype=torch.float64) / torch.tensor(_WHITE, dtype=torch.float64)[:, None]


def _linear(rgb: Tensor) -> Tensor:
    # The branch that is not taken gets a harmless input: a power's gradient at 0 would be NaN, and stay so.
    curved = ((rgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4
    return torch.where(rgb > 0.04045, curved, rgb / 12.92)


def _encoded(linear: Tensor) -> Tensor:
    curved = 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear > 0.0031308, curved, 12.92 * linear)


def _response(ratio: Tensor) -> Tensor:
    return torch.where(ratio > _BEND, ratio.clamp(min=_BEND) ** (1 / 3), _SLOPE * ratio + _SHIFT)


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """L* in 0..100, a* and b*, N×3×H×W, of sRGB N×3×H×W in [0, 1]; not rounded."""
    x, y, z = _response(torch.einsum("ij,njhw->nihw", _matrix().to(rgb), _linear(rgb))).unbind(1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), dim=1)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """SRGB N×3×H×W of Lab, clipped to [0, 1] where a color is out of gamut."""
    return _unclipped(lab).clamp(0, 1)


def within_gamut(lab: Tensor) -> Tensor:
    """The same lightness and hue, with as much of the chroma as sRGB has there (to 1/4096), N×3×H×W.

    Where clipping RGB would change the lightness of a color that is out of gamut, this does not.
    """
    light, chroma = lab[:, :1], lab[:, 1:]
    share = torch.ones_like(light)
    low, high = torch.zeros_like(light), torch.ones_like(light)
    for _ in range(13):
        rgb = _unclipped(torch.cat((light, share * chroma), dim=1))
        inside = ((rgb >= -1e-4) & (rgb <= 1 + 1e-4)).all(dim=1, keepdim=True)
        low, high = torch.where(inside, share, low), torch.where(inside, high, share)
        share = (low + high) / 2
    return torch.cat((light, low * chroma), dim=1)


def _unclipped(lab: Tensor) -> Tensor:
    light, a, b = lab.unbind(1)
    y = (light + 16) / 116
    response = torch.stack((y + a / 500, y, y - b / 200), dim=1)
    bend = _SLOPE * _BEND + _SHIFT
    ratio = torch.where(response > bend, response.clamp(min=bend) ** 3, (response - _SHIFT) / _SLOPE)
    inverse = torch.linalg.inv(_matrix()).to(lab)
    return _encoded(torch.einsum("ij,njhw->nihw", inverse, ratio))


def lightness(gray: Tensor) -> Tensor:
    """L* in 0..100 of gray sRGB N×1×H×W in [0, 1]: that of R = G = B."""
    # A row of the matrix sums to 1 but for its last digits, so that a gray pixel's Y is its linear value.
    return 116 * _response(_linear(gray)) - 16


def colored(gray: Tensor, ab: Tensor) -> Tensor:
    """The gray picture with these colors: sRGB N×3×H×W in [0, 1], with the L* of `gray` wherever sRGB has the color.

    Args:
        gray: N×1×H×W in [0, 1].
        ab: a* and b*, N×2×h×w; resized to H×W bilinearly, as richzhang/colorization, colorizers/util.py.
    """
    if ab.shape[-2:] != gray.shape[-2:]:
        ab = F.interpolate(ab, size=gray.shape[-2:], mode="bilinear", align_corners=False)
    # In bands, for the memory of large scans; of 32 rows, since what is left over of a vector has other last digits.
    rows = 32 * max(1, _PIXELS_AT_ONCE // (32 * gray.shape[0] * gray.shape[3]))
    bands = zip(torch.split(gray, rows, dim=2), torch.split(ab, rows, dim=2), strict=True)
    return torch.cat([lab_to_rgb(torch.cat((lightness(light), color), dim=1)) for light, color in bands], dim=2)
