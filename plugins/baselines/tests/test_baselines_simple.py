"""`lsb` and `copy-gray`: exact by construction."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bench_baselines.copy_gray import CopyGray, CopyGrayColorization
from bench_baselines.lsb import Lsb
from bench_core.model import Condition, Sample
from bench_core.plugins import registry
from bench_core.task import COLORIZATION, INVERTIBLE_GRAYSCALE, STEGANOGRAPHY

PAIRS = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda sides: st.tuples(hnp.arrays(np.uint8, (*sides, 3)), hnp.arrays(np.uint8, (*sides, 3)))
)


@given(pair=PAIRS, bits=st.integers(1, 7))
def test_lsb_returns_exactly_the_high_bits(pair, bits):
    host, secret = pair
    model = Lsb({"bits": bits})
    container = model.encode(Sample({"host": host, "secret": secret}))
    outputs = model.decode(container, Condition())
    assert set(outputs) == set(Lsb().returned()) == {"secret", "host"}
    for picture in (container, *outputs.values()):
        assert picture.shape == host.shape
        assert picture.dtype == np.uint8
    assert (outputs["secret"] >> (8 - bits) == secret >> (8 - bits)).all()
    assert (outputs["host"] >> bits == host >> bits).all()
    # The middle of what is missing: never further off than half the range that is lost, rounded up.
    assert np.abs(outputs["secret"].astype(int) - secret).max() <= 2 ** (7 - bits)
    assert np.abs(outputs["host"].astype(int) - host).max() <= 2 ** (bits - 1)
    assert np.abs(container.astype(int) - host).max() < 2**bits


def test_more_bits_show_more_of_the_secret_and_less_of_the_host():
    rng = np.random.default_rng(0)
    host, secret = rng.integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    errors = []
    for bits in range(1, 8):
        model = Lsb({"bits": bits})
        container = model.encode(Sample({"host": host, "secret": secret}))
        found = model.decode(container, Condition())["secret"]
        errors.append([((found.astype(int) - secret) ** 2).mean(), ((container.astype(int) - host) ** 2).mean()])
    secret_errors, host_errors = np.transpose(errors)
    assert (np.diff(secret_errors) < 0).all()
    assert (np.diff(host_errors) > 0).all()


@given(gray=hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(1))))
@pytest.mark.parametrize("model", [CopyGray, CopyGrayColorization])
def test_copy_gray_sends_the_luminance_and_returns_it_as_color(model, gray):
    method = model()
    (carrier,) = method.carriers([Sample({"color": np.repeat(gray, 3, axis=2), "gray": gray})])
    assert (carrier == gray).all()
    outputs = method.decode(carrier, Condition())
    assert set(outputs) == set(method.returned()) == {"color"}
    assert (outputs["color"] == np.repeat(gray, 3, axis=2)).all()


def test_the_baselines_are_registered_under_the_names_scripts_rely_on():
    expected = {
        "lsb": STEGANOGRAPHY,
        "dct-hide": STEGANOGRAPHY,
        "copy-gray": INVERTIBLE_GRAYSCALE,
        "copy-gray-colorization": COLORIZATION,
    }
    for name, task in expected.items():
        model = registry().models.load(name)
        assert (model.name, model.task) == (name, task)


def test_neither_registering_nor_running_needs_torch():
    code = (
        "import sys, bench_baselines.plugin; assert 'numpy' not in sys.modules;"
        "import bench_baselines.lsb, bench_baselines.dct_hide, bench_baselines.copy_gray;"
        "print([m for m in ('torch', 'pandas', 'scipy', 'PIL', 'cv2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
