"""Encodings and losses (specification of SDC, Section 9, properties 8 to 10 and 12)."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage import data

from bench_core.images import luminance, to_uint8
from bench_core.nn.lab import colored, lightness, rgb_to_lab
from bench_core.torch_model import to_arrays, to_tensor
from bench_semantic.batches import target_of
from bench_semantic.color_net import ColorNet
from bench_semantic.encoding import (
    LabelEncoding,
    centered_gray,
    decoded_labels,
    label_codes,
    normalized_ab,
    real_ab,
)
from bench_semantic.figures import segmentation_figures
from bench_semantic.label_sets import IGNORED
from bench_semantic.losses import huber_loss, segmentation_loss

LAB8 = {
    (255, 255, 255): (255, 128, 128), (128, 128, 128): (137, 128, 128), (255, 0, 0): (136, 208, 195),
    (0, 0, 255): (82, 207, 20), (0, 255, 0): (224, 42, 211),
}  # fmt: skip


def test_labels_are_encoded_by_their_place_and_never_drift() -> None:
    codes = label_codes(60)
    assert (float(codes[0]), float(codes[59])) == (-1, 1)
    assert decoded_labels(codes, 60).tolist() == list(range(60))
    # Cut off instead of rounded, in float32 as the published tool does it, some classes come back one lower.
    cut = ((codes + 1) / 2 * 59).to(torch.uint8).tolist()
    assert {label for label in range(60) if cut[label] != label} == {1, 2, 7, 9, 14, 31}
    for n_classes in range(2, 255):
        assert decoded_labels(label_codes(n_classes), n_classes).tolist() == list(range(n_classes))


def test_the_other_encodings_know_the_same_classes() -> None:
    labels = torch.arange(60).view(1, 1, 6, 10)
    scalar, permuted = (LabelEncoding(kind, 60)(labels) for kind in ("scalar", "permuted"))
    assert not torch.equal(scalar, permuted)
    assert torch.equal(scalar.flatten().sort().values, permuted.flatten().sort().values)
    assert torch.equal(permuted, LabelEncoding("permuted", 60)(labels))
    learned = LabelEncoding("embed1", 60)
    learned(labels).sum().backward()
    assert learned.codes.grad is not None
    assert [len(list(LabelEncoding(kind, 60).parameters())) for kind in ("scalar", "embed1")] == [0, 1]


def test_colors_are_put_as_opencv_does() -> None:
    picture = np.array(list(LAB8), np.uint8)[None]
    wanted = np.array(list(LAB8.values()))
    lab = rgb_to_lab(to_tensor([picture]))[0, :, 0].T
    lab8 = torch.stack((lab[:, 0] * 255 / 100, lab[:, 1] + 128, lab[:, 2] + 128), dim=1)
    assert np.abs(lab8.numpy() - wanted).max() <= 1
    target = target_of(picture[None])[0, :, 0].T
    assert np.abs((target.numpy() + 1) / 2 * 255 - wanted[:, 1:]).max() <= 1
    assert float(normalized_ab(torch.zeros(()))) == pytest.approx(0.00392, abs=1e-5)


def test_colors_come_back_but_do_not_wrap() -> None:
    ab = torch.linspace(-128, 127, 52)
    assert torch.allclose(real_ab(normalized_ab(ab)), ab, atol=1e-4)
    assert real_ab(torch.tensor([-7.0, 7.0])).tolist() == [-128, 127]


def test_gray_is_lightness_or_luma() -> None:
    gray = torch.tensor([0, 128 / 255, 1]).view(1, 1, 1, 3)
    assert centered_gray(gray, "L").flatten().tolist() == pytest.approx([-1, 2 * 137 / 255 - 1, 1], abs=0.004)
    assert centered_gray(gray, "luma").flatten().tolist() == pytest.approx([-1, 2 * 128 / 255 - 1, 1], abs=1e-6)


def test_a_result_keeps_the_lightness_of_its_gray_picture() -> None:
    gray = to_tensor([luminance(data.astronaut()[100:164, 200:264])])
    generator = torch.Generator().manual_seed(3)
    ab = torch.rand(1, 2, 64, 64, generator=generator) * 16 - 8
    found = to_uint8(to_arrays(colored(gray, ab))[0])
    inside = ((found > 0) & (found < 255)).all(axis=2)
    levels = (rgb_to_lab(to_tensor([found]))[0, 0] - lightness(gray)[0, 0]).abs().numpy() * 255 / 100
    assert inside.mean() > 0.9
    assert levels[inside].max() <= 1
    for extreme in (-5.0, 5.0):
        wild = to_uint8(to_arrays(colored(gray, real_ab(torch.full_like(ab, extreme))))[0])
        strong = rgb_to_lab(to_tensor([wild]))[0, 1:].mean(dim=(1, 2))
        assert (strong * extreme > 0).all()  # wrapped around, they would have turned into the opposite


@given(st.floats(-3, 3), st.floats(0.1, 2))
def test_huber(d: float, delta: float) -> None:
    difference = torch.tensor(d, dtype=torch.float32, requires_grad=True)
    loss = huber_loss(difference, torch.zeros(()), delta)
    size = abs(float(difference.detach()))
    wanted = size**2 / 2 if size <= delta else delta * (size - delta / 2)
    assert float(loss.detach()) == pytest.approx(wanted, abs=1e-5)
    loss.backward()  # type: ignore[no-untyped-call]
    assert difference.grad is not None
    assert float(difference.grad) == pytest.approx(max(-delta, min(delta, float(difference.detach()))), abs=1e-5)


def test_huber_is_half_the_mean_square_of_colors() -> None:
    found, wanted = (torch.rand(2, 2, 8, 8) - 0.5 for _ in range(2))
    assert torch.allclose(huber_loss(found, wanted), ((found - wanted) ** 2).mean() / 2)
    assert float(huber_loss(torch.tensor(3.0), torch.tensor(0.0))) == 2.5


def test_cross_entropy_leaves_out_what_is_not_annotated() -> None:
    logits = torch.randn(1, 3, 1, 4)
    classes = torch.tensor([0, 1, IGNORED, 2]).view(1, 1, 1, 4)
    each = -torch.log_softmax(logits, 1)[0, [0, 1, 2], 0, [0, 1, 3]]
    assert torch.allclose(segmentation_loss(logits, classes), each.mean())
    assert torch.allclose(segmentation_loss(logits, classes, background=0), each[1:].mean())
    assert float(segmentation_loss(logits, torch.full_like(classes, IGNORED))) == 0


def test_scores_of_maps() -> None:
    wanted = np.array([[[0, 0, 1, IGNORED]]], np.uint8)
    found = np.array([[[0, 1, 1, 2]]], np.uint8)
    figures = segmentation_figures(found, wanted, 5)
    assert figures == {"pixel_accuracy": pytest.approx(2 / 3), "miou": pytest.approx((1 / 2 + 1 / 2) / 2)}
    assert segmentation_figures(found, np.full_like(wanted, IGNORED), 5)["miou"] == 0


def test_training_colors_eight_photos(color_net: Callable[..., ColorNet]) -> None:
    """Property 15 with a narrower network and smaller crops: below a quarter of the loss of no color at all."""
    photos = [photo[100:132, 100:132] for photo in (data.astronaut(), data.coffee(), data.chelsea(), data.rocket())]
    color = np.stack([*photos, *(photo[:, ::-1] for photo in photos)])
    target = target_of(color)
    gray = to_tensor([luminance(picture) for picture in color])
    labels = (gray * 3).long()
    network = color_net("width=4", "levels=4", n_classes=4).requires_grad_(True)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    neutral = float(huber_loss(torch.full_like(target, 1 / 255), target))
    for _ in range(150):
        loss = huber_loss(network.colors(gray, labels), target)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert float(loss.detach()) < 0.25 * neutral
