"""The shape of a network: all that weights need, with the number of secrets, to be loaded again."""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

SQUEEZES = {"none": 0, "haar": 1, "haar2": 2, "haar3": 3}
"""How often the squeeze applies the Haar transform. RIIS has `haar`; more is beyond it: blocks of 4×4 and 8×8."""

CONDITIONS = ("residual", "rrdb")
SOURCES = ("canp", "gauss", "copy", "resblock")
"""Where the receiver's latent comes from (RIIS, Table 2)."""
SITES = ("factors", "features")


@dataclass(frozen=True)
class NetworkConfig:
    """What the layers are. Keys with a default came later: weights that do not name them were made without."""

    flow_steps: int
    flow_growth: int
    flow_convs: int
    canp_steps: int
    canp_growth: int
    canp_convs: int
    activation: str
    clamp: float
    condition: str
    condition_channels: int
    condition_blocks: int
    condition_growth: int
    cem_depth: int
    cem_channels: int
    squeeze: str = "haar"
    canp: bool = True
    cem: bool = True
    hf_source: str = "canp"
    source_blocks: int = 8
    dgm: bool = False
    dgm_site: str = "factors"
    dgm_width: int = 32
    decoupled: bool = False

    @property
    def levels(self) -> int:
        """How often the Haar transform is applied; sides must be multiples of 2^levels."""
        return SQUEEZES[self.squeeze]

    @property
    def multiple(self) -> int:
        """What the sides of pictures must be multiples of."""
        return int(2**self.levels)

    @property
    def source(self) -> str:
        """Where the receiver's latent comes from: `hf_source`, but a network without CANP draws it (`gauss`)."""
        return "gauss" if self.hf_source == "canp" and not self.canp else self.hf_source

    @property
    def draws(self) -> bool:
        """Whether the receiver's latent is drawn, so that L_distr and a temperature mean something."""
        return self.source in ("canp", "gauss")


def network_config(values: Mapping[str, Any]) -> NetworkConfig:
    """The network's part of a mapping; KeyError where a key without a default is missing."""
    known = {field.name: values[field.name] for field in fields(NetworkConfig) if field.name in values}
    if missing := [f.name for f in fields(NetworkConfig) if f.default is MISSING and f.name not in known]:
        raise KeyError(missing[0])
    return NetworkConfig(**known)


def as_dict(config: Any) -> dict[str, Any]:
    """A record, for JSON."""
    return asdict(config)
