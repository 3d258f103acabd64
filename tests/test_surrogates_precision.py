"""Half precision, and the documents' examples."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from bench_core.degradation import Degradation, Received
from bench_core.surrogates.codec import through_channel
from bench_core.surrogates.dct_mask import dct_mask, hidden_mask
from bench_core.surrogates.jpeg import simulate_jpeg
from bench_core.surrogates.noise import gaussian, poisson
from bench_core.surrogates.printing import print_layer


class Same(Degradation):
    name = "same"

    def apply(self, image, rng):
        return Received(image.copy())


def rngs():
    return [np.random.default_rng(index) for index in range(2)]


LAYERS = {
    "jpeg": lambda x: simulate_jpeg(x, 60, exact=True),
    "mask": lambda x: dct_mask(x, 40),
    "hidden": hidden_mask,
    "gaussian": lambda x: gaussian(x, 5.0, rngs()),
    "poisson": lambda x: poisson(x, 255.0, rngs()),
    "print": lambda x: print_layer(x, rngs()),
    "channel": lambda x: through_channel(x, Same(), 0),
}


@pytest.mark.parametrize("name", LAYERS)
def test_mixed_precision_changes_no_pixel(name):
    layer, images = LAYERS[name], torch.rand(2, 3, 16, 24)
    plain = layer(images)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(layer(images), plain)
    assert plain.dtype == torch.float32
    half = layer(images.bfloat16())
    assert half.dtype == torch.float32
    assert torch.equal(half, layer(images.bfloat16().float()))
    assert layer(images.double()).dtype == torch.float64


PAGE = (Path(__file__).parents[1] / "docs" / "training-channels.md").read_text()
EXAMPLES = dict(re.findall(r"<!-- tested: (\w+) -->\n```python\n(.*?)```", PAGE, re.DOTALL))


@pytest.mark.parametrize("name", ["real", "mixed", "print"])
def test_the_examples_in_the_docs_run_and_teach(name):
    pytest.importorskip("bench_degradations")
    variables = {}
    exec(EXAMPLES[name], variables)
    sent = variables.get("containers", variables.get("grays"))
    out = variables.get("photographed", variables.get("received"))
    assert out.shape == sent.shape
    if sent.grad is None:
        out.sum().backward()
    taught = [bool(part.abs().max() > 0) for part in sent.grad]
    assert taught == ([False] * 2 + [True] * 6 if name == "mixed" else [True] * len(sent))
