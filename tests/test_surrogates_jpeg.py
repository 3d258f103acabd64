"""The JPEG surrogate against Pillow's libjpeg: tables, pixels, shapes and gradients."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from bench_core.surrogates.jpeg import SUBSAMPLING, quantization_tables, simulate_jpeg
from bench_core.surrogates.rounding import cubic, fourier, rounding, ste

PHOTOS = tuple(
    np.ascontiguousarray(picture[top : top + 192, left : left + 192])
    for picture, top, left in (
        (data.astronaut(), 0, 150),
        (data.coffee(), 120, 180),
        (data.chelsea(), 40, 120),
        (data.rocket(), 150, 250),
    )
)
GRAYS = tuple(np.asarray(Image.fromarray(photo).convert("L"))[..., None] for photo in PHOTOS)


def tensor(*pictures):
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255


def pixels(images):
    return images.detach().permute(0, 2, 3, 1).numpy() * 255


def pillow(picture, quality, subsampling="420"):
    file = io.BytesIO()
    options = {} if picture.shape[2] == 1 else {"subsampling": ["444", "422", "420"].index(subsampling)}
    Image.fromarray(picture.squeeze()).save(file, "JPEG", quality=quality, **options)
    with Image.open(file) as opened:
        return np.asarray(opened).reshape(picture.shape)


def psnr(a, b):
    return 10 * np.log10(255**2 / max(np.mean((a.astype(float) - b.astype(float)) ** 2), 1e-9))


def fidelities(photos, quality, subsampling="420", **options):
    """PSNR of the surrogate against Pillow, a photo each."""
    found = pixels(simulate_jpeg(tensor(*photos), quality, subsampling=subsampling, **options))
    return [psnr(mine, pillow(photo, quality, subsampling)) for mine, photo in zip(found, photos, strict=True)]


def test_tables_equal_pillows_at_every_quality():
    sample = Image.fromarray(PHOTOS[0][:16, :16])
    for quality in range(1, 101):
        file = io.BytesIO()
        sample.save(file, "JPEG", quality=quality)
        theirs = Image.open(file).quantization
        assert [table.flatten().tolist() for table in quantization_tables(quality)] == [
            list(theirs[0]),
            list(theirs[1]),
        ]


def test_tables_are_not_transposed():
    luma = quantization_tables(50)[0]
    assert (luma[0, 1], luma[1, 0]) == (11, 12)  # row = vertical frequency
    for wrong in (0, 101):
        with pytest.raises(ValueError, match="1 to 100"):
            quantization_tables(wrong)


@pytest.mark.parametrize("subsampling", SUBSAMPLING)
@pytest.mark.parametrize("quality", [10, 40, 80, 95])
def test_the_exact_mode_is_libjpeg_but_for_its_integer_transform(quality, subsampling):
    found = fidelities(PHOTOS, quality, subsampling, exact=True)
    assert np.mean(found) >= 52  # the specification asks for 44
    assert min(found) >= 44


@pytest.mark.parametrize("quality", [10, 40, 80, 95, 100])
def test_the_exact_mode_of_gray(quality):
    found = fidelities(GRAYS, quality, exact=True)
    assert np.mean(found) >= 55  # the specification asks for 50, and 45 of the worst
    assert min(found) >= 50


@pytest.mark.parametrize(("quality", "least"), [(10, 41), (40, 42), (80, 43), (95, 45)])
def test_without_rounded_planes_it_is_still_near(quality, least):
    assert np.mean(fidelities(PHOTOS, quality)) >= least


def test_the_fourier_rounding_at_quality_10():
    assert np.mean(fidelities(PHOTOS, 10, rounding=rounding("fourier", 9))) >= 36


@pytest.mark.parametrize("quality", [10, 40, 80])
def test_it_says_more_of_jpeg_than_the_original_does(quality):
    nothing = [psnr(photo, pillow(photo, quality)) for photo in PHOTOS]
    gains = np.subtract(fidelities(PHOTOS, quality, exact=True), nothing)
    assert gains.min() >= 10
    assert np.min(np.subtract(fidelities(PHOTOS, quality), nothing)) >= 10


def test_uniform_noise_is_no_jpeg():
    rngs = [np.random.default_rng(i) for i in range(len(PHOTOS))]
    assert np.mean(fidelities(PHOTOS, 40, rounding=rounding("noise", rngs=rngs))) < 22


@pytest.mark.parametrize("size", [(8, 8), (15, 15), (16, 16), (17, 17), (33, 51), (40, 23)])
@pytest.mark.parametrize("subsampling", SUBSAMPLING)
def test_any_size_and_any_edge(size, subsampling):
    height, width = size
    photo = PHOTOS[0][:height, 40 : 40 + width]
    assert fidelities([photo], 60, subsampling, exact=True)[0] > 48
    assert fidelities([GRAYS[0][:height, 40 : 40 + width]], 60, exact=True)[0] > 48
    found = pixels(simulate_jpeg(tensor(photo), 60, subsampling=subsampling, exact=True))[0]
    real = pillow(photo, 60, subsampling)
    assert psnr(found[:, -2:], real[:, -2:]) > 44  # where the padding is
    assert psnr(found[-2:], real[-2:]) > 44


def test_each_picture_has_its_own_quality():
    together = simulate_jpeg(tensor(*PHOTOS[:3]), [20, 60, 95])
    for index, quality in enumerate((20, 60, 95)):
        alone = simulate_jpeg(tensor(PHOTOS[index]), quality)
        assert torch.allclose(together[index], alone[0], atol=1e-5)
    with pytest.raises(ValueError, match="3 pictures need as many qualities, not 2"):
        simulate_jpeg(tensor(*PHOTOS[:3]), [20, 60])


@pytest.mark.parametrize("exact", [True, False])
def test_a_higher_quality_is_never_worse(exact):
    qualities = (10, 25, 40, 60, 80, 90, 95, 100)
    for photos in (PHOTOS[:1], GRAYS[:1]):
        found = [psnr(pixels(simulate_jpeg(tensor(*photos), q, exact=exact))[0], photos[0]) for q in qualities]
        assert found == sorted(found)


def test_the_exact_mode_gives_eight_bits_within_bounds():
    images = tensor(PHOTOS[0]) * 1.4 - 0.2
    found = simulate_jpeg(images, 30, exact=True) * 255
    assert torch.allclose(found, found.round(), atol=1e-3)
    assert (float(found.min()), float(found.max())) == (0, 255)
    assert torch.equal(found, simulate_jpeg(images.clamp(0, 1), 30, exact=True) * 255)


def pipeline_gradient(function, images, quality=50, exact=False):
    """The gradient of a fixed weighting of the outputs."""
    images = images.clone().requires_grad_()
    out = simulate_jpeg(images, quality, rounding=function, exact=exact)
    weights = torch.rand(out.shape, dtype=out.dtype, generator=torch.Generator().manual_seed(1))
    (found,) = torch.autograd.grad((out * weights).sum(), images)
    return found, weights


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("function", [cubic, lambda x: fourier(x, 9)])
def test_the_gradient_of_smooth_roundings_is_a_finite_difference(function, channels):
    photo = PHOTOS[1][60:77, 60:79]
    images = tensor(photo if channels == 3 else photo[..., :1]).double() * 0.8 + 0.1  # nothing is clipped
    found, weights = pipeline_gradient(function, images)
    step, draws = 1e-7, torch.Generator().manual_seed(0)
    for _ in range(4):
        direction = torch.randn(images.shape, dtype=torch.float64, generator=draws)
        values = [
            float((simulate_jpeg(images + sign * step * direction, 50, rounding=function) * weights).sum())
            for sign in (1, -1)
        ]
        expected = (values[0] - values[1]) / (2 * step)
        assert float((found * direction).sum()) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("subsampling", SUBSAMPLING)
def test_the_straight_through_gradient_is_that_of_no_rounding(subsampling):
    images = tensor(PHOTOS[1][60:77, 60:79]).double() * 0.8 + 0.1
    smooth, _ = pipeline_gradient(lambda x: x, images)
    assert torch.allclose(pipeline_gradient(ste, images)[0], smooth)
    # The rounding of planes changes what is clipped in the end, and only that.
    assert torch.allclose(pipeline_gradient(ste, images, exact=True)[0], smooth)


def test_no_gradient_where_the_result_is_clipped():
    images = torch.full((1, 1, 8, 8), 1.3, requires_grad=True)
    (found,) = torch.autograd.grad(simulate_jpeg(images, 90).sum(), images)
    assert float(found.abs().max()) == 0
