"""A weights file: safetensors whose metadata rebuilds the network, so that the file alone is enough."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from bench_core.errors import RequestError
from bench_core.nn.invertible import ActNorm
from bench_core.training import load_tensors, save_tensors
from bench_riis.architecture import NetworkConfig, as_dict, network_config
from bench_riis.model import RiisNetwork

FORMAT = "bench-riis-1"
Module = TypeVar("Module", bound=torch.nn.Module)

SHIPPED = Path(__file__).parent / "weights" / "riis.safetensors"
SHIPPED_PRINT = SHIPPED.with_name("riis-print.safetensors")
SHIPPED_STAR = SHIPPED.with_name("riis-star.safetensors")


def channels_last(module: Module) -> Module:
    """The same module with its convolution weights stored channels last, which a CPU runs a tenth faster."""
    for parameter in module.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return module


@dataclass(frozen=True)
class Loaded:
    """A network in evaluation mode, and how it was trained (the metadata's `training`)."""

    network: RiisNetwork
    training: Mapping[str, Any]


def save_weights(path: Path, network: RiisNetwork, training: Mapping[str, Any], half: bool = False) -> None:
    """Write a network and how it was trained (anything JSON can hold). `half` stores float16 but for the 1×1 mixes."""
    tensors = network.state_dict()
    if half:
        # The inverse multiplies by W⁻¹ and exp(−l): their rounding would not cost speed or space, only exactness.
        exact = (".mix.", ".norm.")
        tensors = {
            name: value.half() if value.is_floating_point() and not any(part in name for part in exact) else value
            for name, value in tensors.items()
        }
    record = {"network": as_dict(network.config), "n_secrets": network.n_secrets, "training": dict(training)}
    save_tensors(path, tensors, {"format": FORMAT, "riis": json.dumps(record)})


def load_weights(path: Path, device: str = "cpu") -> Loaded:
    """Rebuild the network of a weights file in float32; RequestError where the file is none of RIIS."""
    tensors, metadata = load_tensors(path)
    try:
        record = json.loads(metadata["riis"])
        config: NetworkConfig = network_config(record["network"])
        network = RiisNetwork(config, int(record["n_secrets"]))
        network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in tensors.items()})
    except (KeyError, TypeError, ValueError, RuntimeError):
        raise RequestError(
            f"{path} holds no RIIS weights; `bench train riis` writes such files (last.safetensors, best.safetensors)"
        ) from None
    network.eval().requires_grad_(False).to(torch.device(device))
    return Loaded(channels_last(network), record.get("training", {}))


def start_from(path: Path, network: RiisNetwork) -> Mapping[str, Any]:
    """Put the weights of a file into a new network, and return how they were trained.

    The network may have a modulation (its heads stay at zero) or reverse copies (not yet decoupled) that the file has
    not; everything else must agree.

    Raises:
        RequestError: for a file that holds no RIIS weights, or those of another network.
    """
    loaded = load_weights(path)
    mine, theirs = network.config, loaded.network.config
    added = [
        name
        for name, switch in (("dgm", "dgm"), ("dgm_site", "dgm"), ("dgm_width", "dgm"), ("decoupled", "decoupled"))
        if not getattr(theirs, switch)
    ]
    alike = replace(mine, **{name: getattr(theirs, name) for name in added})
    if alike != theirs or loaded.network.n_secrets != network.n_secrets:
        other = [f.name for f in fields(NetworkConfig) if getattr(alike, f.name) != getattr(theirs, f.name)]
        differing = [f"{name}={getattr(theirs, name)}, not {getattr(mine, name)}" for name in other]
        if loaded.network.n_secrets != network.n_secrets:
            differing.insert(0, f"{loaded.network.n_secrets} secret(s), not {network.n_secrets}")
        raise RequestError(f"{path} holds another network: {'; '.join(differing)}")
    network.load_state_dict({**network.state_dict(), **loaded.network.state_dict()})
    if network.reverse is not None and not network.is_decoupled:
        for part, copy in network.reverse.items():
            copy.load_state_dict(getattr(network, part).state_dict())
    for layer in network.modules():
        if isinstance(layer, ActNorm):
            layer.initialized.fill_(True)  # what was trained must not be set from data any more
    return loaded.training
