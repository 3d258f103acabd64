"""Images per CPU second for each degradation, beside the bare call it is made of, in one run.

`python benchmarks/channel.py` prints a table. The picture is scikit-image's astronaut, 512×512. A degradation should
cost little more than its codec or its draws: the last column is the ratio of CPU times, both taken side by side.
"""

import io
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table
from skimage.data import astronaut

from bench_core.grammar import parse_channels
from bench_core.plugins import registry

Picture = np.ndarray[Any, np.dtype[np.uint8]]

SIDE = 512
ROUNDS = 7
SECONDS_A_ROUND = 0.15


def bare_codec(picture: Image.Image, codec: str, **options: Any) -> Callable[[], object]:
    """Encode and decode with Pillow, nothing else."""

    def call() -> object:
        file = io.BytesIO()
        picture.save(file, codec, **options)
        return np.asarray(Image.open(file))

    return call


def cases(image: Picture) -> list[tuple[str, Picture, str, Callable[[], object]]]:
    """Spec, picture, the name of the bare call, and the bare call."""
    color, luma = Image.fromarray(image), Image.fromarray(image).convert("L")
    gray = np.asarray(luma)[..., None]
    table = np.arange(256, dtype=np.uint8)
    rng = np.random.Generator(np.random.Philox(key=1))
    found: list[tuple[str, Picture, str, Callable[[], object]]] = [
        ("identity", image, "ndarray.copy", image.copy),
        ("quantise:4", image, "cv2.LUT", lambda: cv2.LUT(image, table)),
    ]
    for quality in (40, 80, 95):
        bare = bare_codec(color, "JPEG", quality=quality, subsampling=2)
        found.append((f"jpeg:{quality}", image, "Pillow JPEG", bare))
    found.append(("jpeg:80", gray, "Pillow JPEG, gray", bare_codec(luma, "JPEG", quality=80)))
    for method in (0, 4):
        bare = bare_codec(color, "WEBP", quality=80, method=method)
        found.append((f"webp:80,method={method}", image, "Pillow WebP", bare))
    found.append(("webp-lossless", image, "Pillow WebP", bare_codec(color, "WEBP", lossless=True)))
    normal = lambda: rng.standard_normal(image.shape, dtype=np.float32)  # noqa: E731
    found.append(("gaussian:10", image, "float32 normal draws", normal))
    found.append(("poisson", image, "Poisson draws", lambda: rng.poisson(image)))
    chain = [bare_codec(color, "JPEG", quality=80, subsampling=2), normal]
    found.append(("jpeg:80+gaussian:10", image, "both of them", lambda: [call() for call in chain]))
    return found


def cpu_seconds(call: Callable[[], object], count: int) -> float:
    """CPU seconds a call, over `count` calls."""
    start = time.process_time()
    for _ in range(count):
        call()
    return (time.process_time() - start) / count


def main() -> None:
    """Measure and print."""
    # After one large block glibc keeps freed memory. In a process that never had one, half of a JPEG trip is page
    # faults; a run, with its models and metrics, is never such a process.
    np.ones(31 << 20, np.uint8)
    picture = Image.fromarray(astronaut()).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    table = Table(title=f"degradations of a {SIDE}×{SIDE} picture, one thread")
    table.add_column("degradation")
    table.add_column("picture")
    for heading in ("images / CPU s", "ms", "bare ms"):
        table.add_column(heading, justify="right")
    table.add_column("bare call")
    table.add_column("ratio", justify="right")
    for spec, image, bare_name, bare in cases(np.asarray(picture)):
        (channel,) = parse_channels([spec], registry().degradations, presets={})

        send = partial(channel.send, image, 0, "astronaut")
        count = max(1, int(SECONDS_A_ROUND / max(cpu_seconds(send, 2), 1e-5)))
        cpu_seconds(bare, 2)
        # Side by side and the best of several rounds, so that a busy machine disturbs both alike.
        pairs = [(cpu_seconds(send, count), cpu_seconds(bare, count)) for _ in range(ROUNDS)]
        whole, alone = (min(column) for column in zip(*pairs, strict=True))
        kind = "gray" if image.shape[2] == 1 else "RGB"
        row = (spec, kind, f"{1 / whole:.0f}", f"{whole * 1e3:.2f}", f"{alone * 1e3:.2f}", bare_name)
        table.add_row(*row, f"{whole / alone:.2f}")
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
