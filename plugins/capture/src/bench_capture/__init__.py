"""Printer, screen and camera: simulated, and real; this module only says where they are."""

from bench_core import hookimpl
from bench_core.hookspecs import Register


@hookimpl
def register_degradations(register: Register) -> None:
    """Register the simulated captures, their preset, and photos that were ingested."""
    register(
        "print-capture",
        "bench_capture.simulated:PrintCapture",
        summary="printed and photographed, simulated, severity 1 to 5: print-capture:3, print-capture:3,reg=fiducial",
    )
    register(
        "screen-capture",
        "bench_capture.simulated:ScreenCapture",
        summary="shown on a screen and photographed, simulated: screen-capture:3, screen-capture:3,moire=pimog",
    )
    register(
        "capture:",
        "bench_capture.received:CapturedFolder",
        summary="really printed and photographed: a folder of bench capture ingest, for bench run --captured",
    )
    register("@print", ("print-capture:1..5", "screen-capture:1..5"), summary="printer and screen, every severity")


@hookimpl
def register_commands(register: Register) -> None:
    """Register `bench capture`."""
    register("capture", "bench_capture.cli:capture", summary="Print or show carriers, and read photos of them.")
