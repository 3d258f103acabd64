"""SDC's weights file: one file holds either network or both, and the label set that they speak."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from bench_core.errors import RequestError
from bench_core.training.network_file import Loaded, NetworkFile
from bench_semantic.color_net import ColorNet
from bench_semantic.config import ColorConfig, SegmentationConfig, as_dict, record
from bench_semantic.grid_net import GridNet
from bench_semantic.label_sets import LabelSet, from_record

SHIPPED = Path(__file__).parent / "weights" / "sdc.safetensors"
SHIPPED_CAMVID = SHIPPED.with_name("sdc-camvid.safetensors")


class SdcNetworks(nn.Module):
    """The color network, the segmentation, or both, and their label set. ValueError where there is neither."""

    def __init__(self, labels: LabelSet, color: ColorNet | None = None, segmentation: GridNet | None = None) -> None:
        super().__init__()
        if color is None and segmentation is None:
            raise ValueError("a weights file needs a network")
        for network in (color, segmentation):
            if network is not None and network.config.n_classes != len(labels):
                raise ValueError(f"a network of {network.config.n_classes} classes with a set of {len(labels)}")
        self.labels, self.color, self.segmentation = labels, color, segmentation

    def record(self) -> dict[str, Any]:
        """What rebuilds the networks, for JSON."""
        networks = {"color": self.color, "segmentation": self.segmentation}
        shapes = {name: as_dict(network.config) for name, network in networks.items() if network is not None}
        return {"labels": self.labels.record(), **shapes}


def _build(content: Mapping[str, Any]) -> SdcNetworks:
    try:
        labels = from_record(content["labels"])
    except RequestError as error:
        raise ValueError(str(error)) from None
    color = ColorNet(record(ColorConfig, content["color"])) if "color" in content else None
    segmentation = None
    if "segmentation" in content:
        segmentation = GridNet(record(SegmentationConfig, content["segmentation"]))
    return SdcNetworks(labels, color, segmentation)


# Running means of BatchNorm are stored as they are: half precision would move every answer a little.
_FILE = NetworkFile("sdc", "SDC", _build, ["bench train sdc", "bench train sdc-segmentation"], exact=["running_"])


def save_weights(path: Path, networks: SdcNetworks, training: Mapping[str, Any], half: bool = False) -> None:
    """Write networks and how each was trained (`training` by network). `half` stores float16."""
    _FILE.save(path, networks, networks.record(), training, half)


def load_weights(path: Path, device: str = "cpu") -> Loaded[SdcNetworks]:
    """Rebuild the networks of a weights file; RequestError where the file is none of SDC."""
    return _FILE.load(path, device)


def joined(color: Loaded[SdcNetworks], segmentation: Loaded[SdcNetworks], names: tuple[str, str]) -> SdcNetworks:
    """The color network of one file with the segmentation of another; `names` are what errors call the two.

    Raises:
        RequestError: where a file lacks its network, or the two do not speak of the same classes.
    """
    if color.network.color is None:
        raise RequestError(f"{names[0]} holds no color network; `bench train sdc` writes one")
    if segmentation.network.segmentation is None:
        raise RequestError(f"{names[1]} holds no segmentation network; `bench train sdc-segmentation` writes one")
    check_same_classes(color.network.labels, segmentation.network.labels, names)
    return SdcNetworks(color.network.labels, color.network.color, segmentation.network.segmentation)


def check_same_classes(first: LabelSet, second: LabelSet, names: tuple[str, str]) -> None:
    """RequestError where two networks were trained for other classes."""
    if first.names != second.names:
        raise RequestError(
            f"{names[0]} knows the {len(first)} classes of {first.name}, {names[1]} the {len(second)} of "
            f"{second.name}; train both with the same labels, e.g. --set labels={first.name}"
        )
