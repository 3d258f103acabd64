"""What trainings share besides the loop: PSNR as it is reported, the middle of a photo, weights laid out for speed."""

import numpy as np
import pytest
import torch

from bench_core.nn.layout import channels_last
from bench_core.photos import center_crop
from bench_core.training.figures import psnr8


def test_psnr_of_known_errors() -> None:
    gray = torch.full((1, 3, 64, 64), 100 / 255)
    assert psnr8(gray + 1 / 255, gray) == pytest.approx(48.1308, abs=1e-4)
    uniform = torch.rand(4, 3, 256, 256, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert psnr8(uniform, uniform) == pytest.approx(58.92, abs=0.03)
    assert psnr8(gray, gray) == pytest.approx(100)


def test_psnr_is_averaged_over_pictures_and_not_over_pixels() -> None:
    gray = torch.full((2, 3, 8, 8), 100 / 255)
    off = gray + torch.tensor([1 / 255, 10 / 255])[:, None, None, None]
    assert psnr8(off, gray) == pytest.approx(48.1308 - 10, abs=1e-3)


def test_the_middle_of_a_photo() -> None:
    photo = np.arange(7 * 4 * 3, dtype=np.uint8).reshape(7, 4, 3)
    assert np.array_equal(center_crop(photo, 3), photo[2:5, 0:3])
    assert np.array_equal(center_crop(photo, 4), photo[1:5])


def test_weights_lie_channels_last_and_stay_the_same_parameters() -> None:
    layer = torch.nn.Conv2d(3, 5, 3)
    weight, before, picture = layer.weight, layer.weight.detach().clone(), torch.rand(1, 3, 8, 8)
    found = layer(picture)
    assert channels_last(layer) is layer
    assert layer.weight is weight  # an optimizer that holds it goes on
    assert torch.equal(weight, before)
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(layer(picture), found, atol=1e-6)
