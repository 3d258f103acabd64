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
from bench_core.surrogates.rounding import additive_noise, round8


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
    "round8": round8,
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


@pytest.mark.parametrize("name", LAYERS)
def test_a_batch_may_be_empty(name):
    layer = LAYERS[name]
    none = torch.rand(0, 3, 16, 24, dtype=torch.bfloat16)
    assert layer(none).shape == none.shape
    assert layer(none).dtype == torch.float32


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    ("layer", "what"),
    [
        (lambda x, given: simulate_jpeg(x, [50] * given), "qualities"),
        (lambda x, given: dct_mask(x, [40] * given), "numbers of coefficients"),
        (lambda x, given: gaussian(x, 5.0, [np.random.default_rng(0)] * given), "generators"),
        (lambda x, given: gaussian(x, [5.0] * given, rngs()), "levels"),
        (lambda x, given: poisson(x, 255.0, [np.random.default_rng(0)] * given), "generators"),
        (lambda x, given: poisson(x, 255.0, [np.random.default_rng(0)] * given, counted=True), "generators"),
        (lambda x, given: print_layer(x, [np.random.default_rng(0)] * given), "generators"),
        (lambda x, given: additive_noise(x, [np.random.default_rng(0)] * given), "generators"),
    ],
)
def test_what_is_given_for_each_picture_is_not_spread_over_others(layer, what, count):
    """Of one generator for two pictures torch would make the same noise on both."""
    with pytest.raises(ValueError, match=f"2 pictures need as many {what}, not {count}"):
        layer(torch.rand(2, 3, 16, 16), count)


def test_numpys_numbers_are_as_good():
    images = torch.rand(2, 1, 8, 8)
    assert torch.equal(dct_mask(images, np.int64(30)), dct_mask(images, np.array([30, 30])))
    assert torch.equal(simulate_jpeg(images, np.int64(30)), simulate_jpeg(images, [30, 30]))


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
