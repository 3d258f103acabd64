"""Printer, screen and camera: simulated, and real; this module only says where they are."""

from bench_core import hookimpl
from bench_core.hookspecs import Register


@hookimpl
def register_degradations(register: Register) -> None:
    """Register the simulated captures, their preset, and photos that were ingested."""


@hookimpl
def register_commands(register: Register) -> None:
    """Register `bench capture`."""
