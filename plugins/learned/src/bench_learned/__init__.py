"""Learned metrics and their weights; this module only says where they are."""

from bench_core import hookimpl
from bench_core.hookspecs import Register


@hookimpl
def register_metrics(register: Register) -> None:
    """Register the metrics that are networks."""


@hookimpl
def register_weights(register: Register) -> None:
    """Register their weights."""
