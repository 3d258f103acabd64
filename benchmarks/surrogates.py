"""How near the JPEG surrogates come to the real codec, what a DCT mask leaves, and what a step through each costs.

`python benchmarks/surrogates.py` prints the tables of docs/training-channels.md. Pictures are 12 crops of 256×256 of
scikit-image's photos; `--photos FOLDER` takes center crops of the pictures of a folder instead (12 at most).
PSNR is a mean over pictures. Time is the CPU time of one thread, forward and backward, for one 256×256 picture.
"""

import argparse
import io
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from skimage import data
from torch import Tensor

from bench_core.grammar import parse_channels
from bench_core.images import luminance, read_image
from bench_core.plugins import registry
from bench_core.surrogates.codec import through_channel
from bench_core.surrogates.dct_mask import dct_mask, hidden_mask
from bench_core.surrogates.jpeg import simulate_jpeg
from bench_core.surrogates.noise import gaussian, poisson
from bench_core.surrogates.printing import print_layer
from bench_core.surrogates.rounding import rounding

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Layer = Callable[[Tensor, int], Tensor]

SIDE = 256
QUALITIES = (10, 40, 80, 90, 95, 100)
KEPT = (16, 25, 32, 40, 48, 56, 60, 63, 64)
ROUNDS = 5


def sample_photos() -> list[Pixels]:
    """Three crops of each of four photos."""
    places = {
        data.astronaut: ((0, 128), (128, 0), (256, 256)),
        data.coffee: ((0, 100), (100, 300), (140, 0)),
        data.chelsea: ((0, 0), (40, 100), (44, 190)),
        data.rocket: ((0, 100), (100, 250), (170, 380)),
    }
    return [photo()[top : top + SIDE, left : left + SIDE] for photo, spots in places.items() for top, left in spots]


def folder_photos(folder: Path) -> list[Pixels]:
    """Center crops of up to 12 pictures that are large enough."""
    found = []
    for path in sorted(folder.iterdir()):
        picture = read_image(path)
        top, left = ((side - SIDE) // 2 for side in picture.shape[:2])
        if min(top, left) >= 0:
            found.append(picture[top : top + SIDE, left : left + SIDE])
    return found[:12]


def tensor(pictures: Iterable[Pixels]) -> Tensor:
    return torch.from_numpy(np.stack(list(pictures))).permute(0, 3, 1, 2).float() / 255


def pillow(picture: Pixels, quality: int) -> Pixels:
    """4:2:0, or one component."""
    file = io.BytesIO()
    options: dict[str, Any] = {} if picture.shape[2] == 1 else {"subsampling": "4:2:0"}
    Image.fromarray(picture.squeeze()).save(file, "JPEG", quality=quality, **options)
    with Image.open(file) as opened:
        return np.asarray(opened).reshape(picture.shape)


def psnr(found: Tensor, reference: Tensor) -> str:
    mse = (found - reference).double().square().mean(dim=(1, 2, 3)).clamp_min(1e-10)
    return f"{float((-10 * torch.log10(mse)).mean()):.1f}"


def table(title: str, first: str, columns: Iterable[str]) -> Table:
    made = Table(title=title)
    made.add_column(first)
    for column in columns:
        made.add_column(column, justify="right")
    return made


def generators(count: int) -> list[np.random.Generator]:
    return [np.random.default_rng(index) for index in range(count)]


def fidelity(photos: list[Pixels], title: str) -> Table:
    """PSNR of each surrogate against the real codec."""
    images = tensor(photos)
    layers: dict[str, Layer] = {
        "exact": lambda x, q: simulate_jpeg(x, q, exact=True),
        "STE": lambda x, q: simulate_jpeg(x, q),
        "cubic": lambda x, q: simulate_jpeg(x, q, rounding=rounding("cubic")),
        "Fourier 3": lambda x, q: simulate_jpeg(x, q, rounding=rounding("fourier", 3)),
        "Fourier 9": lambda x, q: simulate_jpeg(x, q, rounding=rounding("fourier", 9)),
        "Fourier 15": lambda x, q: simulate_jpeg(x, q, rounding=rounding("fourier", 15)),
        "none": lambda x, q: simulate_jpeg(x, q, rounding=lambda c: c),
        "noise": lambda x, q: simulate_jpeg(x, q, rounding=rounding("noise", rngs=generators(len(x)))),
    }
    made = table(title, "Q", ["original", *layers])
    for quality in QUALITIES:
        real = tensor(pillow(photo, quality) for photo in photos)
        made.add_row(
            str(quality), psnr(images, real), *(psnr(layer(images, quality), real) for layer in layers.values())
        )
    return made


def masks(photos: list[Pixels]) -> Table:
    """PSNR of masked gray pictures against the original, and the quality at which real JPEG is as good."""
    grays = [luminance(photo) for photo in photos]
    images = tensor(grays)
    real = {q: float(psnr(tensor(pillow(gray, q) for gray in grays), images)) for q in range(20, 101)}
    made = table("the zig-zag mask, gray", "k", ["PSNR to the input", "JPEG as good"])
    for keep in KEPT:
        found = psnr(dct_mask(images, keep), images)
        near = next((str(q) for q, value in real.items() if value >= float(found)), "–")
        made.add_row(str(keep), "exact" if keep == 64 else found, "–" if keep == 64 else near)
    color = tensor(photos)
    made.add_row("25/9/9, RGB", psnr(hidden_mask(color), color), "")
    return made


def costs(photos: list[Pixels]) -> Table:
    """CPU milliseconds a picture, forward and backward; the best of several rounds."""
    channels = parse_channels(["jpeg:80", "webp:80", "gaussian:10"], registry().degradations, presets={})
    layers: dict[str, Callable[[Tensor], Tensor]] = {
        "simulate_jpeg, STE": lambda x: simulate_jpeg(x, 80),
        "simulate_jpeg, exact": lambda x: simulate_jpeg(x, 80, exact=True),
        "simulate_jpeg, Fourier 9": lambda x: simulate_jpeg(x, 80, rounding=rounding("fourier", 9)),
        "dct_mask": lambda x: dct_mask(x, 40),
        "gaussian": lambda x: gaussian(x, 10.0, generators(len(x))),
        "poisson": lambda x: poisson(x, 255.0, generators(len(x))),
        "print_layer": lambda x: print_layer(x, generators(len(x))),
    }
    for channel in channels:
        layers[f"through_channel, {channel.id}"] = partial(through_channel, channels=channel, seed=0)
    images = tensor(photos[:4])
    made = table("CPU time for a 256×256 RGB picture, forward and backward", "layer", ["ms"])
    for name, layer in layers.items():
        times = []
        for _ in range(ROUNDS + 1):
            variable = images.clone().requires_grad_()
            start = time.process_time()
            layer(variable).sum().backward()
            times.append(time.process_time() - start)
        made.add_row(name, f"{1e3 * min(times[1:]) / len(images):.1f}")
    return made


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=Path, help="a folder of photos")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    photos = folder_photos(chosen.photos) if chosen.photos else sample_photos()
    console = Console(width=120)
    with torch.no_grad():
        console.print(fidelity(photos, "PSNR to Pillow's JPEG, RGB 4:2:0"))
        console.print(fidelity([luminance(photo) for photo in photos], "PSNR to Pillow's JPEG, gray"))
        console.print(masks(photos))
    console.print(costs(photos))


if __name__ == "__main__":
    main()
