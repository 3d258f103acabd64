"""The weights files of JRIG and of its baseline."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench_core.training.network_file import Loaded, NetworkFile
from bench_jrig.config import as_dict, network_config
from bench_jrig.networks import JrigNetwork

SHIPPED = Path(__file__).parent / "weights" / "jrig.safetensors"
SHIPPED_IIG = SHIPPED.with_name("iig.safetensors")


def _build(record: Mapping[str, Any]) -> JrigNetwork:
    return JrigNetwork(network_config(record["network"]))


_FILE = NetworkFile("jrig", "JRIG", _build, ["bench train jrig", "bench train iig"])


def save_weights(path: Path, network: JrigNetwork, training: Mapping[str, Any], half: bool = False) -> None:
    """Write a network and how it was trained. `half` stores float16."""
    _FILE.save(path, network, {"network": as_dict(network.config)}, training, half)


def load_weights(path: Path, device: str = "cpu") -> Loaded[JrigNetwork]:
    """Rebuild the network of a weights file; RequestError where the file is none of JRIG."""
    return _FILE.load(path, device)
