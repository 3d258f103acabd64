"""Hyper-parameters: two frozen records of the values in `hyperparameters.toml`, changed by `--set key=value`."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any

from bench_core.errors import RequestError
from bench_core.integer_sets import parse_qualities
from bench_core.training.hyperparameters import Hyperparameters

GRID = 8
"""JPEG's blocks: training crops are multiples of it, so that no block is padded."""

TIGHT_THRESHOLD, TIGHT_FACTOR = 10.0, 10.0
"""Edges and halftones: τ in gray levels, and how many times λ3 weighs more (JRIG, Section 4.4: "1000 %")."""

LOOSE_THRESHOLD, LOOSE_VARIATION = 70.0, 0.1
"""While gray losses are loose: τ in gray levels, and the share of λ5. Those of the gray mse and of λ6 are 0."""


_FILES = {"jrig": "hyperparameters.toml", "iig": "iig.toml"}


@dataclass(frozen=True)
class NetworkConfig:
    """The shape of H and R: all that weights need to be loaded again."""

    h_channels: int
    h_blocks: int
    h_middle_blocks: int
    skips: bool
    bias: bool
    r_channels: int
    r_blocks: int
    r_wide: int
    r_last: int


@dataclass(frozen=True)
class TrainingConfig:
    """How the network is trained; each key is explained in `hyperparameters.toml`."""

    init: str
    steps: int
    clean_share: float
    adversarial_share: float
    train: str
    adv: bool
    batch: int
    crop: int
    view: str
    late_fraction: float
    late_batch: int
    late_crop: int
    schedule: str
    lr: float
    lr_end: float
    lr_later: float
    lr_later_end: float
    power: float
    warmup: int
    fresh: bool
    beta1: float
    beta2: float
    clip_norm: float
    d_channels: int
    d_layers: int
    d_lr: float
    d_lr_end: float
    d_beta1: float
    d_beta2: float
    gan: str
    weight_restored: float
    weight_structure: float
    weight_basic: float
    weight_contrast: float
    weight_variation: float
    weight_quantization: float
    weight_adv_gray: float
    weight_adv_color: float
    weight_gray: float
    threshold: float
    ssim: str
    ssim_size: int
    loose: float
    ramp: float
    finish: float
    finish_variation: float
    finish_quantization: float
    target: str
    sim: str
    k_low: int
    k_high: int
    qf: str
    real_grad: str
    clean_rows: str
    vgg: str
    vgg_file: str

    @property
    def qualities(self) -> tuple[int, ...]:
        """Every JPEG quality that training may draw."""
        return parse_qualities(self.qf)

    @property
    def mixes(self) -> bool:
        """Whether any step has rows that are not clean."""
        return self.train == "mix" or self.clean_share + self.adversarial_share < 1


@cache
def hyperparameters(method: str) -> Hyperparameters:
    """Those of `jrig` (presets `small` and `paper`) or of `iig` (`iig-small` and `iig`); the same keys."""
    return Hyperparameters.read(files("bench_jrig") / _FILES[method])


def load_preset(name: str, overrides: Iterable[str] = ()) -> tuple[NetworkConfig, TrainingConfig]:
    """A preset of either method with `key=value` texts applied; RequestError with one line per mistake."""
    method = "iig" if name in hyperparameters("iig").presets else "jrig"
    return configs(hyperparameters(method).resolve(name, overrides))


def configs(values: Mapping[str, Any]) -> tuple[NetworkConfig, TrainingConfig]:
    """The two records of resolved values; RequestError with one line per mistake where they do not fit together."""
    training = TrainingConfig(**{field.name: values[field.name] for field in fields(TrainingConfig)})
    _check(training)
    return network_config(values), training


def network_config(values: Mapping[str, Any]) -> NetworkConfig:
    """The network's part of a mapping; KeyError where one is missing."""
    return NetworkConfig(**{field.name: values[field.name] for field in fields(NetworkConfig)})


def as_dict(config: NetworkConfig | TrainingConfig) -> dict[str, Any]:
    """For JSON."""
    return asdict(config)


def _check(config: TrainingConfig) -> None:
    late = bool(round(config.steps * config.late_fraction))
    sizes = [("crop", config.crop)] + ([("late_crop", config.late_crop)] if late else [])
    batches = [("batch", config.batch)] + ([("late_batch", config.late_batch)] if late else [])
    problems = [f"{name} must be a multiple of {GRID}, e.g. 64; not {size}" for name, size in sizes if size % GRID]
    # Divided 1:2:1, or not at all.
    whole = {"both": 4, "mix": 4}.get(config.train, 1) if config.mixes else 1
    problems += [
        f"{name} must be a multiple of {whole}, because a mixed batch is 1 part real JPEG, 2 simulated and 1 clean; "
        f"not {count}; e.g. {name}=8"
        for name, count in batches
        if count % whole
    ]
    if config.clean_share + config.adversarial_share > 1:
        problems.append("clean_share + adversarial_share must be at most 1; the rest of the run is mixed")
    if config.loose + config.ramp > 1:
        problems.append("loose + ramp must be at most 1")
    if config.k_low > config.k_high:
        problems.append(f"k_low must not exceed k_high; not {config.k_low} and {config.k_high}")
    # A discriminator's last two convolutions take one pixel each.
    least = 3 * 2**config.d_layers
    if config.adv and min(size for _, size in sizes) < least:
        problems.append(f"d_layers={config.d_layers} needs crops of at least {least}; take larger ones, or adv=off")
    try:
        parse_qualities(config.qf)
    except RequestError as error:
        problems.extend(error.problems)
    if problems:
        raise RequestError(problems)
