import hashlib
import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bench_core.randomness import keyed_generator, keyed_order

KEY = (0, "photos/a.png", 1, "gaussian:gray=0,sigma=10", 2)


def draws(key):
    return keyed_generator(*key).integers(0, 2**63, 4).tolist()


def test_every_part_of_the_key_counts():
    others = [(1, *KEY[1:]), (0, "b", *KEY[2:]), (*KEY[:2], 0, *KEY[3:]), (*KEY[:3], "x", 2), (*KEY[:4], 0)]
    assert len({tuple(draws(key)) for key in [KEY, *others]}) == 6
    assert draws(KEY) == draws(KEY)


def test_the_key_is_what_is_documented():
    text = "0\x1fphotos/a.png\x1f1\x1fgaussian:gray=0,sigma=10\x1f2"
    key = int.from_bytes(hashlib.blake2b(text.encode()).digest()[:16], "little")
    expected = np.random.Generator(np.random.Philox(key=key)).integers(0, 2**63, 4).tolist()
    assert draws(KEY) == expected


def test_golden_draw():
    assert keyed_generator(*KEY).integers(0, 1000, 5).tolist() == [465, 214, 338, 959, 485]


def test_the_global_state_is_neither_read_nor_written():
    np.random.seed(1)
    before = np.random.get_state()[1].tolist()
    first = draws(KEY)
    assert np.random.get_state()[1].tolist() == before
    np.random.seed(2)
    assert draws(KEY) == first


def test_another_process_draws_the_same():
    code = f"from bench_core.randomness import *; print(keyed_generator(*{KEY!r}).integers(0, 2**63, 4).tolist())"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == str(draws(KEY))


@given(st.lists(st.text(max_size=5), unique=True), st.randoms())
def test_order_depends_on_names_alone(names, random):
    ordered = keyed_order(3, names, "pairs")
    assert sorted(ordered) == sorted(names)
    shuffled = list(names)
    random.shuffle(shuffled)
    assert keyed_order(3, shuffled, "pairs") == ordered
    assert keyed_order(3, names[1:], "pairs") == [name for name in ordered if name in names[1:]]


def test_order_depends_on_seed_and_purpose():
    names = [str(number) for number in range(30)]
    assert len({tuple(keyed_order(seed, names, use)) for seed in (0, 1) for use in ("a", "b")}) == 4
