"""What the built-in metrics cost, as ratios in one run, and how they agree with other implementations.

    python benchmarks/metrics.py              CPU ms on a 512×512 RGB pair, beside scikit-image, pyiqa, piq, OpenCV
    python benchmarks/metrics.py agreement    differences on 12 pairs of 256×256 photos under JPEG 10, 40 and 95

CPU time of one thread, the best of several runs; columns of libraries that are not installed stay empty. Metrics of QR
codes are timed on a code instead of a photo.
"""

import argparse
import io
import os
import time
from collections.abc import Callable
from functools import cache, partial
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import cv2
import numpy as np
import segno
from PIL import Image
from rich.console import Console
from rich.table import Table
from skimage.color import deltaE_ciede2000, rgb2lab, rgb2ycbcr
from skimage.data import astronaut, chelsea, coffee, rocket
from skimage.metrics import mean_squared_error, structural_similarity

from bench_core.errors import CellFailure
from bench_core.images import luminance
from bench_core.metric import Metric, SetMetric
from bench_core.plan import create_metrics
from bench_core.plugins import registry

WANG = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
Picture = np.ndarray[Any, np.dtype[np.uint8]]
Plane = np.ndarray[Any, np.dtype[Any]]
Measure = Callable[[Picture, Picture], float]


def jpeg(image: Picture, quality: int) -> Picture:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.array(Image.open(buffer))


def luma(image: Picture) -> Plane:
    return image @ np.array([299, 587, 114]) / 1000


def studio(image: Picture) -> Plane:
    return rgb2ycbcr(image)[..., 0]


def lab(image: Picture) -> Plane:
    return rgb2lab(image) * (2.55, 1, 1) + (0, 128, 128)


def decibels(mse: float) -> float:
    return float(10 * np.log10(255**2 / mse))


def psnr_of(convert: Callable[[Picture], Plane]) -> Measure:
    return lambda a, b: decibels(mean_squared_error(convert(a), convert(b)))


def ssim_of(convert: Callable[[Picture], Plane]) -> Measure:
    return lambda a, b: float(structural_similarity(convert(a), convert(b), **WANG))


def channel(index: int) -> Callable[[Picture], Plane]:
    return lambda image: lab(image)[..., index]


def color_difference(figure: Callable[[Plane], Any]) -> Measure:
    return lambda a, b: float(figure(deltaE_ciede2000(rgb2lab(a), rgb2lab(b))))


SCIKIT: dict[str, Measure] = {
    "psnr": psnr_of(lambda image: image),
    "psnr_y": psnr_of(luma),
    "psnr_y_bt601": psnr_of(studio),
    "psnr_y_bt601_8bit": psnr_of(lambda image: np.rint(studio(image))),
    "psnr_chmean": lambda a, b: float(
        np.mean([decibels(mean_squared_error(a[..., c], b[..., c])) for c in range(3)]),
    ),
    "psnr_ab": psnr_of(lambda image: lab(image)[..., 1:]),
    **{f"psnr_lab_{name}": psnr_of(channel(index)) for index, name in enumerate("lab")},
    "ssim": lambda a, b: float(structural_similarity(a, b, channel_axis=-1, **WANG)),
    "ssim_y": ssim_of(lambda image: np.rint(luma(image))),
    **{f"ssim_lab_{name}": ssim_of(channel(index)) for index, name in enumerate("lab")},
    "delta_e": color_difference(np.mean),
    "delta_e_p95": color_difference(partial(np.percentile, q=95)),
}
PYIQA: dict[str, tuple[str, dict[str, Any]]] = {
    "psnr": ("psnr", {}),
    "psnr_y": ("psnry", {}),
    "psnr_y_bt601": ("psnry", {"color_space": "ycbcr"}),
    "ssim": ("ssimc", {}),
    "ssim_y": ("ssim", {}),
    "ms_ssim": ("ms_ssim", {"test_y_channel": False}),
    "ms_ssim_y": ("ms_ssim", {}),
}
# The function, its options, and what it is handed: the picture, or its luma in whole numbers.
PIQ: dict[str, tuple[str, dict[str, Any], Callable[[Picture], Picture]]] = {
    "psnr": ("psnr", {}, lambda image: image),
    "psnr_y": ("psnr", {"convert_to_greyscale": True}, lambda image: image),
    "ssim": ("ssim", {"downsample": False}, lambda image: image),
    "ssim_y": ("ssim", {"downsample": False}, luminance),
    "ms_ssim": ("multi_scale_ssim", {}, lambda image: image),
    "ms_ssim_y": ("multi_scale_ssim", {}, luminance),
}


def imported(name: str) -> Any:
    """A library that needs torch and torchvision, or None where it is not installed."""
    try:
        import torch

        from bench_core.torchvision_shim import ensure

        ensure()
        torch.set_num_threads(1)
        return __import__(name)
    except ImportError:
        return None


def tensors(*pictures: Picture) -> list[Any]:
    import torch

    return [torch.from_numpy(picture.transpose(2, 0, 1).copy())[None] / 255 for picture in pictures]


