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
from bench_jrig.config import as_dict, network_config
from bench_jrig.networks import JrigNetwork

FORMAT = "bench-jrig-1"

SHIPPED = Path(__file__).parent / "weights" / "jrig.safetensors"
SHIPPED_IIG = SHIPPED.with_name("iig.safetensors")


@dataclass(frozen=True)
class Loaded:
    """A network in evaluation mode, and how it was trained (the metadata's `training`)."""

    network: JrigNetwork
    training: Mapping[str, Any]


def save_weights(path: Path, network: JrigNetwork, training: Mapping[str, Any], half: bool = False) -> None:
    """Write a network and how it was trained (anything JSON can hold). `half` stores float16."""
    tensors = network.state_dict()
    if half:
        tensors = {name: value.half() for name, value in tensors.items()}
    record = {"network": as_dict(network.config), "training": dict(training)}
    save_tensors(path, tensors, {"format": FORMAT, "jrig": json.dumps(record)})


def load_weights(path: Path, device: str = "cpu") -> Loaded:
    """Rebuild the network of a weights file in float32; RequestError where the file is none of JRIG."""
    tensors, metadata = load_tensors(path)
    try:
        record = json.loads(metadata["jrig"])
        network = JrigNetwork(network_config(record["network"]))
        network.load_state_dict({name: value.float() for name, value in tensors.items()})
    except (KeyError, TypeError, ValueError, RuntimeError):
        raise RequestError(
            f"{path} holds no JRIG weights; `bench train jrig` and `bench train iig` write such files "
            "(last.safetensors, best.safetensors)"
        ) from None
    network.eval().requires_grad_(False).to(torch.device(device))
    return Loaded(channels_last(network), record.get("training", {}))
