"""PSNR and SSIM stay near what bare OpenCV takes for them: a ratio, of CPU time, within one run."""

import time

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from bench_metrics.psnr import Psnr
from bench_metrics.ssim import Ssim


@pytest.fixture
def one_thread():
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


def bare(estimate, reference):
    """The floor: an L2 norm, and five Gaussian filters of float32 pictures with the terms of the formula."""
    x, y = estimate.astype(np.float32), reference.astype(np.float32)
    kernel = cv2.getGaussianKernel(11, 1.5)
    mx, my, xx, yy, xy = (cv2.sepFilter2D(v, -1, kernel, kernel)[5:-5, 5:-5] for v in (x, y, x * x, y * y, x * y))
    terms = (2 * mx * my + 6.5025) * (2 * (xy - mx * my) + 58.5225)
    ssim = (terms / ((mx**2 + my**2 + 6.5025) * (xx - mx**2 + yy - my**2 + 58.5225))).mean(dtype=np.float64)
    return cv2.norm(estimate, reference, cv2.NORM_L2SQR), ssim


@pytest.mark.usefixtures("one_thread")
def test_psnr_and_ssim_take_at_most_one_and_a_half_times_what_bare_opencv_takes():
    reference = astronaut()
    estimate = cv2.GaussianBlur(reference, (5, 5), 1)
    metrics = [(metric, metric.prepare(reference)) for metric in (Psnr(), Ssim())]
    assert metrics[1][0].measure(estimate, metrics[1][1]).value == pytest.approx(bare(estimate, reference)[1], abs=1e-4)

    def built_in():
        return [metric.measure(estimate, prepared) for metric, prepared in metrics]

    spent = {built_in: [], bare: []}
    for _ in range(9):  # in turns, so that a busy machine slows both
        for way, arguments in ((built_in, ()), (bare, (estimate, reference))):
            start = time.thread_time()
            way(*arguments)
            spent[way].append(time.thread_time() - start)
    assert np.median(spent[built_in]) <= 1.5 * np.median(spent[bare])
