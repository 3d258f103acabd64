"""What the simulated captures cost: PSNR by severity, registration error by method, CPU time.

`python benchmarks/print_capture.py` prints the tables of docs/print-capture.md. The pictures are 256×256 crops of six
of scikit-image's photos; `--photos FOLDER` takes the center squares of a folder's pictures instead, in the order of
their names, and `--limit` bounds them. `--shots` is how many times the registration table photographs each picture.
"""

import argparse
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table
from skimage import data

from bench_capture.markers import Layout, Points, detect, slot_layout
from bench_capture.receiver import corrected_by_card, corrected_by_oracle, from_markers, grid_error
from bench_capture.registration import Pose, fit, frame_of, rectify
from bench_capture.simulated import PrintCapture, ScreenCapture
from bench_core.degradation import Degradation
from bench_core.randomness import keyed_generator

Picture = np.ndarray[Any, np.dtype[np.uint8]]

SIDE = 256
SEVERITIES = range(1, 6)
KINDS: Mapping[str, tuple[type[PrintCapture] | type[ScreenCapture], dict[str, str]]] = {
    "print-capture": (PrintCapture, {}),
    "print-capture, halftone=none": (PrintCapture, {"halftone": "none"}),
    "screen-capture": (ScreenCapture, {}),
    "screen-capture, moire=pimog": (ScreenCapture, {"moire": "pimog"}),
}
ROUNDS = 5


def pictures(folder: Path | None, limit: int) -> dict[str, Picture]:
    """Center squares, brought to 256×256."""
    if folder is None:
        names = ("astronaut", "coffee", "chelsea", "rocket", "hubble_deep_field", "immunohistochemistry")
        found = {name: Image.fromarray(getattr(data, name)()) for name in names}
    else:
        kinds = {".png", ".jpg", ".jpeg", ".webp"}
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in kinds)
        found = {path.name: Image.open(path).convert("RGB") for path in paths[:limit]}
    return {name: square(image) for name, image in found.items()}


def square(image: Image.Image) -> Picture:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    cut = image.crop((left, top, left + side, top + side))
    return np.asarray(cut.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def psnr(a: Picture, b: Picture) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(np.float64) - b) ** 2)))


def generator(stage: Degradation, name: str, shot: int = 0) -> np.random.Generator:
    return keyed_generator(0, name, 0, stage.id, shot)


def quality(console: Console, photos: Mapping[str, Picture]) -> None:
    """One photo of a sheet with markers, received in several ways."""
    layout = slot_layout(SIDE, SIDE)
    for kind, (make, options) in KINDS.items():
        table = Table(title=f"{kind}: mean PSNR over {len(photos)} pictures, dB", title_justify="left")
        for heading in ("severity", "known", "+ affine", "+ card", "from markers", "markers + card", "no sheet, known"):
            table.add_column(heading, justify="right")
        for severity in SEVERITIES:
            stage = make(severity=severity, reg="fiducial", **options)
            bare = make(severity=severity, **options)
            columns: list[list[float]] = [[] for _ in range(6)]
            for name, picture in photos.items():
                photo = stage.capture(stage.sheet(picture, layout), generator(stage, name))
                truth = photo.frame.pose
                seen = rectify(photo.image, truth, SIDE, SIDE)
                received = [seen, corrected_by_oracle(seen, picture)[0]]
                received.append(corrected_by_card(seen, photo, truth, layout)[0])
                pose = from_markers(photo, layout).pose
                found = rectify(photo.image, pose, SIDE, SIDE)
                received += [found, corrected_by_card(found, photo, pose, layout)[0]]
                received.append(bare.apply(picture, generator(bare, name)).image)
                for column, image in zip(columns, received, strict=True):
                    column.append(psnr(image, picture))
            table.add_row(str(severity), *(f"{statistics.mean(column):.1f}" for column in columns))
        console.print(table)


def plain_homography(layout: Layout, found: Mapping[int, Points], shape: tuple[int, ...], count: int) -> Pose:
    """What the table compares with: least squares over corners, no lens, nothing that tells blur from position."""
    shared = [marker for marker in layout.corners if marker in found and marker < count]
    container = np.concatenate([layout.corners[marker] for marker in shared])
    matrix, _ = cv2.findHomography(container, np.concatenate([found[marker] for marker in shared]), 0)
    return Pose(np.asarray(matrix, np.float64), 0.0, *frame_of(shape))


def registration(console: Console, photos: Mapping[str, Picture], shots: int) -> None:
    """Poses from markers beside the true ones."""
    layout = slot_layout(SIDE, SIDE)
    for kind in ("print-capture", "screen-capture"):
        make, options = KINDS[kind]
        title = f"{kind}: error of a 9×9 grid, container px rms over {len(photos) * shots} photos"
        table = Table(title=title, title_justify="left")
        headings = ("4 markers, homography", "8 markers, homography", "8 markers, fit", "worst fit", "markers found")
        for heading in ("severity", *headings):
            table.add_column(heading, justify="right")
        for severity in SEVERITIES:
            stage = make(severity=severity, reg="fiducial", **options)
            rows, found_markers = [], 0
            for name, picture in photos.items():
                for shot in range(shots):
                    photo = stage.capture(stage.sheet(picture, layout), generator(stage, name, shot))
                    found = detect(photo.image, wanted=set(layout.corners))
                    found_markers += len(found)
                    shape = photo.image.shape
                    poses = [plain_homography(layout, found, shape, count) for count in (4, 8)]
                    poses.append(fit(layout, found, shape)[0])
                    rows.append([grid_error(pose, photo.frame.pose, SIDE, SIDE) for pose in poses])
            errors = np.array(rows)
            cells = [*np.sqrt((errors**2).mean(axis=0)), errors[:, 2].max()]
            share = found_markers / (8 * len(rows))
            table.add_row(str(severity), *(f"{cell:.3f}" for cell in cells), f"{share:.1%}")
        console.print(table)


def cpu_time(console: Console, photos: Mapping[str, Picture]) -> None:
    """Medians of whole trips, start of the process and first use of each size not counted."""
    table = Table(title=f"CPU seconds a {SIDE}×{SIDE} picture, median of {ROUNDS}", title_justify="left")
    for heading in ("degradation", *(f"severity {severity}" for severity in SEVERITIES)):
        table.add_column(heading, justify="left" if heading == "degradation" else "right")
    picture = next(iter(photos.values()))
    for kind, (make, options) in KINDS.items():
        for registered in ("known", "fiducial"):
            cells = []
            for severity in SEVERITIES:
                stage = make(severity=severity, reg=registered, **options)
                stage.apply(picture, generator(stage, "first"))
                taken = []
                for shot in range(ROUNDS):
                    start = time.process_time()
                    stage.apply(picture, generator(stage, "timed", shot))
                    taken.append(time.process_time() - start)
                cells.append(f"{statistics.median(taken):.2f}")
            table.add_row(f"{kind}, reg={registered}", *cells)
    console.print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="a folder of photos instead of scikit-image's")
    parser.add_argument("--limit", type=int, default=24)
    parser.add_argument("--shots", type=int, default=4)
    options = parser.parse_args()
    photos = pictures(options.photos, options.limit)
    console = Console(width=120)
    quality(console, photos)
    registration(console, photos, options.shots)
    cpu_time(console, photos)


if __name__ == "__main__":
    main()
