"""Hyper-parameters: two frozen records of the values in `hyperparameters.toml`, changed by `--set key=value`."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from importlib.resources import files
from typing import Any

from bench_core.errors import RequestError
from bench_core.training.hyperparameters import Hyperparameters

SIDE = 32
"""Of CIFAR-10's pictures, which the dense layers tie the network to."""

HYPERPARAMETERS = Hyperparameters.read(files("bench_autoencoder") / "hyperparameters.toml")


@dataclass(frozen=True)
class NetworkConfig:
    """The shape of the network: all that weights need to be loaded again."""

    filters: int
    latent: int
    bottleneck: str
    batch_norm: bool
    dropout: float

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> "NetworkConfig":
        """The network's part of a mapping; KeyError where one is missing."""
        return cls(**{field.name: values[field.name] for field in fields(cls)})

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class TrainingConfig:
    """How the network is trained; each key is explained in `hyperparameters.toml`."""

    pictures: int
    epochs: int
    batch: int
    gray: str
    loss: str
    ridge: float
    lasso: float
    optimizer: str
    lr: float
    scheduler: bool
    lr_factor: float
    lr_patience: int
    lr_min: float
    lr_min_delta: float


def configs(values: Mapping[str, Any]) -> tuple[NetworkConfig, TrainingConfig]:
    """The two records of resolved values; RequestError where they do not fit together."""
    training = TrainingConfig(**{field.name: values[field.name] for field in fields(TrainingConfig)})
    if training.lr_min > training.lr:
        raise RequestError(f"lr_min must not exceed lr; not {training.lr_min:g} and {training.lr:g}")
    return NetworkConfig.read(values), training


def load_preset(name: str, overrides: Iterable[str] = ()) -> tuple[NetworkConfig, TrainingConfig]:
    """A preset with `key=value` texts applied; RequestError with one line per mistake."""
    return configs(HYPERPARAMETERS.resolve(name, overrides))
