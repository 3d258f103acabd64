import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from skimage import color
from skimage.data import astronaut

from bench_core.errors import RequestError
from bench_core.images import luminance
from bench_degradations.exact import LsbZero, Posterise
from bench_degradations.tone import Brightness, Contrast, Gamma, Gray, Hue, Palette, Saturation

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def photo():
    small = np.array(Image.fromarray(astronaut()).resize((96, 80), Image.Resampling.LANCZOS))
    small[0, :4] = ((0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 0, 1))
    return small


@pytest.fixture(scope="module")
def gray(photo):
    return np.asarray(Image.fromarray(photo).convert("L"))[..., None]


def apply(degradation, image):
    return degradation.apply(image, RNG).image


def enhanced(kind, image, factor):
    picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    return np.asarray(getattr(ImageEnhance, kind)(picture).enhance(factor)).reshape(image.shape)


@pytest.mark.parametrize("factor", [0.3, 0.9, 1.2, 3])
@pytest.mark.parametrize(
    ("kind", "degradation"), [("Brightness", Brightness), ("Contrast", Contrast), ("Color", Saturation)]
)
def test_factors_mean_what_pillows_do(kind, degradation, factor, photo, gray):
    """Within a level: Pillow truncates where these round."""
    for image in (photo, gray):
        if kind == "Color" and image is gray:
            continue
        difference = apply(degradation(factor=factor), image).astype(int) - enhanced(kind, image, factor)
        assert np.abs(difference).max() <= 1
        assert difference.mean() >= 0


@pytest.mark.parametrize("add", [0.1, 0.5, 1, -0.2, -1])
def test_brightness_add_is_a_shift_of_the_hsv_value(add, photo):
    hsv = color.rgb2hsv(photo)
    hsv[..., 2] = np.clip(hsv[..., 2] + add, 0, 1)
    expected = color.hsv2rgb(hsv) * 255
    assert np.abs(apply(Brightness(add=add), photo) - expected).max() <= 0.5 + 1e-6


def test_brightness_add_on_gray_is_a_sum():
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    expected = np.rint(np.clip(ramp + 0.1 * 255, 0, 255))
    assert np.array_equal(apply(Brightness(add=0.1), ramp), expected)


@pytest.mark.parametrize("values", [{}, {"factor": 0.0}, {"add": 0.0}])
def test_brightness_wants_one_of_two(values):
    with pytest.raises(RequestError, match=r"a factor above 0 or add is required, e\.g\. brightness:1\.5"):
        Brightness(**values)
    with pytest.raises(RequestError, match="give one"):
        Brightness(factor=1.5, add=0.1)


@pytest.mark.parametrize("factor", [0.05, 0.4, 2])
def test_contrast_about_each_channels_mean_is_imagenet_cs(factor, photo, gray):
    for image in (photo, gray):
        values = image / 255.0
        means = values.mean(axis=(0, 1), keepdims=True)
        expected = np.clip((values - means) * factor + means, 0, 1) * 255
        assert np.abs(apply(Contrast(factor=factor, about="channel"), image) - expected).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("exponent", [0.4, 1, 2.2])
def test_gamma_is_the_formula(exponent):
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    assert np.array_equal(apply(Gamma(exponent=exponent), ramp), np.rint(255 * (ramp / 255) ** exponent))


@pytest.mark.parametrize("degrees", [-150, -20, 5, 90, 180])
def test_hue_turns_the_circle(degrees, photo):
    hsv = color.rgb2hsv(photo)
    hsv[..., 0] = (hsv[..., 0] + degrees / 360) % 1
    assert np.abs(apply(Hue(degrees=degrees), photo) - color.hsv2rgb(hsv) * 255).max() <= 0.51
    red = np.array([[[255, 0, 0]]], np.uint8)
    assert apply(Hue(degrees=120), red).tolist() == [[[0, 255, 0]]]


def test_colors_of_a_gray_carrier_do_not_change(gray):
    for degradation in (Hue(degrees=77), Saturation(factor=3), Gray()):
        assert np.array_equal(apply(degradation, gray), gray)


def test_gray_is_pillows_luma(photo):
    out = apply(Gray(), photo)
    assert np.array_equal(out, np.asarray(Image.fromarray(photo).convert("L"))[..., None].repeat(3, axis=2))
    difference = np.abs(out[..., :1].astype(int) - luminance(photo))
    assert difference.max() <= 1
    assert difference.mean() < 0.01
    assert np.array_equal(apply(Saturation(factor=0), photo), out)


@pytest.mark.parametrize("bits", range(1, 9))
def test_posterise_is_pillows(bits, photo):
    assert np.array_equal(apply(Posterise(bits=bits), photo), ImageOps.posterize(Image.fromarray(photo), bits))


@pytest.mark.parametrize("bits", range(1, 8))
def test_lsb_zero_clears_low_bits(bits, photo):
    out = apply(LsbZero(bits=bits), photo)
    assert not (out % 2**bits).any()
    assert np.array_equal(out >> bits, photo >> bits)
    assert np.array_equal(out, apply(Posterise(bits=8 - bits), photo))


@pytest.mark.parametrize("dither", [False, True])
@pytest.mark.parametrize("colors", [2, 16, 256])
def test_a_palette_has_no_more_colors(colors, dither, photo, gray):
    for image in (photo, gray):
        out = apply(Palette(colors=colors, dither=dither), image)
        assert len(np.unique(out.reshape(-1, image.shape[2]), axis=0)) <= colors
        assert len(np.unique(out.reshape(-1, image.shape[2]), axis=0)) > colors // 4


def test_dithering_keeps_the_local_mean(photo):
    def local_error(out):
        blocks = (out.astype(float) - photo).reshape(10, 8, 12, 8, 3).mean(axis=(1, 3))
        return np.abs(blocks).mean()

    plain, dithered = (local_error(apply(Palette(colors=4, dither=dither), photo)) for dither in (False, True))
    assert dithered < 0.9 * plain
