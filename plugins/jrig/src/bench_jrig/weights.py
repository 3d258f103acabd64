"""The weights files of JRIG and of its baseline."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from torch import nn

from bench_core.errors import RequestError
from bench_core.training.network_file import Loaded, NetworkFile
from bench_jrig.config import as_dict, network_config
from bench_jrig.networks import JrigNetwork, ResidualBlock

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


def start_from(path: Path, network: JrigNetwork) -> Mapping[str, Any]:
    """Put the weights of a file into a new network, and return how they were trained.

    R may have more residual blocks than the file's: the further ones begin as the identity, and learn from there.

    Raises:
        RequestError: for a file that holds no JRIG weights, or those of another network.
    """
    loaded = load_weights(path)
    theirs, mine = loaded.network.config, network.config
    if replace(theirs, r_blocks=mine.r_blocks) != mine or theirs.r_blocks > mine.r_blocks:
        differing = [f"{key}={value}, not {as_dict(mine)[key]}" for key, value in as_dict(theirs).items()
                     if value != as_dict(mine)[key]]  # fmt: skip
        raise RequestError(f"{path} holds another network: {'; '.join(differing)}; give its --set too")
    network.load_state_dict({**network.state_dict(), **loaded.network.state_dict()})
    blocks = network.restoring.head[1]
    for block in list(cast(nn.Sequential, blocks))[theirs.r_blocks :]:
        for parameter in cast(ResidualBlock, block).second.parameters():
            nn.init.zeros_(parameter)
    return loaded.training
