"""Golden figures of the simulated captures: 8×8 thumbnails of what comes back of a 64×64 pattern.

Not digests: the chain is float32 with vector instructions and fused multiply-adds, whose last bits differ between
machines, and one value that rounds differently changes a digest. A thumbnail's cell is the mean of 64 pixels; what
moves it by a level is a changed chain, not a changed processor. `python simulated_goldens.py` writes them anew.
"""

import json
from pathlib import Path

import numpy as np

from bench_capture.simulated import PrintCapture, ScreenCapture

FILE = Path(__file__).with_name("simulated_goldens.json")
STAGES = {
    f"{make.name}:{severity}{suffix}": make(severity=severity, **options)
    for make, suffix, options in (
        (PrintCapture, "", {}),
        (PrintCapture, ",halftone=none", {"halftone": "none"}),
        (PrintCapture, ",colour=card", {"colour": "card"}),  # not by markers: finding them may get better
        (ScreenCapture, "", {}),
        (ScreenCapture, ",moire=pimog", {"moire": "pimog"}),
    )
    for severity in (1, 3, 5)
}


def pattern(channels):
    """Ramps, a disk and a grating, uint8 64×64×channels."""
    y, x = np.mgrid[:64, :64]
    disk = np.hypot(x - 40, y - 24) < 14
    planes = [4 * x, np.where(disk, 230, 4 * y), 128 + 100 * np.cos(x / 3) * np.cos(y / 5)]
    return np.stack(planes[:channels], axis=2).astype(np.uint8)


def rng(key=1):
    return np.random.Generator(np.random.Philox(key=key))


def thumbnail(image):
    """Means of 8×8 blocks, float 8×8×C."""
    return image.reshape(8, 8, 8, 8, -1).mean(axis=(1, 3))


def thumbnails(stage):
    """Of the RGB and of the gray pattern, to a tenth of a level."""
    return [thumbnail(stage.apply(pattern(c), rng()).image).round(1).ravel().tolist() for c in (3, 1)]


if __name__ == "__main__":
    FILE.write_text(json.dumps({name: thumbnails(stage) for name, stage in STAGES.items()}, separators=(",", ":")))
