"""Images per CPU second for each degradation and each metric, beside the bare calls they are made of, in one run.

`python benchmarks/channel.py` prints degradations beside their codec or their draws (bare_calls.py), then metrics
beside OpenCV, scikit-image and pyiqa (metrics.py); `python benchmarks/channel.py jpeg avif` only these degradations.
The picture is scikit-image's astronaut, 512×512. The last column is the ratio of CPU times, both taken side by side.
Where a degradation is a chain of many calls or an indexing of pixels, the bare call is only a yardstick.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial

import metrics
import numpy as np
from bare_calls import bare_calls, codec
from PIL import Image
from rich.console import Console
from rich.table import Table
from skimage.data import astronaut

from bench_core.grammar import parse_channels
from bench_core.plugins import registry

SIDE = 512
ROUNDS = 7
SECONDS_A_ROUND = 0.15


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
    picture = np.asarray(Image.fromarray(astronaut()).resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    gray = np.asarray(Image.fromarray(picture).convert("L"))[..., None]
    cases = [(spec, picture, *bare) for spec, bare in bare_calls(picture).items()]
    cases.append(("jpeg:80", gray, "Pillow JPEG", codec(gray, "JPEG", quality=80)))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = sorted({spec.partition(":")[0] for spec, *_ in cases})
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*known, []], help="only these degradations")
    asked = parser.parse_args().names
    table = Table(title=f"degradations of a {SIDE}×{SIDE} picture, one thread")
    table.add_column("degradation")
    table.add_column("picture")
    for heading in ("images / CPU s", "ms", "bare ms"):
        table.add_column(heading, justify="right")
    table.add_column("bare call")
    table.add_column("ratio", justify="right")
    for spec, image, bare_name, bare in cases:
        if asked and spec.partition(":")[0] not in asked:
            continue
        (channel,) = parse_channels([spec], registry().degradations, presets={})
        send = partial(channel.send, image, 0, "astronaut")
        count = max(1, int(SECONDS_A_ROUND / max(cpu_seconds(send, 1), 1e-5)))
        cpu_seconds(bare, 2)
        # Side by side and the best of several rounds, so that a busy machine disturbs both alike.
        pairs = [(cpu_seconds(send, count), cpu_seconds(bare, count)) for _ in range(ROUNDS)]
        whole, alone = (min(column) for column in zip(*pairs, strict=True))
        kind = "gray" if image.shape[2] == 1 else "RGB"
        row = (spec, kind, f"{1 / whole:.0f}", f"{whole * 1e3:.2f}")
        table.add_row(*row, f"{alone * 1e3:.2f}", bare_name, f"{whole / alone:.2f}")
    console = Console(width=150)
    console.print(table)
    if not asked:
        for found in metrics.speed():
            console.print(found)


if __name__ == "__main__":
    main()
