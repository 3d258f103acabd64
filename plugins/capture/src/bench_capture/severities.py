"""What severities 1 to 5 stand for: a printer, a screen and a camera each, as plain data.

The figures and their bases are those of the table in docs/print-capture.md. Lengths that belong to the picture are
in its own (container) pixels, so that a severity does not depend on the resolution of the photo.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Printer:
    """Ink on paper. Reflectances are linear, 0..1."""

    lpi: float | None
    """Halftone screen in lines an inch, where the picture has 100 pixels an inch; None: continuous tone."""
    gain: float
    """Tone value increase at 50 % coverage, additive: 0.18 prints 50 % as 68 %."""
    black: float
    white: float
    saturation: float
    grain: float
    """Strength of the multiplicative grain of paper and ink."""


@dataclass(frozen=True)
class Display:
    """A screen with vertical R, G, B stripes. Light is linear, 1 is the screen's white."""

    black: float
    reflection: float
    """Light of the room that the glass adds everywhere."""
    fill_x: float
    """Share of a stripe's width that is lit; the rest is black matrix."""
    fill_y: float


@dataclass(frozen=True)
class Camera:
    """A phone: where it is held, its lens, its sensor, and what it does to the picture it writes."""

    scale: float
    """Sensor pixels a container pixel."""
    corner_jitter: float
    """Each corner of the sheet moves up to this share of the sheet's side, on both axes."""
    rotation: float
    """Largest rotation, degrees."""
    k1: float
    """Radial distortion: r_ideal = r (1 + k1 r²), r in half diagonals of the photo."""
    defocus: float
    """Sigma of the lens blur, container pixels."""
    motion: float
    """Length of the motion blur, container pixels."""
    gradient: float
    """Illumination runs from 1 - gradient to 1 + gradient across the photo."""
    vignetting: float
    """Share of the light that the photo's corners lose."""
    exposure: float
    """Exposure is off by -exposure to 0.3 exposure stops."""
    white_balance: float
    """Each channel's gain is off by up to this share."""
    shot_noise: float
    """Variance of the raw values a unit of light; the read noise follows from it."""
    sharpening: float
    """Amount of the unsharp mask, sigma 1 sensor pixel."""
    jpeg: int | None
    """Quality of the photo's JPEG, 4:2:0; None: not compressed."""
    aperture: float = 12**-0.5
    """Sigma of the pixel's own low-pass, sensor pixels; a box as wide as the pixel has that of the default."""


@dataclass(frozen=True)
class Overlay:
    """The drawn moire of PIMoG (Fang et al., ACM MM 2022); severity 3 is as published."""

    moire: float
    """Weight of the pattern; the picture gets the rest."""
    light: tuple[float, float]
    """Nearest and farthest that the darkest and the brightest light are from 1."""
    noise_variance: float
    """On the scale -1..1."""
    corner_jitter: float
    """Each corner moves up to this many container pixels, on both axes."""


PRINTERS = (
    Printer(lpi=None, gain=0.08, black=0.03, white=0.92, saturation=0.98, grain=0.004),
    Printer(lpi=175, gain=0.12, black=0.04, white=0.90, saturation=0.95, grain=0.008),
    Printer(lpi=150, gain=0.16, black=0.05, white=0.88, saturation=0.92, grain=0.012),
    Printer(lpi=133, gain=0.20, black=0.06, white=0.85, saturation=0.88, grain=0.016),
    Printer(lpi=100, gain=0.25, black=0.08, white=0.82, saturation=0.82, grain=0.020),
)

CAMERAS = tuple(
    Camera(*values)
    for values in zip(
        (3.0, 2.5, 2.0, 1.6, 1.3),  # scale
        (0.01, 0.03, 0.05, 0.08, 0.10),  # corner_jitter
        (1.0, 3.0, 6.0, 10.0, 15.0),  # rotation
        (0.0, 0.003, 0.006, 0.010, 0.015),  # k1
        (0.30, 0.45, 0.65, 0.90, 1.2),  # defocus
        (0.0, 0.8, 1.5, 2.5, 4.0),  # motion
        (0.06, 0.12, 0.20, 0.30, 0.45),  # gradient
        (0.05, 0.10, 0.15, 0.22, 0.30),  # vignetting
        (0.05, 0.10, 0.20, 0.30, 0.45),  # exposure
        (0.02, 0.04, 0.06, 0.08, 0.12),  # white_balance
        (0.0001, 0.0003, 0.0008, 0.002, 0.004),  # shot_noise
        (0.3, 0.4, 0.5, 0.6, 0.7),  # sharpening
        (95, 92, 88, 80, 70),  # jpeg
        strict=True,
    )
)

DISPLAYS = tuple(
    Display(black=black, reflection=reflection, fill_x=0.75, fill_y=0.87)  # 0.65 of the area is lit
    for black, reflection in zip((0.002, 0.004, 0.006, 0.008, 0.010), (0.0, 0.010, 0.020, 0.035, 0.050), strict=True)
)

# About two sensor pixels a display pixel: red and blue, which the sensor samples at every second pixel, meet stripes
# of nearly their own period. A screen is bright and is focused on: little motion and defocus, else no stripe is seen.
SCREEN_CAMERAS = tuple(
    replace(camera, scale=scale, defocus=defocus, motion=motion, aperture=aperture)
    for camera, scale, defocus, motion, aperture in zip(
        CAMERAS,
        (2.3, 2.2, 2.1, 1.9, 1.7),
        (0.30, 0.29, 0.28, 0.27, 0.26),
        (0.0, 0.2, 0.4, 0.6, 0.8),
        (0.35, 0.34, 0.33, 0.31, 0.29),
        strict=True,
    )
)

OVERLAYS = tuple(
    Overlay(
        moire=0.15 * strength,
        light=(0.1 * strength, 0.3 * strength),
        noise_variance=0.001 * strength**2,
        corner_jitter=2 * strength,
    )
    for strength in (1 / 3, 2 / 3, 1.0, 4 / 3, 5 / 3)
)
