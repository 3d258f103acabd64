"""The two losses of SDC ([P] Section 3; specification, Section 3)."""

import torch.nn.functional as F
from torch import Tensor

from bench_semantic.label_sets import IGNORED


def huber_loss(estimate: Tensor, target: Tensor, delta: float = 1.0) -> Tensor:
    """Mean over everything of ½d² where |d| ≤ δ, else δ·(|d| − ½δ), in float32.

    With δ = 1, as published, on colors in [−1, 1]: in practice half the mean square.
    """
    return F.huber_loss(estimate.float(), target.float(), delta=delta)


def segmentation_loss(logits: Tensor, classes: Tensor, background: int | None = None) -> Tensor:
    """Cross-entropy of logits N×K×H×W with class maps N×1×H×W (long), mean over the annotated pixels, in float32.

    Pixels of IGNORED never count, nor, where one is given, those of the class `background`. 0 where none counts.
    """
    target = classes[:, 0]
    if background is not None:
        target = target.masked_fill(target == background, IGNORED)
    total = F.cross_entropy(logits.float(), target, ignore_index=IGNORED, reduction="sum")
    return total / (target != IGNORED).sum().clamp(min=1)
