"""What the detectors can see: their errors on messages of known length, hidden in photos by the two textbook methods.

`python benchmarks/steganalysis.py --photos FOLDER` prints the table of docs/metrics.md. Every photo is cut into tiles
of 256×256; all tiles of a photo count as one image, so they are on one side of every split. Without a folder: tiles
of 128×128 of scikit-image's photos, each an image of its own.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from skimage import data

from bench_core.images import read_image
from bench_core.plugins import registry
from bench_core.randomness import keyed_generator

METRICS = ("steg_rs", "steg_spa", "steg_chi2", "steg0", "steg1", "steg_hist")


def replaced(picture: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Random bits in the lowest bits of a random share of the samples."""
    bits = rng.integers(0, 2, picture.shape, dtype=np.uint8)
    return np.where(rng.random(picture.shape) < share, (picture & 254) | bits, picture)


def from_the_top(picture: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Random bits in the lowest bits of the first lines."""
    lines = round(share * len(picture))
    return np.concatenate([replaced(picture[:lines], 1, rng), picture[lines:]])


def matched(picture: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """LSB matching: where the bit to hide differs, which is every second time, the sample goes one up or down."""
    change = rng.choice([-1, 0, 0, 1], picture.shape) * (rng.random(picture.shape) < share)
    moved = picture.astype(int) + change
    return np.where((moved < 0) | (moved > 255), picture - change, moved).astype(np.uint8)


WAYS: tuple[tuple[str, Callable[[np.ndarray, float, np.random.Generator], np.ndarray], tuple[float, ...]], ...] = (
    ("replacement", replaced, (0.05, 0.1, 0.2, 0.5, 1)),
    ("replacement from the top", from_the_top, (0.25,)),
    ("matching", matched, (0.05, 0.1, 0.2, 0.5, 1)),
)


def tiles(folder: str | None) -> Iterator[tuple[str, np.ndarray]]:
    if folder is None:
        photos = [(name, getattr(data, name)()) for name in ("astronaut", "chelsea", "coffee")]
    else:
        photos = [(path.name, read_image(path)) for path in sorted(Path(folder).iterdir()) if path.is_file()]
    side = 128 if folder is None else 256
    for name, photo in photos:
        for top in range(0, photo.shape[0] - side + 1, side):
            for left in range(0, photo.shape[1] - side + 1, side):
                place = f"{name}/{top}/{left}"
                yield place if folder is None else name, photo[top : top + side, left : left + side]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", help="a folder of photos")
    names, covers = zip(*tiles(parser.parse_args().photos), strict=True)
    metrics = [registry().metrics.create(name) for name in METRICS]
    described = [np.stack([metric.describe(cover) for cover in covers]) for metric in metrics]
    print(f"{len(covers)} tiles of {len(set(names))} images\n")
    print(f"| message | share of samples | {' | '.join(METRICS)} |")
    print(f"| --- | ---: |{' ---: |' * len(METRICS)}")
    for way, hide, shares in WAYS:
        for share in shares:
            stegos = [
                hide(cover, share, keyed_generator(0, f"{name}/{number}", 0, way, 0))
                for number, (name, cover) in enumerate(zip(names, covers, strict=True))
            ]
            figures = []
            for metric, references in zip(metrics, described, strict=True):
                estimates = np.stack([metric.describe(stego) for stego in stegos])
                figures.append(f"{metric.compare(estimates, references, names, 0).value:.3f}")
            print(f"| {way} | {share:.0%} | {' | '.join(figures)} |", flush=True)


if __name__ == "__main__":
    main()
