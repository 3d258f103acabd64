"""The simulated printer and screen, photographed: degradations that return the container as a receiver sees it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bench_capture import display, overlay, printer
from bench_capture.camera import Photo, draw, photograph
from bench_capture.framing import Sheet
from bench_capture.markers import Layout, slot_layout
from bench_capture.receiver import (
    Registration,
    corrected_by_card,
    corrected_by_oracle,
    from_markers,
    jittered,
    refined_by_ecc,
)
from bench_capture.registration import rectify
from bench_capture.severities import CAMERAS, DISPLAYS, OVERLAYS, PRINTERS, SCREEN_CAMERAS
from bench_capture.sheet import draw_slot
from bench_core.degradation import Array, Degradation, Received
from bench_core.errors import CellFailure, RequestError
from bench_core.images import luminance
from bench_core.params import Param

MARGIN = 8
"""Pixels of white around a container whose sheet needs no markers."""

RENDER_SIDE = 32_000
"""OpenCV's remap takes sides below 2^15."""

RENDER_PIXELS = 1 << 27
"""The largest render, in pixels: half a gigabyte a plane."""

_SEVERITY = Param("severity", int, 1, 5, default=3, rule="severity must be 1..5", help="1 mild to 5 harsh")
_REG = Param(
    "reg",
    str,
    choices=("known", "fiducial", "jitter", "oracle-ecc"),
    default="known",
    label="reg (registration)",
    help="how the receiver finds the container: the true pose, by markers, the true pose and jitter, "
    "by markers and then against the true container",
)
_JITTER = Param(
    "jitter",
    float,
    0,
    64,
    default=0.0,
    help="sigma, in container pixels, of how far reg=jitter puts the container's corners off",
)
_COLOR = Param(
    "colour",
    str,
    choices=("none", "affine", "card"),
    default="none",
    help="what the receiver does about colors: nothing, a line fitted to the true container, curves from the card",
)
_SAVE = Param("save", bool, default=False, help="1: keep the photo")


