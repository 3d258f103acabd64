"""The command that this package registers."""

from bench_core import hookimpl
from bench_core.hookspecs import Register


@hookimpl
def register_commands(register: Register) -> None:
    """Register `bench report`."""
    register("report", "bench_reports.cli:report", summary="Write runs as one Markdown table, with provenance.")
