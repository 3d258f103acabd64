"""Registers the leaderboard's command."""

from bench_core import hookimpl
from bench_core.hookspecs import Register


@hookimpl
def register_commands(register: Register) -> None:
    """Register `bench leaderboard`."""
    register("leaderboard", "bench_leaderboard.cli:leaderboard", summary="Build and open the HTML leaderboard.")
