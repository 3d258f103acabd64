"""What the built-in metrics cost, as ratios in one run, and how they agree with other implementations.

    python benchmarks/metrics.py              CPU ms on a 512×512 RGB pair, beside scikit-image, pyiqa and bare OpenCV
    python benchmarks/metrics.py agreement    differences on 12 pairs of 256×256 photos under JPEG 10, 40 and 95

CPU time of one thread, the best of several runs; pyiqa's columns need the iqa plugin.
"""

import io
import os
import sys
import time
from collections.abc import Callable
from functools import cache
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import cv2
import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table
from skimage.color import rgb2lab
from skimage.data import astronaut, chelsea, coffee, rocket
from skimage.metrics import mean_squared_error, structural_similarity

from bench_core.plan import create_metrics
from bench_core.plugins import registry

NAMES = ("psnr", "psnr_y", "psnr_lab_l", "psnr_lab_a", "psnr_lab_b", "ssim", "ssim_y", "ms_ssim", "ms_ssim_y", "cci")
WANG = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
Picture = np.ndarray[Any, np.dtype[np.uint8]]
Measure = Callable[[Picture, Picture], float]


def jpeg(image: Picture, quality: int) -> Picture:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.array(Image.open(buffer))


def luma(image: Picture) -> np.ndarray[Any, np.dtype[np.float64]]:
    return image @ np.array([299, 587, 114]) / 1000


def decibels(mse: float) -> float:
    return float(10 * np.log10(255**2 / mse))


def lab(channel: int, scale: float) -> Measure:
    return lambda a, b: decibels(mean_squared_error(rgb2lab(a)[..., channel] * scale, rgb2lab(b)[..., channel] * scale))


SCIKIT: dict[str, Measure] = {
    "psnr": lambda a, b: decibels(mean_squared_error(a, b)),
    "psnr_y": lambda a, b: decibels(mean_squared_error(luma(a), luma(b))),
    "psnr_lab_l": lab(0, 2.55),
    "psnr_lab_a": lab(1, 1),
    "psnr_lab_b": lab(2, 1),
    "ssim": lambda a, b: float(structural_similarity(a, b, channel_axis=-1, **WANG)),
    "ssim_y": lambda a, b: float(structural_similarity(*(np.rint(luma(v)) for v in (a, b)), **WANG)),
}
PYIQA = {
    "psnr": ("psnr", {}),
    "psnr_y": ("psnry", {}),
    "ssim": ("ssimc", {}),
    "ssim_y": ("ssim", {}),
    "ms_ssim": ("ms_ssim", {"test_y_channel": False}),
    "ms_ssim_y": ("ms_ssim", {}),
}


@cache
def pyiqa_metric(name: str) -> Measure | None:
    """pyiqa's metric that corresponds, or None where there is none or pyiqa is not installed."""
    if name not in PYIQA:
        return None
    try:
        import torch

        from bench_core.torchvision_shim import ensure

        ensure()
        import pyiqa
    except ImportError:
        return None
    torch.set_num_threads(1)
    net = pyiqa.create_metric(PYIQA[name][0], device="cpu", **PYIQA[name][1])

    def measure(a: Picture, b: Picture) -> float:
        return float(net(*(torch.from_numpy(v.transpose(2, 0, 1).copy())[None] / 255 for v in (a, b))))

    return measure


def milliseconds(call: Callable[..., Any], *arguments: Any, seconds: float = 0.5, most: int = 30) -> float:
    """CPU ms of this thread: the best of as many runs as fit, after one to warm up."""
    call(*arguments)
    best, spent, runs = float("inf"), 0.0, 0
    while runs < 2 or (spent < seconds and runs < most):
        start = time.thread_time()
        call(*arguments)
        took = time.thread_time() - start
        best, spent, runs = min(best, took), spent + took, runs + 1
    return best * 1e3


