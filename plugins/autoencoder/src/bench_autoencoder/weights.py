"""The weights files of the auto-encoder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench_autoencoder.config import NetworkConfig
from bench_autoencoder.network import Autoencoder
from bench_core.training.network_file import Loaded, NetworkFile

SHIPPED = Path(__file__).parent / "weights" / "autoencoder.safetensors"


def _build(record: Mapping[str, Any]) -> Autoencoder:
    return Autoencoder(NetworkConfig.read(record["network"]))


_FILE = NetworkFile("autoencoder", "auto-encoder", _build, ["bench train autoencoder"])


def save_weights(path: Path, network: Autoencoder, training: Mapping[str, Any], half: bool = False) -> None:
    """Write a network and how it was trained. `half` stores float16."""
    _FILE.save(path, network, {"network": network.config.record()}, training, half)


def load_weights(path: Path, device: str = "cpu") -> Loaded[Autoencoder]:
    """Rebuild the network of a weights file; RequestError where the file is none of an auto-encoder."""
    return _FILE.load(path, device)
