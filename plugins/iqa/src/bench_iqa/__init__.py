"""pyiqa's metrics, as `iqa:NAME`."""

from bench_core import hookimpl
from bench_core.hookspecs import Register


@hookimpl
def register_metrics(register: Register) -> None:
    """Register the family of pyiqa's metrics."""
    register(
        "iqa:",
        "bench_iqa.metric:create",
        summary="any per-picture metric of pyiqa by its name, e.g. iqa:lpips, iqa:niqe",
    )
