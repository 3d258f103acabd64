"""What the harness costs, beside what it must: python benchmarks/harness.py [--plugin riis].

Every figure is CPU seconds (user + system) of whole processes on this machine, the reference measured in the same
call, in turn; the ratio is what to quote. Wall-clock time is not used: it changes with whatever else is running.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

QUALITIES = (40, 50, 60, 70, 80, 90)

FLOOR = """
import io, sys
from pathlib import Path
import numpy as np
from PIL import Image
for path in sorted(Path(sys.argv[1]).glob("*.png")):
    image = Image.open(path).convert("RGB")
    reference = np.asarray(image).astype(np.int32)
    for quality in map(int, sys.argv[2:]):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, subsampling=2)
        received = np.asarray(Image.open(buffer).convert("RGB")).astype(np.int32)
        mse = ((received - reference) ** 2).mean()
        10 * np.log10(255**2 / mse)
"""
"""The least that 120 cells can cost: Pillow and numpy, no method, no harness, one pair instead of four."""

BARE = """
import io, sys
import numpy as np
from PIL import Image
from bench_core.plan import Request, Workbench
from bench_core.model import Condition, Sample
from bench_core.images import to_uint8
from bench_core.randomness import keyed_generator
name, limit = sys.argv[1], int(sys.argv[2])
bench = Workbench.build(Request(name, degrade=("jpeg:40",), limit=limit))
for image in bench.samples.ids:
    sample = Sample(bench.samples[image], (keyed_generator(0, image, -1, "", 0),))
    carrier = to_uint8(np.asarray(bench.model.carriers([sample])[0]))
    for quality in map(int, sys.argv[3:]):
        buffer = io.BytesIO()
        Image.fromarray(carrier).save(buffer, "JPEG", quality=quality, subsampling=2)
        received = np.asarray(Image.open(buffer).convert("RGB"))
        bench.model.decode_all([received], Condition(None, (keyed_generator(0, image, -2, "", 0),)))
"""
"""Codec and method alone: the same method on the same samples, nothing stored and nothing measured."""


def cpu_seconds(command: list[str], folder: Path) -> float:
    """CPU seconds of one process and its children."""
    before = os.times()
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return (after.children_user + after.children_system) - (before.children_user + before.children_system)


def photos(folder: Path) -> None:
    """Twenty pictures of 481×321 from a photo that scikit-image ships, mirrored and shifted."""
    import numpy as np
    import skimage.data
    from PIL import Image

    tiled = np.tile(skimage.data.astronaut(), (2, 2, 1))
    for index in range(20):
        crop = tiled[13 * index : 13 * index + 321, 17 * index : 17 * index + 481]
        Image.fromarray(crop[:, :: 1 - 2 * (index % 2)]).save(folder / f"{index:02}.png")


def compare(
    runs: int, ours: list[str], reference: list[str] | None, folder: Path
) -> tuple[float, float | None, float | None]:
    """Medians of both, and the median of the ratios of neighboring runs."""
    pairs = []
    for _ in range(runs):
        for stale in folder.glob("bench.db*"):
            stale.unlink()
        pairs.append((cpu_seconds(ours, folder), cpu_seconds(reference, folder) if reference else None))
    mine = statistics.median(a for a, _ in pairs)
    if reference is None:
        return mine, None, None
    return mine, statistics.median(b for _, b in pairs if b), statistics.median(a / b for a, b in pairs if b)


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plugin", default="riis", help="the method whose overhead is measured")
    parser.add_argument("--limit", type=int, default=8, help="pictures for that")
    parser.add_argument("--runs", type=int, default=3, help="runs of each, of which the median is taken")
    arguments = parser.parse_args()
    python, bench = sys.executable, [sys.executable, "-m", "bench_core.cli.main"]
    levels = [str(quality) for quality in QUALITIES]
    sweep = "jpeg:" + "/".join(levels)
    table = Table("what", "bench, CPU s", "reference, CPU s", "ratio", "limit")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "photos").mkdir()
        photos(folder / "photos")
        cells = [*bench, "run", "-p", "lsb", "-d", sweep, "-m", "psnr", "--dataset", "folder:photos", "-q"]
        method = [*bench, "run", "-p", arguments.plugin, "-d", sweep, "-m", "psnr", "-m", "ssim_y", "-q"]
        method += ["--limit", str(arguments.limit), "--keep", "0"]
        bare = [python, "-c", BARE, arguments.plugin, str(arguments.limit), *levels]
        rows = [
            ("bench --help", [*bench, "--help"], None, "0.5 s"),
            ("120 JPEG + PSNR trips of lsb, beside a bare Pillow + numpy loop", cells,
             [python, "-c", FLOOR, "photos", *levels], "3 s"),
            (f"{arguments.plugin}: {arguments.limit} pictures × 6 JPEGs, beside codec + method", method, bare, "1.15×"),
        ]  # fmt: skip
        for what, ours, reference, limit in rows:
            mine, floor, ratio = compare(arguments.runs, ours, reference, folder)
            table.add_row(what, f"{mine:.2f}", f"{floor:.2f}" if floor else "", f"{ratio:.2f}×" if ratio else "", limit)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
