"""The proof of the loop: make a sheet, photograph its pages, ingest, compare with where everything truly was.

`python plugins/capture/tests/support/closed_loop.py [PHOTOS]` prints the table of docs/capture.md.
"""

import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from phone import SEVERITIES, photograph
from PIL import Image

from bench_capture.ingest import Ingest
from bench_capture.make import Container, plan_sheet, write_sheet
from bench_capture.page import Medium
from bench_capture.reading import Reader
from bench_capture.record import OK
from bench_capture.registration import Pose

SCREEN = Medium.of_screen(900, 620)
"""Two containers of 256×256 a page."""


def built_in_pictures():
    """Four pictures of 256×256."""
    from skimage import data

    cuts = [(data.astronaut(), 0, 100), (data.coffee(), 50, 100), (data.chelsea(), 20, 100), (data.rocket(), 60, 200)]
    return [photo[y : y + 256, x : x + 256].copy() for photo, y, x in cuts]


def make_sheet(folder, pictures, medium=SCREEN, made_from=None):
    """A sheet of these pictures in a folder."""
    containers = [Container(f"p{number}.png", picture) for number, picture in enumerate(pictures)]
    sheet, pages = plan_sheet(containers, medium, 600, made_from or {})
    return write_sheet(folder, sheet, pages, containers)


def page_of(folder, number=1):
    """A page's pixels."""
    return np.asarray(Image.open(folder / f"page-{number:02d}.png"))


def save(path, picture, **options):
    """Write a photo as a phone would: JPEG, of high quality, so that what the phone did stays what counts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, quality=95, subsampling=0, **options)
    return path


def quick_photo(page, scale=1.6, angle=0.0, border=12):
    """A photo without a camera's faults, quickly made: the page turned, enlarged, a little blurred, on a gray table."""
    height, width = page.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, scale)
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)]) - 0.5
    seen = corners @ turn[:, :2].T + turn[:, 2]
    turn[:, 2] -= seen.min(axis=0) - border
    size = tuple(int(side) for side in np.ceil(np.ptp(seen, axis=0)) + 2 * border)
    photo = cv2.warpAffine(page, turn, size, flags=cv2.INTER_LINEAR, borderValue=(90, 90, 90))
    return cv2.GaussianBlur(photo, (0, 0), 0.7)


def off_by(capture, slot, photo, shift=(0, 0)):
    """The error of a capture's registration: rms over a 9×9 grid in the container, in its pixels.

    `shift` is where the page's first pixel (x, y) is on what was photographed.
    """
    x, y = np.meshgrid(np.linspace(0, slot.width - 1, 9), np.linspace(0, slot.height - 1, 9))
    grid = np.stack([x.ravel(), y.ravel()], axis=1)
    given = capture.pose
    pose = Pose(np.array(given["homography"]), given["k1"], tuple(given["center"]), given["half_diagonal"])
    seen = pose.unproject(photo.places(grid + slot.at + np.array(shift)))
    return float(np.sqrt(((seen - grid) ** 2).sum(axis=1).mean()))


def psnr(a, b):
    """Peak signal-to-noise ratio of two uint8 pictures, dB."""
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))


def table(photos):
    """The lines of a Markdown table: what the loop costs and how exact it is, at every severity."""
    yield "| severity | captured | markers | error, mean | error, largest | PSNR as photographed | PSNR by card |"
    yield "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    pictures = built_in_pictures()
    with tempfile.TemporaryDirectory() as place:
        sheet = make_sheet(Path(place) / "sheet", pictures)
        for severity in SEVERITIES:
            errors, levels, captured, markers = [], {"none": [], "card": []}, 0, 0
            for number in range(photos):
                page = 1 + number % sheet.pages
                photo = photograph(page_of(Path(place) / "sheet", page), severity, np.random.default_rng(number))
                path = save(Path(place) / f"{severity}-{number}.jpg", photo.picture)
                work = Ingest.open(Path(place) / "sheet", Path(place) / f"captured-{severity}", "card")
                made = work.add(path)
                slots = {slot.slot: slot for slot in sheet.on_page(page)}
                for capture in made.captures:
                    captured += capture.status == OK
                    markers += capture.facts["markers"]
                    errors.append(off_by(capture, slots[capture.slot], photo))
                    levels["card"].append(
                        psnr(np.asarray(Image.open(work.folder / capture.file)), pictures[capture.slot])
                    )
                plain = Reader(sheet, {}, "none").read(_read(path))
                levels["none"] += [psnr(taken.picture, pictures[taken.slot.slot]) for taken in plain.taken]
            whole = 2 * photos
            yield (
                f"| {severity} | {captured} of {whole} | {markers} of {8 * whole} | {np.mean(errors):.3f} | "
                f"{np.max(errors):.3f} | {np.mean(levels['none']):.1f} dB | {np.mean(levels['card']):.1f} dB |"
            )


def _read(path):
    from bench_capture.photos import read_photo

    return read_photo(path.name, path.read_bytes())


if __name__ == "__main__":
    for line in table(int(sys.argv[1]) if len(sys.argv) > 1 else 8):
        print(line, flush=True)  # noqa: T201
