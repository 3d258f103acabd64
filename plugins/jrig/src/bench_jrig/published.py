"""Where the weights of VGG-19 are published. Imports no torch, so that `bench weights list` need not."""

from bench_core.weights import Url, WeightsFile

VGG19 = WeightsFile(
    name="vgg19",
    file="vgg19-dcbb9e9d.pth",
    sha256="dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
    size=574_673_361,
    license="BSD-3-Clause (torchvision)",
    sources=(Url("https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"),),
    needed_by=("jrig", "iig"),
    hub="checkpoints",
)