def opencv_ssim(a: Picture, b: Picture) -> float:
    """SSIM as it is usually written with OpenCV, in float32: five filters, nothing shared."""
    x, y = a.astype(np.float32), b.astype(np.float32)
    kernel = cv2.getGaussianKernel(11, 1.5)
    mx, my, xx, yy, xy = (cv2.sepFilter2D(v, -1, kernel, kernel)[5:-5, 5:-5] for v in (x, y, x * x, y * y, x * y))
    numerator = (2 * mx * my + 6.5025) * (2 * (xy - mx * my) + 58.5225)
    return float((numerator / ((mx**2 + my**2 + 6.5025) * (xx - mx**2 + yy - my**2 + 58.5225))).mean(dtype=np.float64))


def speed() -> list[Table]:
    reference = astronaut()
    estimate = jpeg(reference, 40)
    one = Table(
        title="CPU ms on a 512×512 RGB pair, one thread; × = how many times the built-in one, reference prepared"
    )
    for heading in ("metric", "prepare", "measure", "scikit-image", "×", "pyiqa", "×"):
        one.add_column(heading, justify="left" if heading == "metric" else "right")
    for name, metric in create_metrics(NAMES, registry()).items():
        prepared = metric.prepare(reference)
        mine = milliseconds(metric.measure, estimate, prepared)
        cells = [name, f"{milliseconds(metric.prepare, reference):.2f}", f"{mine:.2f}"]
        for other in (SCIKIT.get(name), pyiqa_metric(name)):
            cost = milliseconds(other, estimate, reference) if other else None
            cells += [f"{cost:.1f}", f"{cost / mine:.0f}"] if cost else ["–", "–"]
        one.add_row(*cells)
    two = Table(title="PSNR and SSIM together, CPU ms on the same pair")
    for heading in ("how", "ms", "× of bare OpenCV"):
        two.add_column(heading, justify="left" if heading == "how" else "right")
    pair = list(create_metrics(["psnr", "ssim"], registry()).values())
    ready = [metric.prepare(reference) for metric in pair]
    ways: dict[str, Callable[[], Any]] = {
        "bare OpenCV: norm, and five float32 filters": lambda: (
            cv2.norm(estimate, reference, cv2.NORM_L2SQR),
            opencv_ssim(estimate, reference),
        ),
        "built in, reference prepared": lambda: [m.measure(estimate, p) for m, p in zip(pair, ready, strict=True)],
        "built in, alone": lambda: [metric(estimate, reference) for metric in pair],
        "scikit-image": lambda: [SCIKIT[name](estimate, reference) for name in ("psnr", "ssim")],
    }
    costs = {name: milliseconds(way) for name, way in ways.items()}
    for name, cost in costs.items():
        two.add_row(name, f"{cost:.2f}", f"{cost / next(iter(costs.values())):.2f}")
    return [one, two]


def agreement() -> list[Table]:
    photos = [
        astronaut()[:256, 100:356],
        coffee()[50:306, 150:406],
        chelsea()[20:276, 100:356],
        rocket()[100:356, 200:456],
    ]
    pairs = [(jpeg(photo, quality), photo) for photo in photos for quality in (10, 40, 95)]
    table = Table(title="12 pairs: 4 photos of 256×256, JPEG 10, 40, 95; largest absolute difference per image")
    for heading in ("metric", "mean", "scikit-image", "pyiqa", "called there"):
        table.add_column(heading, justify="left" if heading in ("metric", "called there") else "right")
    for name, metric in create_metrics(NAMES, registry()).items():
        values = [metric(*pair).value for pair in pairs]
        cells = [name, f"{np.mean([value for value in values if value is not None]):.5f}"]
        for other in (SCIKIT.get(name), pyiqa_metric(name)):
            differences = (
                [abs(other(*pair) - value) for pair, value in zip(pairs, values, strict=True)] if other else []
            )
            cells.append(f"{max(differences):.1e}" if differences else "–")
        theirs = PYIQA.get(name)
        options = ", ".join(f"{key}={value}" for key, value in theirs[1].items()) if theirs else ""
        table.add_row(*cells, f"{theirs[0]} {options}".strip() if theirs else "")
    return [table]


if __name__ == "__main__":
    cv2.setNumThreads(1)
    console = Console(width=130)
    for result in agreement() if sys.argv[1:] == ["agreement"] else speed():
        console.print(result)
