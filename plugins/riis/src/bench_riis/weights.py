"""A weights file: safetensors whose metadata rebuilds the network, so that the file alone is enough."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bench_core.errors import RequestError
from bench_core.nn.invertible import ActNorm
from bench_core.nn.layout import channels_last
from bench_core.training import load_tensors, save_tensors
from bench_riis.architecture import NetworkConfig, as_dict, network_config
from bench_riis.color import ColorNetwork
from bench_riis.model import RiisNetwork

FORMAT = "bench-riis-1"

SHIPPED = Path(__file__).parent / "weights" / "riis.safetensors"
SHIPPED_PRINT = SHIPPED.with_name("riis-print.safetensors")
SHIPPED_STAR = SHIPPED.with_name("riis-star.safetensors")
SHIPPED_COLOR = SHIPPED.with_name("riis-color.safetensors")


def shipped(path: Path) -> Path | None:
    """A file that comes with the plugin, or None where this version has none."""
    return path if path.exists() else None


def kind_of(network: RiisNetwork) -> str:
    """The method that a network is of: `riis`, `riis-star` or `riis-color`."""
    if isinstance(network, ColorNetwork):
        return "riis-color"
    return "riis-star" if network.config.dgm else "riis"


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
    if isinstance(network, ColorNetwork):
        record["color_matrix"] = network.colors.kind
    save_tensors(path, tensors, {"format": FORMAT, "riis": json.dumps(record)})


def load_weights(path: Path, device: str = "cpu") -> Loaded:
    """Rebuild the network of a weights file in float32; RequestError where the file is none of RIIS."""
    tensors, metadata = load_tensors(path)
    try:
        record = json.loads(metadata["riis"])
        config: NetworkConfig = network_config(record["network"])
        matrix = record.get("color_matrix")
        network = ColorNetwork(config, matrix) if matrix else RiisNetwork(config, int(record["n_secrets"]))
        network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in tensors.items()})
    except (KeyError, TypeError, ValueError, RuntimeError):
        raise RequestError(
            f"{path} holds no RIIS weights; `bench train riis` writes such files (last.safetensors, best.safetensors)"
        ) from None
    network.eval().requires_grad_(False).to(torch.device(device))
    return Loaded(channels_last(network), record.get("training", {}))


def start_from(path: Path, network: RiisNetwork) -> Mapping[str, Any]:
    """Put the weights of a file into a new network, and return how they were trained.

    The network may have a modulation (its heads stay at zero), reverse copies (not yet decoupled) or a learned color
    matrix that the file has not; everything else must agree.

    Raises:
        RequestError: for a file that holds no RIIS weights, or those of another network.
    """
    loaded = load_weights(path)
    if differing := _differences(network, loaded.network):
        raise RequestError(f"{path} holds another network: {'; '.join(differing)}")
    network.load_state_dict({**network.state_dict(), **loaded.network.state_dict()})
    if network.reverse is not None and not network.is_decoupled:
        for part, copy in network.reverse.items():
            copy.load_state_dict(getattr(network, part).state_dict())
    for layer in network.modules():
        if isinstance(layer, ActNorm):
            layer.initialized.fill_(True)  # what was trained must not be set from data any more
    return loaded.training


def _differences(network: RiisNetwork, given: RiisNetwork) -> list[str]:
    """What keeps a network from starting with the weights of another, as texts."""
    if isinstance(network, ColorNetwork) != isinstance(given, ColorNetwork):
        return [f"{kind_of(given)}, not {kind_of(network)}"]
    differing = []
    if given.n_secrets != network.n_secrets:
        differing.append(f"{given.n_secrets} secret(s), not {network.n_secrets}")
    added = {"dgm": ("dgm", "dgm_site", "dgm_width"), "decoupled": ("decoupled",)}
    free = {name for switch, names in added.items() if not getattr(given.config, switch) for name in names}
    theirs, mine = as_dict(given.config), as_dict(network.config)
    if isinstance(network, ColorNetwork) and isinstance(given, ColorNetwork) and given.colors.kind == "learned":
        theirs, mine = {**theirs, "color_matrix": "learned"}, {**mine, "color_matrix": network.colors.kind}
    return differing + [
        f"{key}={theirs[key]}, not {mine[key]}" for key in theirs if theirs[key] != mine[key] and key not in free
    ]
