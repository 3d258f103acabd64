"""What stands behind the path of a data set: `photos,saliency=masks`."""

import re
from collections.abc import Callable, Collection
from pathlib import Path


def split_options(
    text: str, keys: Collection[str], exists: Callable[[Path], bool]
) -> tuple[str, list[tuple[str, str]]]:
    """The path, and the (key, value) pairs that follow it; only `keys` are taken for keys.

    A comma may also be part of a name: the longest beginning that `exists` is the path, where there is any.
    """
    key = re.compile(rf",({'|'.join(map(re.escape, keys))})=")
    path: str = text
    found: list[tuple[str, str]] = []
    while not exists(Path(path).expanduser()) and (matches := list(key.finditer(path))):
        found.insert(0, (matches[-1][1], path[matches[-1].end() :]))
        path = path[: matches[-1].start()]
    return path, found
