"""Hyper-parameters: two frozen records, read from `hyperparameters.toml` and changed by `--set key=value`."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from typing import Any

from bench_core.errors import RequestError
from bench_core.integer_sets import parse_integers, parse_qualities
from bench_core.params import Value
from bench_core.training.hyperparameters import Hyperparameters
from bench_riis.architecture import NetworkConfig, network_config

_ALL = Hyperparameters.read(files("bench_riis") / "hyperparameters.toml")


def _variant(changed: Mapping[str, Value], without: Collection[str]) -> Hyperparameters:
    """The hyper-parameters of one method: some with another value in all presets, some left out."""
    kept = [key for key in _ALL.params if key not in without]
    return Hyperparameters(
        _ALL.presets,
        {key: _ALL.params[key] for key in kept},
        {key: _ALL.origins[key] for key in kept},
        {preset: {key: {**values, **changed}[key] for key in kept} for preset, values in _ALL.values.items()},
    )


HYPERPARAMETERS = _variant({}, {"color_matrix"})
"""Every key of `--set`, with its value in each preset, its bounds and where it comes from."""

STAR = _variant(
    {
        "dgm": True,
        "p_clean": 0.25,
        "p_gauss": 0.25,
        "p_poisson": 0.25,
        "sigma_min": 1.0,
        "sigma_max": 10.0,
        "qf": "40..95",
    },
    {"color_matrix"},
)
"""Those of RIIS*: told the degradation, and trained on all kinds and levels alike (ranges chosen here)."""

COLOR = _variant({"qf": "80"}, {"dgm", "dgm_site", "dgm_width", "dgm_sender"})
"""Those of the one that hides color: gray JPEG at quality 80, as published."""


@dataclass(frozen=True)
class TrainingConfig:
    """How the network is trained; `qf` and `print_severity` are sets such as `60/80` or `30..95`, drawn uniformly."""

    steps: int
    batch: int
    crop: int
    late_fraction: float
    late_batch: int
    late_crop: int
    lr: float
    schedule: str
    warmup: int
    lr_end: float
    beta1: float
    beta2: float
    clip_norm: float
    weight_rev: float
    weight_con: float
    weight_cem: float
    weight_distr: float
    distr: str
    fft: str
    temperature: float
    p_clean: float
    p_gauss: float
    p_poisson: float
    sigma_min: float
    sigma_max: float
    poisson_peak: float
    qf: str
    jpeg_grad: str
    jpeg_terms: int
    p_print: float
    print_strength: float
    print_ramp: int
    print_real: float
    print_severity: str
    print_grad: str
    validation_temperature: float = -1.0
    decouple_at: float = 0.5
    weight_tie: float = 0.0
    dgm_sender: str = "told"

    @property
    def qualities(self) -> tuple[int, ...]:
        """Every JPEG quality that training may draw."""
        return parse_qualities(self.qf)

    @property
    def severities(self) -> tuple[int, ...]:
        """Every severity of the harness's `print-capture` that training may draw."""
        return parse_severities(self.print_severity)


def parse_severities(text: str) -> tuple[int, ...]:
    """`1/3` or `1..3` as severities from 1 to 5; RequestError otherwise."""
    return parse_integers(text, 5, "print_severity must be severities from 1 to 5", "print_severity=1..3")


def load_preset(
    name: str, overrides: Iterable[str] = (), hyperparameters: Hyperparameters = HYPERPARAMETERS
) -> tuple[NetworkConfig, TrainingConfig]:
    """A preset with `key=value` texts applied; RequestError with one line per mistake."""
    values: dict[str, Any] = hyperparameters.resolve(name, overrides)
    network = network_config(values)
    training = TrainingConfig(
        **{field.name: values[field.name] for field in fields(TrainingConfig) if field.name in values}
    )
    _check(network, training)
    return network, training


def _check(network: NetworkConfig, training: TrainingConfig) -> None:
    problems = [
        f"{name} must be a multiple of {network.multiple}, because squeeze={network.squeeze} divides it; not {value}"
        for name, value in (("crop", training.crop), ("late_crop", training.late_crop))
        if value % network.multiple
    ]
    if training.p_clean + training.p_gauss + training.p_poisson + training.p_print > 1 + 1e-9:
        problems.append("p_clean + p_gauss + p_poisson + p_print must be at most 1; the rest is JPEG")
    if training.sigma_min > training.sigma_max:
        problems.append("sigma_min must not exceed sigma_max")
    for parse, text in ((parse_qualities, training.qf), (parse_severities, training.print_severity)):
        try:
            parse(text)
        except RequestError as error:
            problems.extend(error.problems)
    if problems:
        raise RequestError(problems)
