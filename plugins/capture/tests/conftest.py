"""Lets the tests import what they share, from the folder `support`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "support"))

import pytest


@pytest.fixture(scope="session")
def pictures():
    """Four pictures of 256×256."""
    from closed_loop import built_in_pictures

    return built_in_pictures()
