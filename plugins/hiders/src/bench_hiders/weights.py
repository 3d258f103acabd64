"""The weights files of HiNet and ISN."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench_core.errors import RequestError
from bench_core.training.network_file import Loaded, NetworkFile
from bench_hiders.network import HiderNetwork, NetworkConfig

SHIPPED = {name: Path(__file__).parent / "weights" / f"{name}.safetensors" for name in ("hinet", "isn")}
"""Where weights that come with the plugin are."""


def _file(method: str) -> NetworkFile[HiderNetwork]:
    def build(record: Mapping[str, Any]) -> HiderNetwork:
        return HiderNetwork(NetworkConfig.read(record["network"]), int(record["n_secrets"]))

    return NetworkFile("hiders", method, build, [f"bench train {method}"])


def save_weights(
    path: Path, method: str, network: HiderNetwork, training: Mapping[str, Any], half: bool = False
) -> None:
    """Write a network, the method it belongs to, and how it was trained. `half` stores float16."""
    record = {"method": method, "network": network.config.as_dict(), "n_secrets": network.n_secrets}
    _file(method).save(path, network, record, training, half)


def load_weights(path: Path, method: str, device: str = "cpu") -> Loaded[HiderNetwork]:
    """Rebuild the network of a weights file; RequestError where the file is none of `method`."""
    loaded = _file(method).load(path, device)
    found = str(loaded.record["method"])
    if found != method:
        raise RequestError(f"{path} holds weights of {found}, not of {method}; e.g. --plugin {found} --weights {path}")
    return loaded
