"""Colorizing pictures of any size: what the method, the editor and others call.

    found = Colorizer(load_weights(path).network)
    classes = found.segment(gray)                # uint8 H×W×1 -> class map, uint8 H×W
    color = found.paint(gray, classes)           # uint8 H×W×1, class map -> uint8 H×W×3

Maps stay whole numbers all the way. The published tool keeps them as the network's scalar codes and cuts them off when
it reads them back, so that some classes drift with every pass.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from bench_core.errors import RequestError
from bench_core.images import Array, to_uint8
from bench_core.nn.lab import colored
from bench_core.nn.padding import crop_to, pad_to
from bench_core.torch_model import to_arrays, to_tensor
from bench_semantic.color_net import ColorNet
from bench_semantic.encoding import real_ab
from bench_semantic.grid_net import GridNet
from bench_semantic.label_sets import ClassMap, LabelSet
from bench_semantic.validation import predicted_classes
from bench_semantic.weights import SdcNetworks

RESIZE, PAD = "resize", "pad"


class Colorizer:
    """SDC's networks on pictures of any size from 1×1.

    `infer` is `resize`: the networks see the picture as a square of the side they were trained on (or `size`, a
    multiple of what they need), and the colors found are resized back; or `pad`: they see it as it is, its last row
    and column repeated. Either way the result has the picture's full resolution and its own lightness. Predicted maps
    show the set's void class where the segmentation gives its answer a probability below `sure`.
    RequestError for a `size` that the networks cannot take.
    """

    def __init__(self, networks: SdcNetworks, infer: str = RESIZE, size: int = 0, sure: float = 0.0) -> None:
        self.networks, self.infer, self.size, self.sure = networks, infer, size, sure
        for network in (networks.color, networks.segmentation):
            if network is not None and size % network.config.multiple:
                multiple = network.config.multiple
                raise RequestError(f"size must be a multiple of {multiple}, e.g. {8 * multiple}; not {size}")

    @property
    def labels(self) -> LabelSet:
        """The classes that maps are made of, with names and colors."""
        return self.networks.labels

    @property
    def segments(self) -> bool:
        """Whether there is a network that makes maps."""
        return self.networks.segmentation is not None

    def segment(self, gray: Array) -> ClassMap:
        """The predicted class map, uint8 H×W, of a gray picture uint8 H×W×1; RequestError where nothing segments."""
        with torch.inference_mode():
            found = self.predicted(to_tensor([gray], self._device))
        return found[0, 0].byte().cpu().numpy()

    def paint(self, gray: Array, classes: ClassMap) -> Array:
        """The picture in color, uint8 H×W×3, of uint8 H×W×1 and a class map; RequestError where nothing colors."""
        shown = torch.from_numpy(self.labels.shown(classes)).long()[None, None].to(self._device)
        with torch.inference_mode():
            (found,) = to_arrays(self.painted(to_tensor([gray], self._device), shown))
        return to_uint8(found)

    def predicted(self, gray: Tensor) -> Tensor:
        """Classes, long N×1×H×W, of gray pictures N×1×H×W in [0, 1]; RequestError where nothing segments."""
        network = self.networks.segmentation
        if network is None:
            raise RequestError(
                "these weights hold no segmentation network, so no map can be predicted; add one with bench sdc join, "
                "or take another source of the map: --set map_source=none"
            )
        found = predicted_classes(network, self._seen(gray, network), self.labels, self.sure)
        return self._restored(found, gray)

    def painted(self, gray: Tensor, classes: Tensor) -> Tensor:
        """RGB N×3×H×W in [0, 1] of gray pictures N×1×H×W and classes long N×1×h×w, resized where they differ.

        Every class must be one of the set; RequestError where nothing colors.
        """
        network = self.networks.color
        if network is None:
            raise RequestError("these weights hold no color network; bench train sdc makes one")
        if classes.shape[-2:] != gray.shape[-2:]:
            classes = nearest(classes, gray.shape[-2], gray.shape[-1])
        ab = real_ab(network.colors(self._seen(gray, network), self._seen_map(classes, network)))
        return colored(gray, crop_to(ab, gray) if self.infer == PAD else ab)

    @property
    def _device(self) -> str:
        return str(next(self.networks.parameters()).device)

    def _side(self, network: ColorNet | GridNet) -> int:
        return self.size or network.config.crop

    def _seen(self, gray: Tensor, network: ColorNet | GridNet) -> Tensor:
        """The picture as a network is given it."""
        if self.infer == PAD:
            return pad_to(gray, network.config.multiple)
        side = self._side(network)
        if gray.shape[-2:] == (side, side):
            return gray
        return F.interpolate(gray, (side, side), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)

    def _seen_map(self, classes: Tensor, network: ColorNet) -> Tensor:
        if self.infer == PAD:
            return pad_to(classes.float(), network.config.multiple).long()
        return nearest(classes, self._side(network), self._side(network))

    def _restored(self, classes: Tensor, gray: Tensor) -> Tensor:
        if self.infer == PAD:
            return crop_to(classes, gray)
        return nearest(classes, gray.shape[-2], gray.shape[-1])


def nearest(classes: Tensor, height: int, width: int) -> Tensor:
    """Class maps N×1×h×w at another size, each pixel the class of the nearest: never a class in between.

    Made larger and then smaller again, a map is what it was.
    """
    if classes.shape[-2:] == (height, width):
        return classes
    return F.interpolate(classes.float(), (height, width), mode="nearest-exact").long()
