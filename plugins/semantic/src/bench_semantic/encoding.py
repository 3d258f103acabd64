"""How pictures, maps and colors are put before the networks: one function for each (specification of SDC, Section 1).

The two networks want their gray picture on different scales, which is easy to mix up: the color network centered in
[−1, 1], GridNet in [0, 1] (its first layer is a batch norm).
"""

import torch
from torch import Tensor, nn

from bench_core.nn.lab import lightness

_HALF = 127.5


def centered_gray(gray: Tensor, source: str) -> Tensor:
    """X of the color network, N×1×H×W in [−1, 1], of a gray picture v in [0, 1].

    `source` "L": 2·L8/255 − 1 = L*/50 − 1 of its CIE lightness, which is also the L that the result keeps; "luma":
    2v − 1, as the published code feeds it, which is another quantity than the L of Lab.
    """
    return lightness(gray) / 50 - 1 if source == "L" else 2 * gray - 1


def normalized_ab(ab: Tensor) -> Tensor:
    """a* and b* as the network gives them: 2·v8/255 − 1 of OpenCV's 8-bit v8 = v + 128, that is (v + 0.5)/127.5.

    Neutral is therefore 1/255 = 0.0039, not 0. Not rounded.
    """
    return (ab + 0.5) / _HALF


def real_ab(normalized: Tensor) -> Tensor:
    """The inverse, clipped to what 8 bits hold, −128..127: the published code lets extreme values wrap around."""
    return (normalized * _HALF - 0.5).clamp(-128, 127)


def label_codes(n_classes: int) -> Tensor:
    """The scalar code of every class, 2·label/(K − 1) − 1 in [−1, 1]; float32, K."""
    return 2 * torch.arange(n_classes, dtype=torch.float32) / (n_classes - 1) - 1


def decoded_labels(codes: Tensor, n_classes: int) -> Tensor:
    """The labels of scalar codes, rounded: cutting off instead, as the published tool does, shifts some of them."""
    return torch.round((codes + 1) / 2 * (n_classes - 1)).long()


class LabelEncoding(nn.Module):
    """S of the color network: one number for each class.

    `kind` is `scalar` (the paper: by the class's place, so that neighbors in the list look alike), `permuted` (the
    places dealt anew, but fixed: shows what that order is worth) or `embed1` (learned, and begun as `scalar`).
    """

    codes: Tensor

    def __init__(self, kind: str, n_classes: int, seed: int = 0) -> None:
        super().__init__()
        codes = label_codes(n_classes)
        if kind == "permuted":
            codes = codes[torch.randperm(n_classes, generator=torch.Generator().manual_seed(seed))]
        if kind == "embed1":
            self.codes = nn.Parameter(codes)
        else:  # made again whenever the network is, so it is no state
            self.register_buffer("codes", codes, persistent=False)

    def forward(self, labels: Tensor) -> Tensor:
        """Whole numbers 0..K−1, N×1×H×W, as codes in float32."""
        return self.codes[labels]
