"""Batches whose pictures go different ways."""

import numpy as np
import pytest
import torch

from bench_core.surrogates.mixing import by_ratio, by_shares, route

JRIG = {"real": 2, "mask": 4, "clean": 2}


def test_a_ratio_makes_blocks_of_any_multiple():
    assert by_ratio(8, JRIG) == ["real"] * 2 + ["mask"] * 4 + ["clean"] * 2
    assert by_ratio(4, JRIG) == ["real", "mask", "mask", "clean"]
    assert by_ratio(3, {"a": 1, "b": 0}) == ["a"] * 3
    with pytest.raises(ValueError, match="a batch of 6 cannot be divided 2:4:2"):
        by_ratio(6, JRIG)


def test_shares_are_drawn():
    shares = {"clean": 0.1, "none": 0.0, "jpeg": 0.9}
    drawn = by_shares(5000, shares, np.random.default_rng(0))
    assert drawn.count("clean") / 5000 == pytest.approx(0.1, abs=0.015)
    assert "none" not in drawn
    assert by_shares(9, shares, np.random.default_rng(1)) == by_shares(9, shares, np.random.default_rng(1))
    for wrong in ({"a": 0.5}, {"a": 1.5, "b": -0.5}, {}):
        with pytest.raises(ValueError, match="sum 1"):
            by_shares(1, wrong, np.random.default_rng(0))


def test_every_picture_takes_its_route_and_comes_back_to_its_place():
    images = torch.rand(6, 3, 8, 8, requires_grad=True)
    seen = {}

    def double(part, places):
        seen["double"] = places
        return 2 * part

    def drop(part, places):
        seen["drop"] = places
        return part.detach() + torch.tensor(places).reshape(-1, 1, 1, 1)

    kinds = ["double", "clean", "drop", "double", "drop", "clean"]
    out = route(images, kinds, {"double": double, "drop": drop})
    assert seen == {"double": [0, 3], "drop": [2, 4]}
    expected = torch.tensor([2.0, 1, 1, 2, 1, 1]).reshape(-1, 1, 1, 1) * images.detach()
    expected += torch.tensor([0.0, 0, 2, 0, 4, 0]).reshape(-1, 1, 1, 1)
    assert torch.allclose(out, expected)
    (gradient,) = torch.autograd.grad(out.sum(), images)
    assert gradient[:, 0, 0, 0].tolist() == [2, 1, 0, 2, 0, 1]


def test_batches_of_one_kind():
    images = torch.rand(2, 1, 8, 8)
    assert route(images, ["clean"] * 2, {}) is images
    assert torch.equal(route(images, ["half"] * 2, {"half": lambda part, places: part / 2}), images / 2)
    assert route(images[:0], [], {}).shape == (0, 1, 8, 8)
