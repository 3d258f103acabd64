"""The weights files of RIIS and its relatives, and starting from one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench_core.errors import RequestError
from bench_core.nn.invertible import ActNorm
from bench_core.training.network_file import Loaded, NetworkFile
from bench_riis.architecture import NetworkConfig, as_dict, network_config
from bench_riis.color import ColorNetwork
from bench_riis.model import RiisNetwork

SHIPPED = Path(__file__).parent / "weights" / "riis.safetensors"
SHIPPED_PRINT = SHIPPED.with_name("riis-print.safetensors")
SHIPPED_STAR = SHIPPED.with_name("riis-star.safetensors")
SHIPPED_COLOR = SHIPPED.with_name("riis-color.safetensors")


def kind_of(network: RiisNetwork) -> str:
    """The method that a network is of: `riis`, `riis-star` or `riis-color`."""
    if isinstance(network, ColorNetwork):
        return "riis-color"
    return "riis-star" if network.config.dgm else "riis"


def _build(record: Mapping[str, Any]) -> RiisNetwork:
    config: NetworkConfig = network_config(record["network"])
    matrix = record.get("color_matrix")
    return ColorNetwork(config, matrix) if matrix else RiisNetwork(config, int(record["n_secrets"]))


# The inverse multiplies by W⁻¹ and exp(−l): rounding those would not save speed or space, only cost exactness.
_FILE = NetworkFile("riis", "RIIS", _build, ["bench train riis"], exact=(".mix.", ".norm."))


def save_weights(path: Path, network: RiisNetwork, training: Mapping[str, Any], half: bool = False) -> None:
    """Write a network and how it was trained. `half` stores float16 but for the 1×1 mixes and actnorms."""
    record: dict[str, Any] = {"network": as_dict(network.config), "n_secrets": network.n_secrets}
    if isinstance(network, ColorNetwork):
        record["color_matrix"] = network.colors.kind
    _FILE.save(path, network, record, training, half)


def load_weights(path: Path, device: str = "cpu") -> Loaded[RiisNetwork]:
    """Rebuild the network of a weights file; RequestError where the file is none of RIIS."""
    return _FILE.load(path, device)


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
