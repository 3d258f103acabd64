"""Keyed randomness: every draw comes from what it is for, never from what was drawn before.

So a figure is the same at any batch size, order and worker count, and after a resume. Python's own hash() will not
do: it is salted anew in every process.
"""

import hashlib
from collections.abc import Iterable

import numpy as np


def keyed_generator(seed: int, image_id: str, stage_index: int, stage_id: str, repeat: int) -> np.random.Generator:
    """The generator of one (run seed, image, stage, repeat).

    Philox, keyed with the first 16 bytes of BLAKE2b (little-endian) over the parts joined by U+001F.
    `image_id` is the data set's stable id, never a position in a list. numpy promises the same stream for the
    same version of numpy (NEP 19), which is why runs record that version.
    """
    text = "\x1f".join((str(seed), image_id, str(stage_index), stage_id, str(repeat)))
    key = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=64).digest()[:16], "little")
    return np.random.Generator(np.random.Philox(key=key))


def keyed_order(seed: int, names: Iterable[str], purpose: str) -> list[str]:
    """`names` in an order that depends on the seed and each name alone, not on how they were listed."""

    def rank(name: str) -> tuple[bytes, str]:
        text = f"{seed}\x1f{purpose}\x1f{name}"
        return hashlib.blake2b(text.encode(), digest_size=16).digest(), name

    return sorted(names, key=rank)
