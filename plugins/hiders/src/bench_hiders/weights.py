"""A weights file: safetensors whose metadata rebuilds the network, so that the file alone is enough."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bench_core.errors import RequestError
from bench_core.nn.layout import channels_last
from bench_core.training import load_tensors, save_tensors
from bench_hiders.network import HiderNetwork, NetworkConfig

FORMAT = "bench-hiders-1"
FOLDER = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class Loaded:
    """A network in evaluation mode, the method it belongs to, and how it was trained (the metadata's `training`)."""

    network: HiderNetwork
    method: str
    training: Mapping[str, Any]


def shipped(method: str) -> Path | None:
    """The weights that come with the plugin, where it has some."""
    path = FOLDER / f"{method}.safetensors"
    return path if path.exists() else None


def save_weights(
    path: Path, method: str, network: HiderNetwork, training: Mapping[str, Any], half: bool = False
) -> None:
    """Write a network and how it was trained (anything JSON can hold). `half` stores float16."""
    tensors = network.state_dict()
    if half:
        tensors = {name: value.half() for name, value in tensors.items()}
    record = {
        "method": method,
        "network": network.config.as_dict(),
        "n_secrets": network.n_secrets,
        "training": dict(training),
    }
    save_tensors(path, tensors, {"format": FORMAT, "hiders": json.dumps(record)})


def load_weights(path: Path, method: str, device: str = "cpu") -> Loaded:
    """Rebuild the network of a weights file in float32; RequestError where the file is none of `method`."""
    tensors, metadata = load_tensors(path)
    try:
        record = json.loads(metadata["hiders"])
        found = str(record["method"])
        network = HiderNetwork(NetworkConfig.read(record["network"]), int(record["n_secrets"]))
        network.load_state_dict({name: value.float() for name, value in tensors.items()})
    except (KeyError, TypeError, ValueError, RuntimeError):
        raise RequestError(
            f"{path} holds no {method} weights; `bench train {method}` writes such files "
            "(last.safetensors, best.safetensors)"
        ) from None
    if found != method:
        raise RequestError(f"{path} holds weights of {found}, not of {method}; e.g. --plugin {found} --weights {path}")
    network.eval().requires_grad_(False).to(torch.device(device))
    return Loaded(channels_last(network), found, record.get("training", {}))
