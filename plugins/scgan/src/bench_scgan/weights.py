"""The weights files of SCGAN."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench_core.training.network_file import Loaded, NetworkFile
from bench_scgan.config import as_dict, network_config
from bench_scgan.networks import Generator

SHIPPED = Path(__file__).parent / "weights" / "scgan.safetensors"


def _build(record: Mapping[str, Any]) -> Generator:
    return Generator(network_config(record["network"]), "default")


_FILE = NetworkFile("scgan", "SCGAN", _build, ["bench train scgan"], exact=("running_", "first_bias"))


def save_weights(path: Path, network: Generator, training: Mapping[str, Any], half: bool = False) -> None:
    """Write a generator and how it was trained. `half` stores float16, but for batch norm's statistics."""
    _FILE.save(path, network, {"network": as_dict(network.config)}, training, half)


def load_weights(path: Path, device: str = "cpu") -> Loaded[Generator]:
    """Rebuild the generator of a weights file; RequestError where the file is none of SCGAN."""
    return _FILE.load(path, device)
