"""What validations measure: errors of color, and of maps."""

import numpy as np
import torch
from torch import Tensor

from bench_core.nn.lab import rgb_to_lab
from bench_core.surrogates.rounding import round8
from bench_semantic.label_sets import IGNORED, ClassMap


def ab_error(estimate: Tensor, reference: Tensor) -> float:
    """Root mean square error of a* and b* of RGB N×3×H×W in [0, 1], in Lab units: the mean of pictures.

    The estimate is rounded to 8 bits first.
    """
    difference = rgb_to_lab(round8(estimate))[:, 1:] - rgb_to_lab(reference)[:, 1:]
    return float(torch.sqrt((difference**2).mean(dim=(1, 2, 3))).mean())


def segmentation_figures(found: ClassMap, wanted: ClassMap, n_classes: int) -> dict[str, float]:
    """Pixel accuracy and mean intersection over union of class maps N×H×W, pixels of IGNORED left out.

    Counted over all pictures together; the mean is over the classes that are in either.
    """
    known = wanted != IGNORED
    pairs = wanted[known].astype(np.int64) * n_classes + found[known]
    confusion = np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes)
    hits = np.diag(confusion)
    union = confusion.sum(0) + confusion.sum(1) - hits
    there = union > 0
    if not there.any():
        return {"pixel_accuracy": 0.0, "miou": 0.0}
    return {
        "pixel_accuracy": float(hits.sum() / confusion.sum()),
        "miou": float((hits[there] / union[there]).mean()),
    }
