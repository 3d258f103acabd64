"""Hyper-parameters: two frozen records of the values in `hyperparameters.toml`, changed by `--set key=value`."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any

from bench_core.errors import RequestError
from bench_core.training.hyperparameters import Hyperparameters

FUSION = 5
"""After how many halvings the U-Net meets the global encoder, which halves as often."""

FED = 3
"""How many of the last but one steps up feed the saliency branch."""

SCGAN, PIX2PIX = "scgan", "pix2pix"
"""The networks that the saliency branch can be joined to."""

_LEAST_SEEN = 4
"""The smallest side that a convolution of 7×7 pixels can pad by reflection."""

LEAST_JUDGED = 32
"""The smallest side that a discriminator can judge."""


@dataclass(frozen=True)
class NetworkConfig:
    """The shape of the generator, and what it sees: all that weights need to be used again."""

    backbone: str
    size: int
    depth: int
    ch: int
    cap: int
    lat: int
    global_ch: int
    global_encoder: bool
    attention: bool
    sn_g: bool
    range: str
    antialias: bool

    @property
    def multiple(self) -> int:
        """What heights and widths of the generator's pictures must be multiples of: 2^depth, or 4 if that is less."""
        return max(_LEAST_SEEN, int(2**self.depth))


@dataclass(frozen=True)
class TrainingConfig:
    """How the network is trained; each key is explained in `hyperparameters.toml`."""

    init: str
    preweights: str
    unit: str
    stage1: int
    stage2: int
    lr1: float
    lr2: float
    halve_every: int
    beta1: float
    beta2: float
    clip_norm: float
    batch: int
    view: str
    crop_low: float
    noise_std: float
    l2: bool
    weight_attention: float
    weight_gan: float
    weight_percep: float
    lambda_sal: float
    gan: str
    weight_gp: float
    n_discriminators: int
    d_layout: str
    d_ch: int
    conditional_d: bool
    norm_d: str
    sn_d: bool
    percep_layer: str
    percep_norm: bool
    vgg_file: str

    @property
    def adversarial(self) -> bool:
        """Whether stage 2 has discriminators."""
        return self.gan != "none" and self.stage2 > 0

    @property
    def perceptual(self) -> bool:
        """Whether stage 2 has the perceptual loss."""
        return self.weight_percep > 0 and self.stage2 > 0


@cache
def hyperparameters() -> Hyperparameters:
    """Those of `scgan`: presets `small`, `small128` and `paper`."""
    return Hyperparameters.read(files("bench_scgan") / "hyperparameters.toml")


def load_preset(name: str, overrides: Iterable[str] = ()) -> tuple[NetworkConfig, TrainingConfig]:
    """A preset with `key=value` texts applied; RequestError with one line per mistake."""
    return configs(hyperparameters().resolve(name, overrides))


def configs(values: Mapping[str, Any]) -> tuple[NetworkConfig, TrainingConfig]:
    """The two records of resolved values; RequestError with one line per mistake where they do not fit together."""
    network = network_config(values)
    training = TrainingConfig(**{field.name: values[field.name] for field in fields(TrainingConfig)})
    _check(network, training)
    return network, training


def network_config(values: Mapping[str, Any]) -> NetworkConfig:
    """The network's part of a mapping; KeyError where one is missing."""
    return NetworkConfig(**{field.name: values[field.name] for field in fields(NetworkConfig)})


def as_dict(config: NetworkConfig) -> dict[str, Any]:
    """For JSON."""
    return asdict(config)


def _check(network: NetworkConfig, training: TrainingConfig) -> None:
    problems = []
    if network.size % network.multiple:
        near = max(network.multiple, network.size - network.size % network.multiple)
        problems.append(
            f"with depth={network.depth} size must be a multiple of {network.multiple}, e.g. size={near}; "
            f"not {network.size}"
        )
    if network.global_encoder and network.backbone != SCGAN:
        problems.append(f"backbone={network.backbone} has no place for global features; add global_encoder=off")
    elif network.global_encoder and network.depth <= FUSION:
        problems.append(f"depth must be at least {FUSION + 1} with the global encoder; or global_encoder=off")
    if network.attention and network.depth <= FED:
        problems.append(f"depth must be at least {FED + 1} with the saliency branch; or attention=off")
    if training.adversarial and network.size < LEAST_JUDGED:
        problems.append(f"discriminators need a size of at least {LEAST_JUDGED}; not {network.size}; or gan=none")
    if not training.stage1 + training.stage2:
        problems.append("stage1 and stage2 are both 0: nothing to train; e.g. stage1=100")
    if problems:
        raise RequestError(problems)
