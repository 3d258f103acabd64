"""SDC, semantic-driven colorization (arXiv 2006.07587), as a bench plugin. This module only registers it."""

from bench_core import hookimpl
from bench_core.hookspecs import Register


@hookimpl
def register_models(register: Register) -> None:
    """`sdc`: colors from a gray picture and a predicted semantic map; `sdc-camvid`, which knows streets."""
    register(
        "sdc",
        "bench_semantic.method:Sdc",
        summary="semantic-driven colorization: colors by what a picture shows, as predicted, edited or told",
        train="bench_semantic.train_color:main",
        train_segmentation="bench_semantic.train_segmentation:main",
    )
    register(
        "sdc-camvid",
        "bench_semantic.method:SdcCamvid",
        summary="sdc with weights for streets, which know the classes of CamVid",
    )


@hookimpl
def register_datasets(register: Register) -> None:
    """The data set of the paper, where a user has it."""
    register(
        "pascal-context:",
        "bench_semantic.pascal_context:PascalContext",
        summary="PASCAL-Context with its 59 classes, e.g. pascal-context:VOC2010,split=val (the default), train or all",
    )


@hookimpl
def register_commands(register: Register) -> None:
    """What there is to do by hand."""
    register(
        "sdc",
        "bench_semantic.commands:sdc",
        summary="The map editor of semantic-driven colorization; its weights and label maps",
    )
