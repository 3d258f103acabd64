"""Hyper-parameters: two frozen records, read from `presets.toml` and changed by `--set key=value`."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any

from bench_core.errors import RequestError
from bench_core.params import Param
from bench_riis.architecture import CONDITIONS, SITES, SOURCES, SQUEEZES, NetworkConfig, network_config

SCHEDULES = ("cosine", "halve")
DISTRIBUTIONS = ("nll", "ce", "off")
SENDERS = ("told", "untold")
FFT_LOSSES = ("l2", "l1", "off")
PRINT_GRADIENTS = ("identity", "none")
JPEG_GRADIENTS = ("ste_real", "fourier", "cubic", "ste", "noise")


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


def parse_qualities(text: str) -> tuple[int, ...]:
    """`60/70/80`, `30..95` or `30..95:5`, mixed at will, as integers from 1 to 100; RequestError otherwise."""
    return _integers(text, 100, "qf must be JPEG qualities from 1 to 100", "qf=60/80/90 or qf=30..95")


def parse_severities(text: str) -> tuple[int, ...]:
    """`1/3` or `1..3` as severities from 1 to 5; RequestError otherwise."""
    return _integers(text, 5, "print_severity must be severities from 1 to 5", "print_severity=1..3")


def _integers(text: str, most: int, rule: str, example: str) -> tuple[int, ...]:
    values: list[int] = []
    try:
        for part in text.split("/"):
            span, _, stride = part.partition(":")
            low, dots, high = span.partition("..")
            reach = range(int(low), int(high if dots else low) + 1, int(stride or 1))
            if len(reach) > most:  # known to be wrong before it is written out
                raise ValueError(part)
            values += reach
    except ValueError:
        values = []
    if not values or min(values) < 1 or max(values) > most:
        raise RequestError(f"{rule}, not '{text}'; e.g. {example}")
    return tuple(values)


_CHOICES: Mapping[str, tuple[str, ...]] = {
    "activation": ("relu", "leaky"),
    "condition": CONDITIONS,
    "squeeze": tuple(SQUEEZES),
    "hf_source": SOURCES,
    "dgm_site": SITES,
    "dgm_sender": SENDERS,
    "schedule": SCHEDULES,
    "distr": DISTRIBUTIONS,
    "fft": FFT_LOSSES,
    "jpeg_grad": JPEG_GRADIENTS,
    "print_grad": PRINT_GRADIENTS,
}
_AT_LEAST_ONE = {
    "steps",
    "batch",
    "late_batch",
    "flow_steps",
    "canp_steps",
    "flow_growth",
    "canp_growth",
    "condition_channels",
    "cem_channels",
    "source_blocks",
    "dgm_width",
    "host_channels",
    "secret_channels",
    "jpeg_terms",
}
_AT_LEAST_TWO = {"flow_convs", "canp_convs", "cem_depth"}
_SHARES = {
    "late_fraction",
    "p_clean",
    "p_gauss",
    "p_poisson",
    "p_print",
    "print_strength",
    "print_real",
    "decouple_at",
}
_HIGHEST = {**dict.fromkeys(_SHARES, 1), "beta1": 0.99999, "beta2": 0.99999, "sigma_min": 255, "sigma_max": 255}


def _param(name: str, kind: type) -> Param:
    if kind is str:
        return Param(name, str, choices=_CHOICES.get(name, ()))
    if kind is bool:
        return Param(name, bool)
    low = (
        -1
        if name == "validation_temperature"
        else 1
        if name in _AT_LEAST_ONE
        else 2
        if name in _AT_LEAST_TWO
        else 16
        if name.endswith("crop")
        else 0
    )
    return Param(name, kind, low=low, high=_HIGHEST.get(name))


PARAMS = {
    field.name: _param(
        field.name, {"int": int, "float": float, "str": str, "bool": bool}[getattr(field.type, "__name__", "str")]
    )
    for record in (NetworkConfig, TrainingConfig)
    for field in fields(record)
}
"""Every key of `--set`, with its type and bounds."""


@cache
def _presets() -> dict[str, dict[str, dict[str, Any]]]:
    return tomllib.loads((files("bench_riis") / "presets.toml").read_text("utf-8"))


def preset_names() -> tuple[str, ...]:
    """The presets there are."""
    return tuple(_presets())


def load_preset(name: str, overrides: Iterable[str] = ()) -> tuple[NetworkConfig, TrainingConfig]:
    """A preset with `key=value` texts applied; RequestError with one line per mistake."""
    if name not in _presets():
        raise RequestError(f"unknown preset '{name}'; known: {', '.join(preset_names())}")
    values = {**_presets()[name]["network"], **_presets()[name]["training"]}
    problems: list[str] = []
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals:
            problems.append(f"--set takes key=value, not '{text}'; e.g. --set steps=1000")
        elif key not in PARAMS:
            problems.append(f"unknown hyper-parameter '{key}'; known: {', '.join(sorted(PARAMS))}")
        else:
            try:
                values[key] = PARAMS[key].parse(value)
            except RequestError as error:
                problems.extend(error.problems)
    if problems:
        raise RequestError(problems)
    network, training = (
        network_config(values),
        TrainingConfig(**{f.name: values[f.name] for f in fields(TrainingConfig) if f.name in values}),
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
