"""What a carrier betrays: its bit planes' entropy, and the size of its file."""

import io

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut, coffee

from bench_core.errors import CellFailure
from bench_core.task import TASKS
from bench_metrics.carrier import EntropyPlanes, PngRatio, plane_entropies

COVER = astronaut()[:128, 100:260]
CHECKERBOARD = (np.indices((32, 32)).sum(axis=0) % 2)[:, :, None].astype(np.uint8)


def png_size(image):
    buffer = io.BytesIO()
    Image.fromarray(image.squeeze()).save(buffer, "PNG")
    return buffer.tell()


def test_entropy_of_planes_whose_entropy_is_known():
    coins = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    assert plane_entropies(coins) == pytest.approx(np.ones(8), abs=1e-3)
    assert plane_entropies(np.full((9, 9, 3), 170, np.uint8)).tolist() == [0] * 8
    # A checkerboard has two patterns in equal parts: one bit for four pixels.
    planes = plane_entropies(CHECKERBOARD << 3)
    assert planes[3] == pytest.approx(0.25, abs=1e-3)
    assert planes[[0, 1, 2, 4, 5, 6, 7]].tolist() == [0] * 7


def test_entropy_counts_patterns_of_four_neighbors():
    bits = COVER[:, :, 1] >> 2 & 1
    patterns, counts = np.unique(
        np.stack([bits[:-1, :-1], bits[:-1, 1:], bits[1:, :-1], bits[1:, 1:]]).reshape(4, -1),
        axis=1,
        return_counts=True,
    )
    assert patterns.shape[1] == 16
    share = counts / counts.sum()
    assert plane_entropies(COVER[:, :, 1:2])[2] == pytest.approx(-(share * np.log2(share)).sum() / 4)


def test_a_photo_is_smooth_above_and_random_below_and_a_hidden_picture_shows():
    score = EntropyPlanes()(COVER, COVER.copy())
    assert score.value == score.details["reference"] == pytest.approx(np.mean(score.details["planes"]), abs=1e-6)
    planes = score.details["planes"]
    assert planes == sorted(planes, reverse=True)
    secret = coffee()[:128, :160]
    stego = COVER & 0xF0 | secret >> 4  # what least significant bits do
    found = EntropyPlanes()(stego, COVER)
    assert found.value < found.details["reference"] - 0.05
    assert found.details["planes"][3] < planes[3] - 0.2
    assert found.details["planes"][4:] == planes[4:]


def test_entropy_needs_neighbors():
    for size in ((1, 5, 3), (5, 1, 1)):
        with pytest.raises(CellFailure, match="too_small") as failure:
            EntropyPlanes()(np.zeros(size, np.uint8), np.zeros(size, np.uint8))
        assert failure.value.status == "skipped_unsupported"


@pytest.mark.parametrize("channels", [1, 3])
def test_png_ratio_is_of_files(channels):
    cover = np.ascontiguousarray(COVER[:, :, :channels])
    stego = cover ^ np.random.default_rng(1).integers(0, 8, cover.shape, dtype=np.uint8)
    score = PngRatio()(stego, cover)
    assert score.details == {"bytes": png_size(stego), "bytes_reference": png_size(cover)}
    assert score.value == png_size(stego) / png_size(cover) > 1.01
    assert PngRatio()(cover, cover.copy()).value == 1


@pytest.mark.parametrize("metric", [EntropyPlanes, PngRatio], ids=lambda metric: metric.name)
def test_figures_of_carriers_are_of_nothing_else(metric):
    pairs = (pair for task in TASKS.values() for pair in task.pairs)
    assert [pair.name for pair in pairs if metric().scores(pair)] == ["container", "grayscale"]
