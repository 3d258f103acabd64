"""Hyper-parameters: frozen records of the values in `color.toml` and `segmentation.toml`."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any, Literal, TypeVar

from bench_core.errors import RequestError
from bench_core.training.hyperparameters import Hyperparameters

Record = TypeVar("Record")


@dataclass(frozen=True)
class ColorConfig:
    """The shape of the color network, and the side of the pictures it was trained on."""

    width: int
    levels: int
    use_in: str
    share_encoder: bool
    leaky: float
    out_act: str
    sem_encoding: str
    gray_source: str
    padding: str
    crop: int
    n_classes: int

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of every level: doubled up to sixteen times the first, as the published code does."""
        return tuple(self.width * min(2**level, 16) for level in range(self.levels))

    @property
    def multiple(self) -> int:
        """What sides must be multiples of: 32 for six levels."""
        return int(2 ** (self.levels - 1))

    @property
    def torch_padding(self) -> Literal["zeros", "replicate"]:
        """The padding in torch's word for it."""
        return "replicate" if self.padding == "replicate" else "zeros"


@dataclass(frozen=True)
class SegmentationConfig:
    """The shape of GridNet, and the side of the pictures it was trained on."""

    seg_width: int
    rows: int
    columns: int
    drop: float
    crop: int
    n_classes: int

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of every row."""
        return tuple(self.seg_width * 2**row for row in range(self.rows))

    @property
    def multiple(self) -> int:
        """What sides must be multiples of: 16 for five rows."""
        return int(2 ** (self.rows - 1))


@dataclass(frozen=True)
class TrainingConfig:
    """What both trainings have in common; each key is explained in the TOML files."""

    labels: str
    steps: int
    batch: int
    resize: int
    crop: int
    flip_horizontal: bool
    flip_vertical: bool
    tone: float
    lr: float
    lr_end: float
    warmup: int
    beta1: float
    beta2: float
    clip_norm: float


@dataclass(frozen=True)
class ColorTraining(TrainingConfig):
    """How the color network is trained."""

    init: str
    delta: float


@dataclass(frozen=True)
class SegmentationTraining(TrainingConfig):
    """How GridNet is trained."""

    ignore_background: bool


@cache
def hyperparameters(network: str) -> Hyperparameters:
    """Those of the `color` network or of `segmentation`: presets `small` and `paper`."""
    return Hyperparameters.read(files("bench_semantic") / f"{network}.toml")


def color_configs(values: Mapping[str, Any], n_classes: int) -> tuple[ColorConfig, ColorTraining]:
    """The records of resolved values; RequestError with one line per mistake where they do not fit together."""
    shape, training = record(ColorConfig, {**values, "n_classes": n_classes}), record(ColorTraining, values)
    _check(training, shape.multiple)
    return shape, training


def segmentation_configs(values: Mapping[str, Any], n_classes: int) -> tuple[SegmentationConfig, SegmentationTraining]:
    """The records of resolved values; RequestError with one line per mistake where they do not fit together."""
    shape = record(SegmentationConfig, {**values, "n_classes": n_classes})
    training = record(SegmentationTraining, values)
    _check(training, shape.multiple)
    if shape.columns % 2:
        raise RequestError(f"columns must be even, e.g. 6: as many go down as come up; not {shape.columns}")
    if training.batch == 1 and training.crop == shape.multiple:
        raise RequestError(
            f"batch=1 and crop={training.crop} leave one pixel on the last of {shape.rows} rows, which has no variance "
            f"to normalize by; take batch=2, or crop={2 * training.crop}"
        )
    return shape, training


def record(kind: type[Record], values: Mapping[str, Any]) -> Record:
    """A record of a mapping that may hold more; KeyError where a value is missing."""
    return kind(**{field.name: values[field.name] for field in fields(kind)})  # type: ignore[arg-type]


def as_dict(config: ColorConfig | SegmentationConfig) -> dict[str, Any]:
    """For JSON."""
    return asdict(config)


def load_color(preset: str, n_classes: int, overrides: Iterable[str] = ()) -> tuple[ColorConfig, ColorTraining]:
    """The color network's records of a preset with `key=value` texts applied; RequestError."""
    return color_configs(hyperparameters("color").resolve(preset, overrides), n_classes)


def load_segmentation(
    preset: str, n_classes: int, overrides: Iterable[str] = ()
) -> tuple[SegmentationConfig, SegmentationTraining]:
    """GridNet's records of a preset with `key=value` texts applied; RequestError."""
    return segmentation_configs(hyperparameters("segmentation").resolve(preset, overrides), n_classes)


def _check(config: TrainingConfig, multiple: int) -> None:
    problems = []
    if config.crop % multiple:
        problems.append(f"crop must be a multiple of {multiple}, e.g. {8 * multiple}; not {config.crop}")
    if config.resize < config.crop:
        problems.append(f"resize must be at least crop, e.g. {config.crop + 8}; not {config.resize} for {config.crop}")
    if problems:
        raise RequestError(problems)
