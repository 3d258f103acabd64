"""pyiqa's metrics, as `iqa:NAME`."""

from bench_core import hookimpl
from bench_core.hookspecs import Register


@hookimpl
def register_metrics(register: Register) -> None:
    """Register the family of pyiqa's metrics."""
    register(
        "iqa:",
        "bench_iqa.metric:create",
        summary="any per-picture metric of pyiqa by its name, e.g. iqa:lpips, iqa:niqe; of sets: iqa:fid, iqa:kid",
    )


@hookimpl
def register_weights(register: Register) -> None:
    """Register the weights of FID and KID; all others are pyiqa's own affair."""
    register(
        "inception-fid", "bench_iqa.weights:INCEPTION_FID", summary="the InceptionV3 of 2015 that FID is defined by"
    )
