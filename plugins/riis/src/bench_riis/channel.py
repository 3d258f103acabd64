"""The channel inside training: 8-bit rounding, noise and JPEG, with gradients that let the sender learn.

Pictures N×3×H×W in [0, 1]. The harness's own degradations are numpy functions of one finished picture;
these work on batches, and pass a gradient.
"""

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from bench_riis.config import TrainingConfig
from bench_riis.jpeg import rounding, simulate_jpeg

Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


def straight_through(value: Tensor, gradient_of: Tensor) -> Tensor:
    """`value` forward, the gradient of `gradient_of` backward (IRN, Quantization.py)."""
    return gradient_of + (value - gradient_of).detach()


def round8(container: Tensor) -> Tensor:
    """Clip to [0, 1] and round to the 1/255 grid; gradient 1."""
    return straight_through(container.clamp(0, 1).mul(255).round().div(255), container)


@dataclass(frozen=True)
class Level:
    """One sample's degradation: `kind` clean, gauss (σ on 0..255), poisson (photons at white) or jpeg (QF)."""

    kind: str
    value: float = 0.0


def draw_levels(config: TrainingConfig, count: int, rng: np.random.Generator) -> list[Level]:
    """A degradation for each sample of a batch, by the shares and ranges of the configuration."""
    shares = np.cumsum((config.p_clean, config.p_gauss, config.p_poisson))
    levels = []
    for _ in range(count):
        pick = int(np.searchsorted(shares, rng.random(), side="right"))
        if pick == 1:
            levels.append(Level("gauss", float(rng.uniform(config.sigma_min, config.sigma_max))))
        elif pick == 2:
            levels.append(Level("poisson", config.poisson_peak))
        else:
            levels.append(Level("jpeg", float(rng.choice(config.qualities))) if pick else Level("clean"))
    return levels


def real_jpeg(pixels: Pixels, quality: int) -> Pixels:
    """uint8 H×W×3 through libjpeg: baseline, 4:2:0."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=2)
    with Image.open(buffer) as image:
        return np.asarray(image)


def degrade(pixels: Pixels, level: Level, rng: np.random.Generator) -> Pixels:
    """One uint8 H×W×3 picture through one degradation; uint8 again."""
    if level.kind == "clean":
        return pixels
    if level.kind == "jpeg":
        return real_jpeg(pixels, int(level.value))
    if level.kind == "gauss":
        noisy = pixels + level.value * rng.standard_normal(pixels.shape, dtype=np.float32)
    elif level.kind == "poisson":
        noisy = rng.poisson(pixels * (level.value / 255)) * (255 / level.value)
    else:
        raise ValueError(f"unknown degradation {level.kind!r}")
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


_THREADS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="riis-channel")


def transmit(
    container: Tensor, levels: Sequence[Level], seed: int, jpeg_grad: str = "ste_real", jpeg_terms: int = 10
) -> Tensor:
    """What the receiver gets of each container, and a gradient for the sender.

    Noise is real forward and has gradient 1 backward, and so is JPEG with `ste_real`; otherwise JPEG is simulated
    with the rounding that `jpeg_grad` names. Each sample's noise is keyed by (seed, its index), so that the result
    does not depend on the order of threads.
    """
    sent = round8(container)
    simulated = [i for i, level in enumerate(levels) if level.kind == "jpeg" and jpeg_grad != "ste_real"]
    if len(simulated) == len(levels):
        return _simulate(sent, levels, jpeg_grad, jpeg_terms)
    pixels = sent.detach().mul(255).round().to("cpu", torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
    real = [Level("clean") if i in simulated else level for i, level in enumerate(levels)]
    received = _THREADS.map(
        lambda index: degrade(pixels[index], real[index], np.random.default_rng((seed, index))), range(len(levels))
    )
    stacked = torch.from_numpy(np.stack(list(received))).to(sent.device).permute(0, 3, 1, 2)
    result = straight_through(stacked.to(sent.dtype).div(255), sent)
    if simulated:
        index = torch.tensor(simulated, device=sent.device)
        parts = _simulate(sent[index], [levels[i] for i in simulated], jpeg_grad, jpeg_terms)
        result = result.index_copy(0, index, parts)
    return result


def _simulate(sent: Tensor, levels: Sequence[Level], jpeg_grad: str, jpeg_terms: int) -> Tensor:
    return simulate_jpeg(sent, [int(level.value) for level in levels], rounding(jpeg_grad, jpeg_terms))
