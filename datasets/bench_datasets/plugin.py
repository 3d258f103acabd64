"""Registers the built-in data sets, and `bench datasets`."""

from bench_core import hookimpl
from bench_core.hookspecs import Register


@hookimpl
def register_datasets(register: Register) -> None:
    """The photos that come along, any folder, CIFAR-10, and QR codes."""
    register(
        "sample",
        "bench_datasets.sample:Sample",
        summary="16 crops of 256×256 from six free photos that pip packages carry",
    )
    register(
        "folder:",
        "bench_datasets.folder:Folder",
        summary="the pictures under a folder, e.g. folder:photos; with maps: folder:PATH,saliency=DIR,semantic=DIR",
    )
    register(
        "cifar10:",
        "bench_datasets.cifar10:Cifar10",
        summary="CIFAR-10 from its python batches, e.g. cifar10:DIR, or cifar10:DIR,split=train",
    )
    register("qr", "bench_datasets.qr:Qr", summary="QR codes with random payloads, for --secrets qr")
    register("qr:", "bench_datasets.qr:Qr", summary="QR codes of another kind, e.g. qr:chars=40,level=H")


@hookimpl
def register_commands(register: Register) -> None:
    """Register `bench datasets`."""
    register("datasets", "bench_datasets.commands:datasets", summary="Get data sets that are published as files.")
