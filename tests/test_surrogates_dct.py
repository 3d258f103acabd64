"""The DCT and the zig-zag mask."""

import numpy as np
import pytest
import torch
from skimage import data

from bench_core.nn.padding import crop_to, pad_to
from bench_core.surrogates.dct import analyze, dct_matrix, synthesize
from bench_core.surrogates.dct_mask import ZIGZAG, dct_mask, draw_keep, hidden_mask, mask

# As JRIG's specification lists it; ITU-T T.81, Figure 5.
STANDARD = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
]  # fmt: skip


def photo(height=64, width=64, channels=3):
    picture = np.ascontiguousarray(data.astronaut()[:height, 180 : 180 + width, :channels])
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255


def psnr(a, b):
    return float(-10 * torch.log10((a - b).square().mean()))


def test_the_transform_is_orthonormal_and_inverts():
    matrix = dct_matrix(torch.zeros(1))
    assert torch.allclose(matrix @ matrix.T, torch.eye(8), atol=1e-6)
    planes = torch.rand(2, 3, 24, 16)
    coefficients = analyze(planes)
    assert coefficients.shape == (2, 3, 3, 2, 8, 8)
    assert torch.allclose(synthesize(coefficients), planes, atol=1e-6)
    assert float(coefficients.square().sum()) == pytest.approx(float(planes.square().sum()), rel=1e-5)


def test_the_first_index_is_the_vertical_frequency():
    stripes = torch.tensor([1.0, -1.0]).repeat(4)[:, None].expand(8, 8)[None, None]  # changes from row to row
    coefficients = analyze(stripes)[0, 0, 0, 0]
    assert float(coefficients[:, 0].square().sum()) == pytest.approx(64, rel=1e-5)


def test_padding_repeats_the_edge_and_cropping_undoes_it():
    images = torch.rand(1, 2, 9, 17)
    padded = pad_to(images, 8, 16)
    assert padded.shape[-2:] == (16, 32)
    assert torch.equal(padded[..., 9:, :17], images[..., 8:, :].expand(1, 2, 7, 17))
    assert torch.equal(crop_to(padded, images), images)
    assert pad_to(images, 9, 17) is images


def test_masks_follow_the_standard_zigzag_and_are_nested():
    assert list(ZIGZAG) == STANDARD
    for keep in range(1, 65):
        kept = mask(keep).flatten()
        assert sorted(np.flatnonzero(kept.numpy())) == sorted(STANDARD[:keep])
    for wrong in (0, 65):
        with pytest.raises(ValueError, match="1 to 64"):
            mask(wrong)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(8, 8), (15, 15), (16, 16), (17, 17), (33, 51)])
def test_the_full_mask_is_the_identity_at_any_size(size, channels):
    images = photo(*size, channels)
    assert torch.allclose(dct_mask(images, 64), images, atol=1e-5)
    assert dct_mask(images, 20).shape == images.shape


def test_one_coefficient_is_the_mean_of_the_block():
    images = photo(16, 16)
    expected = torch.nn.functional.avg_pool2d(images, 8).repeat_interleave(8, -1).repeat_interleave(8, -2)
    assert torch.allclose(dct_mask(images, 1), expected, atol=1e-5)


def test_more_coefficients_are_never_worse():
    images = photo(channels=1)
    found = [psnr(dct_mask(images, keep), images) for keep in range(8, 64, 4)]
    assert found == sorted(found)
    # The means over photos of the specification: 31.9 dB at 32 and 41.2 dB at 56; one photo is near them.
    assert psnr(dct_mask(images, 32), images) == pytest.approx(31.9, abs=6)


def test_the_mask_is_a_projection():
    images, other = photo(32, 32), torch.rand(1, 3, 32, 32)
    masked = dct_mask(images, 40)
    assert torch.allclose(dct_mask(masked, 40), masked, atol=1e-5)
    assert torch.allclose(dct_mask(masked, 48), masked, atol=1e-5)
    assert torch.allclose(dct_mask(dct_mask(images, 48), 40), masked, atol=1e-5)
    assert float((masked * other).sum()) == pytest.approx(float((images * dct_mask(other, 40)).sum()), rel=1e-5)
    noise = torch.randn(4, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    assert float(dct_mask(noise, 32).var() / noise.var()) == pytest.approx(0.5, abs=0.02)


def test_the_gradient_is_the_mask_itself():
    images, upstream = photo(32, 32).requires_grad_(), torch.rand(1, 3, 32, 32)
    (found,) = torch.autograd.grad(dct_mask(images, 33), images, upstream)
    assert torch.allclose(found, dct_mask(upstream, 33), atol=1e-5)


def test_each_picture_keeps_its_own_number():
    images = torch.cat((photo(), photo().flip(-1)))
    together = dct_mask(images, [32, 50])
    assert torch.allclose(together[0], dct_mask(images[:1], 32)[0], atol=1e-6)
    assert torch.allclose(together[1], dct_mask(images[1:], 50)[0], atol=1e-6)


def test_the_numbers_are_drawn_from_both_ends():
    drawn = draw_keep(2000, np.random.default_rng(0))
    assert (min(drawn), max(drawn)) == (32, 64)
    assert len(set(drawn)) == 33
    assert set(draw_keep(50, np.random.default_rng(0), 48, 48)) == {48}


def test_the_layer_of_hidden():
    images = photo(128, 128)
    found = hidden_mask(images)
    assert 26 < psnr(found, images) < 38
    assert torch.allclose(hidden_mask(images, 64, 64), images, atol=1e-5)
    # Chroma loses more than luma, and a gray picture has none.
    from bench_core.surrogates.ycbcr import to_ycbcr

    kept = analyze(to_ycbcr(found)).abs().amax(dim=(0, 2, 3)) > 1e-4
    assert [int(plane.sum()) for plane in kept] == [25, 9, 9]
    assert torch.equal(hidden_mask(photo(channels=1)), dct_mask(photo(channels=1), 25))
