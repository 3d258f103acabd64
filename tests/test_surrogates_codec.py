"""The straight-through channel: the harness's pixels forward, the stated gradient backward."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from bench_core.degradation import Channel, Degradation, Received
from bench_core.errors import CellFailure
from bench_core.params import Param
from bench_core.surrogates.codec import through_channel


class Codec(Degradation):
    """JPEG by Pillow."""

    name = "codec"
    params = (Param("q", int, 1, 100),)

    def apply(self, image, rng):
        file = io.BytesIO()
        Image.fromarray(image.squeeze()).save(file, "JPEG", quality=self.values["q"], subsampling=2)
        return Received(np.asarray(Image.open(file)).reshape(image.shape))


class Noise(Degradation):
    name = "noise"
    stochastic = True

    def apply(self, image, rng):
        noisy = image + 8 * rng.standard_normal(image.shape)
        return Received(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))


class Halve(Degradation):
    name = "halve"

    def apply(self, image, rng):
        return Received(np.ascontiguousarray(image[::2, ::2]))


class Refuse(Degradation):
    name = "refuse"

    def apply(self, image, rng):
        raise CellFailure("skipped_unsupported", "not this one")


def photos(channels=3, size=33, count=3):
    pictures = [data.astronaut(), data.coffee(), data.chelsea()][:count]
    cut = np.stack([picture[60 : 60 + size, 200 : 200 + size, :channels] for picture in pictures])
    return torch.from_numpy(cut).permute(0, 3, 1, 2).float() / 255


def eight_bit(images):
    return [
        np.rint(picture * 255).astype(np.uint8) for picture in images.clamp(0, 1).permute(0, 2, 3, 1).double().numpy()
    ]


@pytest.mark.parametrize("channels", [1, 3])
def test_forward_is_what_the_harness_sends(channels):
    channel = Channel((Codec(q=40), Noise()))
    images = photos(channels) * 1.1 - 0.05
    arrived = through_channel(images, channel, seed=5, names=["a", "b", "c"])
    for picture, name, found in zip(eight_bit(images), "abc", arrived, strict=True):
        expected = channel.send(picture, 5, name).image
        assert np.array_equal(np.rint(found.permute(1, 2, 0).numpy() * 255), expected)


def test_each_picture_has_its_own_channel():
    arrived = through_channel(photos(), [Codec(q=10), Channel((Codec(q=90),)), Codec(q=10)], seed=0)
    for index, quality in enumerate((10, 90, 10)):
        alone = through_channel(photos()[index : index + 1], Codec(q=quality), seed=0)
        assert torch.equal(arrived[index], alone[0])


def test_draws_are_keyed_by_seed_and_name_not_by_the_batch():
    images = photos()
    whole = through_channel(images, Noise(), seed=1, names=["a", "b", "c"])
    assert torch.equal(whole[1:], through_channel(images[1:], Noise(), seed=1, names=["b", "c"]))
    assert not torch.equal(whole, through_channel(images, Noise(), seed=2, names=["a", "b", "c"]))
    same = images[:1].repeat(2, 1, 1, 1)
    assert not torch.equal(*through_channel(same, Noise(), seed=1).split(1))


@pytest.mark.parametrize("gradient", ["identity", "inside"])
def test_the_gradient_goes_straight_through(gradient):
    images = (photos() * 1.4 - 0.2).requires_grad_()
    arrived = through_channel(images, Codec(q=50), seed=0, gradient=gradient)
    upstream = torch.rand(arrived.shape)
    (found,) = torch.autograd.grad(arrived, images, upstream)
    inside = (images >= 0) & (images <= 1)
    assert 0 < int(inside.sum()) < inside.numel()
    assert torch.equal(found, upstream if gradient == "identity" else upstream * inside)


def test_the_detached_channel_lets_the_receiver_learn_alone():
    images = photos().requires_grad_()
    arrived = through_channel(images, Codec(q=50), seed=0, gradient="none")
    assert not arrived.requires_grad
    weight = torch.ones((), requires_grad=True)
    (found,) = torch.autograd.grad((arrived * weight).sum(), weight)
    assert float(found) > 0


def test_values_are_on_the_grid_and_the_type_stays():
    arrived = through_channel(photos().double(), Noise(), seed=0)
    assert arrived.dtype == torch.float64
    assert torch.allclose(arrived * 255, (arrived * 255).round(), atol=1e-9)
    assert through_channel(photos()[:0], Noise(), seed=0).shape == (0, 3, 33, 33)


def test_what_cannot_work_says_why():
    with pytest.raises(ValueError, match="halve changes a picture from 33x33 to 17x17"):
        through_channel(photos(), Halve(), seed=0)
    with pytest.raises(CellFailure, match="not this one"):
        through_channel(photos(), Refuse(), seed=0)
    with pytest.raises(ValueError, match="3 pictures, 2 channels"):
        through_channel(photos(), [Noise(), Noise()], seed=0)
    with pytest.raises(ValueError, match="identity, inside, none"):
        through_channel(photos(), Noise(), seed=0, gradient="some")
