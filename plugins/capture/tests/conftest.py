"""Lets the tests import what they share, from the folder `support`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "support"))

import pytest


@pytest.fixture(scope="session")
def pictures():
    """Four photos of 256×256."""
    from skimage import data

    cuts = [(data.astronaut(), 0, 100), (data.coffee(), 50, 100), (data.chelsea(), 20, 100), (data.rocket(), 60, 200)]
    return [photo[y : y + 256, x : x + 256].copy() for photo, y, x in cuts]
