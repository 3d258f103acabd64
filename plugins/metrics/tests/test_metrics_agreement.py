"""The built-in metrics against other people's implementations and against exact arithmetic."""

import io
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2lab
from skimage.data import astronaut, coffee
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from bench_metrics.lab import PsnrLabA, PsnrLabB, PsnrLabL
from bench_metrics.ms_ssim import MsSsim, MsSsimY
from bench_metrics.psnr import Psnr, PsnrY
from bench_metrics.ssim import Ssim, SsimY


def jpeg(image, quality):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.array(Image.open(buffer))


def gray(image):
    return np.array(Image.fromarray(image).convert("L"))[:, :, None]


PHOTOS = {"face": astronaut()[20:220, 130:330], "cup": coffee()[100:301, 200:391]}
PAIRS = {f"{name}-q{quality}": (jpeg(photo, quality), photo) for name, photo in PHOTOS.items() for quality in (10, 95)}
PAIRS["cup-noise"] = (
    np.clip(PHOTOS["cup"] + np.random.default_rng(0).normal(0, 25, PHOTOS["cup"].shape), 0, 255).astype(np.uint8),
    PHOTOS["cup"],
)
PAIRS["face-negative"] = (255 - PHOTOS["face"], PHOTOS["face"])


@pytest.fixture(params=PAIRS)
def pair(request):
    return PAIRS[request.param]


def wang(estimate, reference):
    return structural_similarity(
        estimate,
        reference,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=-1,
    )


def test_psnr_is_exact(pair):
    estimate, reference = pair
    squares = (estimate.astype(np.int64) - reference) ** 2
    mse = float(Fraction(int(squares.sum()), squares.size))
    score = Psnr()(estimate, reference)
    assert score.details == {"mse": mse}
    assert score.value == pytest.approx(10 * np.log10(255**2 / mse), abs=1e-9)
    assert score.value == pytest.approx(peak_signal_noise_ratio(reference, estimate, data_range=255), abs=1e-9)


def test_psnr_y_is_exact(pair):
    estimate, reference = pair
    weights = np.array([299, 587, 114])
    luma = (estimate.astype(np.int64) - reference) @ weights
    mse = float(Fraction(int((luma**2).sum()), luma.size * 10**6))
    score = PsnrY()(estimate, reference)
    assert score.details["mse"] == pytest.approx(mse, rel=1e-12)
    assert score.value == pytest.approx(10 * np.log10(255**2 / mse), abs=1e-9)


def test_lab_psnr_agrees_with_scikit_image(pair):
    estimate, reference = pair
    error = rgb2lab(estimate) - rgb2lab(reference)
    for metric, channel, scale in ((PsnrLabL(), 0, 2.55), (PsnrLabA(), 1, 1), (PsnrLabB(), 2, 1)):
        mse = np.mean((error[:, :, channel] * scale) ** 2)
        assert metric(estimate, reference).value == pytest.approx(10 * np.log10(255**2 / mse), abs=1e-4)


def test_ssim_agrees_with_scikit_image(pair):
    assert Ssim()(*pair).value == pytest.approx(wang(*pair), abs=1e-6)
    assert Ssim(exact=True)(*pair).value == pytest.approx(wang(*pair), abs=1e-12)
    estimate, reference = map(gray, pair)
    assert Ssim()(estimate, reference).value == pytest.approx(wang(estimate, reference), abs=1e-6)
    assert Ssim(exact=True)(estimate, reference).value == pytest.approx(wang(estimate, reference), abs=1e-12)


def test_ssim_y_is_the_ssim_of_rounded_luma(pair):
    luma = [np.rint(image @ np.array([299, 587, 114]) / 1000).astype(np.uint8)[:, :, None] for image in pair]
    assert SsimY()(*pair).value == pytest.approx(wang(*luma), abs=1e-6)
    assert SsimY()(*luma).value == SsimY()(*pair).value


@pytest.mark.parametrize("level", [1, 128, 250, 254])
@pytest.mark.parametrize("amplitude", [1, 12, 30])
def test_ssim_stays_exact_on_saturated_flat_areas(level, amplitude):
    base = np.full((96, 96, 3), level, np.uint8)
    base[:, 48:] = 255 - level
    up = np.minimum(255 - base, amplitude)
    estimate, reference = base.copy(), base.copy()
    estimate[::2] += up[::2]
    reference[1::2, ::2] += up[1::2, ::2]
    assert Ssim()(estimate, reference).value == pytest.approx(wang(estimate, reference), abs=1e-6)


def multi_scale(estimate, reference):
    """MS-SSIM from scikit-image's maps, in float64, for even sides: an independent second opinion."""
    weights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    product = 1.0
    x, y = estimate.astype(np.float64), reference.astype(np.float64)
    for level, weight in enumerate(weights):
        _, full = structural_similarity(x, y, full=True, **options)
        if level < 4:  # the luminance part is divided out
            mx, my = (gaussian_filter(v, 1.5, truncate=3.5) for v in (x, y))
            full = full * (mx**2 + my**2 + 6.5025) / (2 * mx * my + 6.5025)
        product *= max(full[5:-5, 5:-5].mean(), 0) ** weight
        x, y = (v.reshape(v.shape[0] // 2, 2, -1, 2).mean(axis=(1, 3)) if level < 4 else v for v in (x, y))
    return product


def test_ms_ssim_agrees_with_its_definition():
    photo = astronaut()[:192, 100:292]
    estimate = jpeg(photo, 20)
    channels = [multi_scale(estimate[:, :, c], photo[:, :, c]) for c in range(3)]
    assert MsSsim()(estimate, photo).value == pytest.approx(np.mean(channels), abs=1e-6)
    assert MsSsim()(gray(estimate), gray(photo)).value == pytest.approx(
        multi_scale(gray(estimate)[:, :, 0], gray(photo)[:, :, 0]), abs=1e-6
    )
    assert MsSsimY()(gray(estimate), gray(photo)) == MsSsim()(gray(estimate), gray(photo))


def test_psnr_and_ssim_agree_with_piq(pair):
    shim = pytest.importorskip("bench_core.torchvision_shim")
    torch = pytest.importorskip("torch")
    shim.ensure()
    piq = pytest.importorskip("piq")
    tensors = [torch.from_numpy(picture.transpose(2, 0, 1).copy())[None] / 255 for picture in pair]
    assert Psnr()(*pair).value == pytest.approx(
        float(piq.psnr(*tensors)), abs=2e-3
    )  # float32, and 1e-8 added to the MSE
    assert Ssim()(*pair).value == pytest.approx(float(piq.ssim(*tensors, downsample=False)), abs=1e-4)
    expected = float(piq.multi_scale_ssim(*tensors))
    assert MsSsim()(*pair).value == pytest.approx(expected, abs=2e-3)
