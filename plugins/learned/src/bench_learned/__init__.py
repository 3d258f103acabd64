"""Learned metrics and their weights; this module only says where they are."""

from bench_core import hookimpl
from bench_core.hookspecs import Register


@hookimpl
def register_metrics(register: Register) -> None:
    """Register the metrics that are networks."""
    register("lpips", "bench_learned.perceptual:Lpips", summary="LPIPS v0.1 on AlexNet (Zhang et al. 2018)")
    register("lpips-vgg", "bench_learned.perceptual:LpipsVgg", summary="LPIPS v0.1 on VGG-16 (Zhang et al. 2018)")
    register(
        "st-lpips",
        "bench_learned.perceptual:StLpips",
        summary="shift-tolerant LPIPS on AlexNet (Ghildyal and Liu 2022), another metric than LPIPS",
    )
    register(
        "st-lpips-vgg",
        "bench_learned.perceptual:StLpipsVgg",
        summary="shift-tolerant LPIPS on VGG-16 (Ghildyal and Liu 2022), another metric than LPIPS",
    )
    for top in (1, 5):
        best = "the best answer" if top == 1 else f"one of the best {top} answers"
        for suffix, target, network in (("", "", "VGG-16"), ("-mobilenet", "Mobilenet", "MobileNetV2")):
            register(
                f"top{top}{suffix}",
                f"bench_learned.accuracy:Top{top}{target}",
                summary=f"whether the picture's ImageNet class is {best} of {network}, the original's beside it",
            )


@hookimpl
def register_weights(register: Register) -> None:
    """Register their weights."""
    for name, summary in (
        ("lpips-alex", "torchvision's AlexNet features and the heads of LPIPS v0.1"),
        ("lpips-vgg", "torchvision's VGG-16 features and the heads of LPIPS v0.1"),
        ("st-lpips-alex", "shift-tolerant AlexNet features and heads of ST-LPIPS"),
        ("st-lpips-vgg", "shift-tolerant VGG-16 features and heads of ST-LPIPS"),
        ("vgg16", "torchvision's VGG-16 classifier, IMAGENET1K_V1"),
        ("mobilenet-v2", "torchvision's MobileNetV2 classifier, IMAGENET1K_V1"),
    ):
        register(name, f"bench_learned.weights:{name.replace('-', '_').upper()}", summary=summary)