@cache
def pyiqa_metric(name: str) -> Measure | None:
    """pyiqa's metric that corresponds, or None where there is none or pyiqa is not installed."""
    pyiqa = imported("pyiqa") if name in PYIQA else None
    if pyiqa is None:
        return None
    net = pyiqa.create_metric(PYIQA[name][0], device="cpu", **PYIQA[name][1])
    return lambda a, b: float(net(*tensors(a, b)))


@cache
def piq_metric(name: str) -> Measure | None:
    """piq's, as `pyiqa_metric`."""
    piq = imported("piq") if name in PIQ else None
    if piq is None:
        return None
    function, options, convert = PIQ[name]
    return lambda a, b: float(getattr(piq, function)(*tensors(convert(a), convert(b)), data_range=1.0, **options))


def called(function: str, options: dict[str, Any]) -> str:
    return f"{function}({', '.join(f'{key}={value!r}' for key, value in options.items())})" if options else function


LIBRARIES: dict[str, Callable[[str], Measure | None]] = {
    "scikit-image": SCIKIT.get,
    "pyiqa": pyiqa_metric,
    "piq": piq_metric,
}


def built_in() -> dict[str, Metric]:
    names = [entry.name for entry in registry().metrics if entry.plugin == "metrics" and not entry.is_group]
    return create_metrics(names, registry())


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


def table(title: str, *headings: str) -> Table:
    made = Table(title=title, title_justify="left")
    for heading in headings:
        made.add_column(heading, justify="left" if heading in ("metric", "how", "called there") else "right")
    return made


def costs(metric: Metric, estimate: Picture, reference: Picture) -> tuple[float, float]:
    """CPU ms of a pair alone, and of one whose reference is prepared; a set's metric describes one picture."""
    if isinstance(metric, SetMetric):
        return (cost := milliseconds(metric.describe, estimate)), cost
    mask = np.zeros((*reference.shape[:2], 1), np.uint8)
    mask[100:200, 100:300] = 255
    facts = {"mask": mask}
    prepared = metric.prepare(reference)
    alone = milliseconds(metric, estimate, reference, facts)
    return alone, milliseconds(metric.measure_with, estimate, prepared, facts)


def speed() -> list[Table]:
    reference = astronaut()
    estimate = jpeg(reference, 40)
    code = np.kron(np.array(segno.make_qr("bench", version=6).matrix), np.ones((11, 11)))
    code = np.pad(255 - 255 * code.astype(np.uint8), 30, constant_values=255)[:512, :512, None].repeat(3, axis=2)
    one = table(
        "CPU ms on a 512×512 RGB pair, one thread; × = how many times the built-in one's, reference prepared",
        *("metric", "alone", "prepared", *(heading for library in LIBRARIES for heading in (library, "×"))),
    )
    for name, metric in built_in().items():
        try:
            alone, mine = costs(metric, estimate, reference)
        except CellFailure:
            alone, mine = costs(metric, jpeg(code, 40), code)
        cells = [name, f"{alone:.2f}", f"{mine:.2f}"]
        for library in LIBRARIES.values():
            other = library(name)
            cost = milliseconds(other, estimate, reference) if other else None
            cells += [f"{cost:.1f}", f"{cost / mine:.0f}"] if cost else ["–", "–"]
        one.add_row(*cells)
    two = table("PSNR and SSIM together, CPU ms on the same pair", "how", "ms", "× of bare OpenCV")
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
    spent = {name: milliseconds(way) for name, way in ways.items()}
    for name, cost in spent.items():
        two.add_row(name, f"{cost:.2f}", f"{cost / next(iter(spent.values())):.2f}")
    return [one, two]


def agreement() -> list[Table]:
    photos = [
        astronaut()[:256, 100:356],
        coffee()[50:306, 150:406],
        chelsea()[20:276, 100:356],
        rocket()[100:356, 200:456],
    ]
    pairs = [(jpeg(photo, quality), photo) for photo in photos for quality in (10, 40, 95)]
    result = table(
        "12 pairs: 4 photos of 256×256, JPEG 10, 40, 95; largest absolute difference per image",
        *("metric", "mean", *LIBRARIES, "called there"),
    )
    mse = np.mean([mean_squared_error(*pair) for pair in pairs])
    result.caption = f"psnr_pooled, of the mean MSE: {decibels(float(mse)):.2f} dB"
    for name, metric in built_in().items():
        others = {library: find(name) for library, find in LIBRARIES.items()}
        if not any(others.values()):
            continue
        values = [metric(*pair).value for pair in pairs]
        cells = [name, f"{np.mean([value for value in values if value is not None]):.5f}"]
        for other in others.values():
            differences = (
                [abs(other(*pair) - value) for pair, value in zip(pairs, values, strict=True) if value is not None]
                if other
                else []
            )
            cells.append(f"{max(differences):.1e}" if differences else "–")
        names = [called(*PYIQA[name])] if name in PYIQA else []
        names += [called(*PIQ[name][:2])] if name in PIQ else []
        result.add_row(*cells, "; ".join(names))
    return [result]


if __name__ == "__main__":
    cv2.setNumThreads(1)
    console = Console(width=150)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=["speed", "agreement"], default="speed")
    for result in agreement() if parser.parse_args().what == "agreement" else speed():
        console.print(result)
