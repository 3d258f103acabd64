"""What holds for every test of the repository.

Examples that hypothesis makes are the same each time, and untimed. torch runs on one thread, because the last bits of
sums depend on how many there are, and starts each test from the same seed.
"""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import settings

settings.register_profile("bench", deadline=None, derandomize=True)
settings.load_profile("bench")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """One thread, and the seed 0."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)
