"""The weights of FID's network, the one file that bench fetches itself for pyiqa."""

from bench_core.weights import Url, WeightsFile

INCEPTION_FID = WeightsFile(
    name="inception-fid",
    file="pt_inception-2015-12-05-6726825d.pth",
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    size=95_628_359,
    license="Apache-2.0 (TensorFlow, pytorch-fid)",
    sources=(
        Url(
            "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth"
        ),
        Url("https://huggingface.co/chaofengc/IQA-PyTorch-Weights/resolve/main/pt_inception-2015-12-05-6726825d.pth"),
    ),
    needed_by=("iqa:fid", "iqa:kid"),
    hub="pyiqa",
)