class _Capture(Degradation):
    """What the simulated captures share: the sheet, and the receiver."""

    stochastic = True
    up: int
    """Render pixels a container pixel."""

    def setup(self) -> None:
        """Check that `reg` and `jitter` belong together; a jitter of the known pose is `reg=jitter`, however written.

        Raises:
            RequestError: where they contradict each other.
        """
        reg, jitter = self.values["reg"], float(self.values["jitter"])
        example = f"{self.name}:{self.values['severity']},reg=jitter,jitter="
        if reg == "known" and jitter > 0:
            self.values = {**self.values, "reg": "jitter"}
        elif reg == "jitter" and jitter == 0:
            raise RequestError(f"reg=jitter needs a jitter in pixels, e.g. {example}0.5")
        elif reg != "jitter" and jitter > 0:
            raise RequestError(f"jitter is of the known pose, not of reg={reg}; write {example}{jitter:g}")

    @property
    def index(self) -> int:
        """Where the severity stands in the tables."""
        return int(self.values["severity"]) - 1

    def apply(self, image: Array, rng: np.random.Generator) -> Received:
        """Capture one picture of any size; the details hold everything that was drawn, stage by stage.

        `details["registration"]` has `grid_rms`, the distance from the true pose, where that pose was not known;
        `oracle` is true where the receiver looked at the true container. With `save=1`, `extras["photo"]` is the
        photo, uint8 H×W×3. A gray carrier is printed and shown as equal channels, and comes back as luma.

        Raises:
            CellFailure: `capture_failed` where the markers were not found, `skipped_unsupported` for a picture
                too large to render.
        """
        height, width = image.shape[:2]
        layout = slot_layout(width, height)
        sheet = self.sheet(image, layout)
        self._check_size(sheet, image)
        photo = self.capture(sheet, rng)
        registration = self._register(photo, layout, image, rng)
        seen, color = self._correct(photo, registration, layout, image)
        oracle = self.values["reg"] == "oracle-ecc" or self.values["colour"] == "affine"
        details: dict[str, Any] = {
            **photo.details,
            "registration": {"method": self.values["reg"], **registration.details},
            "color": {"method": self.values["colour"], **color},
            "oracle": oracle,
        }
        extras: Mapping[str, Array] = {"photo": photo.image} if self.values["save"] else {}
        return Received(seen if image.shape[2] == 3 else luminance(seen), details, extras=extras)

    def capture(self, sheet: Sheet, rng: np.random.Generator) -> Photo:
        """Print or show a sheet, and take its photo."""
        raise TypeError(f"{type(self).__name__} does not say how to capture")

    def sheet(self, image: Array, layout: Layout) -> Sheet:
        """What is printed or shown: markers and card where the receiver uses them, else a margin."""
        if self.values["reg"] in ("fiducial", "oracle-ecc") or self.values["colour"] == "card":
            drawn, (left, top) = draw_slot(image, layout)
            return Sheet(drawn, left, top)
        height, width = image.shape[:2]
        paper = np.full((height + 2 * MARGIN, width + 2 * MARGIN, 3), 255, np.uint8)
        paper[MARGIN:-MARGIN, MARGIN:-MARGIN] = image  # one channel fills all three
        return Sheet(paper, MARGIN, MARGIN)

    def _check_size(self, sheet: Sheet, image: Array) -> None:
        sides = [side * self.up for side in sheet.image.shape[:2]]
        if max(sides) > RENDER_SIDE or sides[0] * sides[1] > RENDER_PIXELS:
            around = max(sheet.image.shape[0] - image.shape[0], sheet.image.shape[1] - image.shape[1])
            most = int((RENDER_PIXELS**0.5) / self.up) - around
            size = f"{image.shape[1]}x{image.shape[0]}"
            raise CellFailure(
                "skipped_unsupported", f"{self.name} renders up to about {most}x{most} pixels; this picture is {size}"
            )

    def _register(self, photo: Photo, layout: Layout, image: Array, rng: np.random.Generator) -> Registration:
        truth = photo.frame.pose
        if self.values["reg"] == "known":
            return Registration(truth, truth, {})
        if self.values["reg"] == "jitter":
            return jittered(truth, layout.width, layout.height, float(self.values["jitter"]), rng)
        found = from_markers(photo, layout)
        return found if self.values["reg"] == "fiducial" else refined_by_ecc(photo, found, image)

    def _correct(
        self, photo: Photo, registration: Registration, layout: Layout, image: Array
    ) -> tuple[Array, dict[str, Any]]:
        seen = rectify(photo.image, registration.pose, layout.width, layout.height)
        if self.values["colour"] == "affine":
            return corrected_by_oracle(seen, image)
        if self.values["colour"] == "card":
            return corrected_by_card(seen, photo, registration.sheet, layout)
        return seen, {}


class PrintCapture(_Capture):
    """Printed with cyan, magenta and yellow ink, and photographed with a phone."""

    name = "print-capture"
    up = printer.UP
    params = (
        _SEVERITY,
        _REG,
        _JITTER,
        _COLOR,
        Param("halftone", str, choices=("am", "none"), default="am", help="dots, or a continuous-tone printer"),
        _SAVE,
    )

    def capture(self, sheet: Sheet, rng: np.random.Generator) -> Photo:
        """Print a sheet and take its photo."""
        camera = CAMERAS[self.index]
        conditions = draw(camera, rng)
        printed = printer.render(sheet.image, PRINTERS[self.index], self.values["halftone"] == "am", rng)
        return photograph(sheet, printed, self.up, camera, conditions, rng)


class ScreenCapture(_Capture):
    """Shown on a screen with vertical R, G, B stripes, and photographed with a phone."""

    name = "screen-capture"
    up = display.UP
    params = (
        _SEVERITY,
        _REG,
        _JITTER,
        _COLOR,
        Param(
            "moire",
            str,
            choices=("emergent", "pimog"),
            default="emergent",
            help="from sampling the screen's stripes, or drawn onto the picture as PIMoG does",
        ),
        _SAVE,
    )

    def capture(self, sheet: Sheet, rng: np.random.Generator) -> Photo:
        """Show a sheet and take its photo."""
        if self.values["moire"] == "pimog":
            return overlay.photograph(sheet, OVERLAYS[self.index], rng)
        camera = SCREEN_CAMERAS[self.index]
        conditions = draw(camera, rng)
        shown = display.render(sheet.image, DISPLAYS[self.index])
        return photograph(sheet, shown, self.up, camera, conditions, rng)
