"""How good a network is while it trains, on held-out photos at its working size."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench_core.nn.lab import colored
from bench_core.photos import Pixels
from bench_core.torch_model import to_tensor
from bench_core.training.figures import psnr8
from bench_semantic.batches import gray_of, maps_of
from bench_semantic.color_net import ColorNet
from bench_semantic.encoding import real_ab
from bench_semantic.figures import ab_error, segmentation_figures
from bench_semantic.grid_net import GridNet
from bench_semantic.label_sets import ClassMap, LabelSet

_SHOWN = 4


def predicted_classes(network: GridNet, gray: Tensor, labels: LabelSet, sure: float = 0.0) -> Tensor:
    """The likeliest class, long N×1×H×W, among those that have a number: nobody is taught the others.

    Where its probability among them is below `sure`, the set's void class.
    """
    answers = torch.tensor(labels.predictable, device=gray.device)
    probability, place = network(gray).float()[:, answers].softmax(dim=1).max(dim=1, keepdim=True)
    return torch.where(probability < sure, labels.void_class, answers[place])


def displayed(classes: Tensor, labels: LabelSet) -> Tensor:
    """Class maps N×1×H×W in the colors of the set, N×3×H×W in [0, 1]."""
    palette = torch.from_numpy(labels.palette).float().to(classes.device) / 255
    return palette[classes[:, 0]].permute(0, 3, 1, 2)


class ColorValidation:
    """Photos N×S×S×4 with class maps. Figures are of 8-bit RGB at the working size S, with the gray picture's L."""

    def __init__(self, photos: Pixels, labels: LabelSet, segmentation: GridNet | None = None) -> None:
        self.labels = labels
        self.color = to_tensor(list(photos[..., :3]))
        self.gray = gray_of(photos[..., :3])
        human = maps_of(labels.shown(photos[..., 3]))
        self.maps = {"none": torch.zeros_like(human), "human": human}
        if segmentation is not None:
            segmentation.eval()
            with torch.inference_mode():
                maps = [predicted_classes(segmentation, gray, labels) for gray in torch.split(self.gray, 1)]
            self.maps["predicted"] = torch.cat(maps).clone()

    def run(self, network: ColorNet) -> dict[str, float]:
        """PSNR and error of a, b for each source of the map, those of no color at all, and `score`: `ab_human`."""
        figures: dict[str, float] = {}
        for source in self.maps:
            found = self._colored(network, source)
            figures[f"psnr_{source}"], figures[f"ab_{source}"] = psnr8(found, self.color), ab_error(found, self.color)
        copied = self.gray.expand(-1, 3, -1, -1)
        figures["psnr_gray"], figures["ab_gray"] = psnr8(copied, self.color), ab_error(copied, self.color)
        return {**figures, "score": figures["ab_human"]}

    def pictures(self, network: ColorNet) -> dict[str, Tensor]:
        """A few photos, their maps, and what becomes of them, N×C×H×W in [0, 1]."""
        shown = {f"colored-{source}": self._colored(network, source, _SHOWN) for source in self.maps}
        maps = displayed(self.maps["human"][:_SHOWN], self.labels)
        return {"color": self.color[:_SHOWN], "gray": self.gray[:_SHOWN], "map": maps, **shown}

    @torch.no_grad()
    def _colored(self, network: ColorNet, source: str, count: int | None = None) -> Tensor:
        device = next(network.parameters()).device
        pairs = zip(torch.split(self.gray[:count], 1), torch.split(self.maps[source][:count], 1), strict=True)
        found = []
        for gray, labels in pairs:
            ab = real_ab(network.colors(gray.to(device), labels.to(device))).cpu()
            found.append(colored(gray, ab))
        return torch.cat(found)


class SegmentationValidation:
    """Photos N×S×S×4 with class maps."""

    def __init__(self, photos: Pixels, labels: LabelSet) -> None:
        self.labels = labels
        self.gray = gray_of(photos[..., :3])
        self.classes: ClassMap = photos[..., 3]

    def run(self, network: GridNet) -> dict[str, float]:
        """Pixel accuracy, mean intersection over union, and `score`, lower the better."""
        found = self._predicted(network)[:, 0].numpy().astype(np.uint8)
        figures = segmentation_figures(found, self.classes, len(self.labels))
        return {**figures, "score": -figures["miou"]}

    def pictures(self, network: GridNet) -> dict[str, Tensor]:
        """A few gray pictures with the annotated and the predicted map, N×C×H×W in [0, 1]."""
        human: Any = maps_of(self.labels.shown(self.classes[:_SHOWN]))
        predicted = self._predicted(network, _SHOWN)
        return {
            "gray": self.gray[:_SHOWN],
            "map": displayed(human, self.labels),
            "predicted": displayed(predicted, self.labels),
        }

    @torch.no_grad()
    def _predicted(self, network: GridNet, count: int | None = None) -> Tensor:
        device = next(network.parameters()).device
        grays = torch.split(self.gray[:count], 1)
        return torch.cat([predicted_classes(network, gray.to(device), self.labels).cpu() for gray in grays])
