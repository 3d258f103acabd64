"""First weights of the global encoder: of a classifier of gray pictures, or of VGG-16, whose input is collapsed.

A generator's convolutions have no bias. Batch norm takes that of pre-trained ones: (Wx + b) − m = Wx − (m − b), so it
is subtracted from the running mean m. Only the first convolution has no batch norm behind it, and keeps a constant.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from bench_core.errors import RequestError
from bench_core.nn.vgg import MEAN, REGISTERED, STD, VggFeatures, fetched, read_state, widths_to
from bench_scgan.config import NetworkConfig
from bench_scgan.networks import Generator, GlobalEncoder

FETCHED = "vgg16"
"""What `preweights` says instead of a file for the VGG-16 of `bench weights fetch`."""


def load_preweights(network: Generator, source: str) -> str:
    """Give the global encoder the weights of `source`, and return what they are: `scgan-encoder` or `vgg16`.

    RequestError where the file holds neither, or does not fit the network.
    """
    encoder, config = network.global_encoder, network.config
    if encoder is None:
        raise RequestError("preweights are the global encoder's, and global_encoder is off; give up one of the two")
    path = fetched("vgg16") if source == FETCHED else Path(source).expanduser()
    if path is None:
        raise RequestError(f"preweights=vgg16 needs its weights: bench weights fetch {REGISTERED['vgg16'][0]}")
    try:
        state = read_state(path)
        vgg = VggFeatures("vgg16", "relu5_3", state) if "features.0.weight" in state else None
    except ValueError as error:
        raise RequestError(f"{path}: {error}; {_EXAMPLE}") from None
    if vgg is not None:
        if config.global_ch != 64:
            raise RequestError(f"VGG-16 has 64 channels and global_ch is {config.global_ch}; {_EXAMPLE}")
        _assign(encoder, collapsed(vgg.state_dict(), config))
        return "vgg16"
    from bench_scgan.encoder_file import load_encoder

    loaded = load_encoder(path)
    made = {key: loaded.record["encoder"][key] for key in ("global_ch", "range")}
    wanted = {"global_ch": config.global_ch, "range": config.range}
    if made != wanted:
        raise RequestError(f"{path} is of {_listed(made)}, and the network of {_listed(wanted)}; {_EXAMPLE}")
    _assign(encoder, folded(loaded.network))
    return "scgan-encoder"


_EXAMPLE = "give a file of bench train scgan-encoder with the same --preset, e.g. --set preweights=best.safetensors"


def _listed(values: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={value}" for key, value in values.items())


def folded(trained: GlobalEncoder) -> dict[str, Tensor]:
    """The state of an encoder without biases that, in evaluation, gives what one with biases does."""
    state = dict(trained.state_dict())
    state["first_bias"] = state["first_bias"] + state.pop("blocks.0.0.bias")
    for place in range(1, len(trained.blocks)):
        state[f"blocks.{place}.1.running_mean"] = state[f"blocks.{place}.1.running_mean"] - state.pop(
            f"blocks.{place}.0.bias"
        )
    return state


def collapsed(state: Mapping[str, Tensor], config: NetworkConfig) -> dict[str, Tensor]:
    """The 13 convolutions of an RGB VGG-16, float32, as an encoder's; its 14th, which VGG-16 has not, is left out.

    The first one's channels are summed, which is exact for R = G = B, and takes over what is subtracted from a picture
    and what it is divided by. Batch norm begins as the identity, with VGG-16's biases in its running mean.
    """
    scale, shift = (0.5, 0.5) if config.range == "signed" else (1.0, 0.0)
    first = state["features.0.weight"]
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    found = {
        "blocks.0.0.weight": (first / std * scale).sum(dim=1, keepdim=True),
        "first_bias": state["features.0.bias"] + (first * (shift - mean) / std).sum(dim=(1, 2, 3)),
    }
    convolutions, place = [], 0
    for width in widths_to("vgg16", "relu5_3"):
        convolutions += [place] * (width > 0)
        place += 2 if width else 1  # a convolution has a ReLU behind it
    for block, place in enumerate(convolutions[1:], start=1):
        weight, bias = state[f"features.{place}.weight"], state[f"features.{place}.bias"]
        found |= {
            f"blocks.{block}.0.weight": weight,
            f"blocks.{block}.1.weight": torch.ones_like(bias),
            f"blocks.{block}.1.bias": torch.zeros_like(bias),
            f"blocks.{block}.1.running_mean": -bias,
            f"blocks.{block}.1.running_var": torch.ones_like(bias),
        }
    return found


@torch.no_grad()
def _assign(encoder: nn.Module, values: Mapping[str, Tensor]) -> None:
    """Copy into the tensors of those names; a convolution under spectral norm has its weight under another one."""
    own = encoder.state_dict()
    for name, value in values.items():
        under = name.removesuffix("weight") + "parametrizations.weight.original"
        own[name if name in own else under].copy_(value)
