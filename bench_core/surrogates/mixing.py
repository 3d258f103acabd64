"""Batches of which each picture goes another way: fixed parts (JRIG) or drawn shares (RIIS)."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

Route = Callable[[Tensor, list[int]], Tensor]


def by_ratio(count: int, parts: Mapping[str, int]) -> list[str]:
    """A kind for each of `count` pictures, in blocks: `{"real": 2, "mask": 4, "clean": 2}` as 2, 4 and 2 of 8.

    Raises:
        ValueError: where `count` pictures cannot be divided in this ratio.
    """
    whole = sum(parts.values())
    sizes = {kind: part * count for kind, part in parts.items()}
    if whole <= 0 or any(size % whole for size in sizes.values()):
        ratio = ":".join(str(part) for part in parts.values())
        raise ValueError(f"a batch of {count} cannot be divided {ratio}; take a multiple of {whole}, e.g. {whole}")
    return [kind for kind, size in sizes.items() for _ in range(size // whole)]


def by_shares(count: int, shares: Mapping[str, float], rng: np.random.Generator) -> list[str]:
    """A kind for each of `count` pictures, drawn one by one; `shares` are probabilities with the sum 1.

    Raises:
        ValueError: for other shares.
    """
    total = sum(shares.values())
    if min(shares.values(), default=-1) < 0 or abs(total - 1) > 1e-6:
        raise ValueError(f"shares must be at least 0 and have the sum 1, not {dict(shares)}")
    kinds, edges = list(shares), np.cumsum(list(shares.values())) / total
    # A draw of almost 1 must not fall behind the last edge.
    return [kinds[min(int(np.searchsorted(edges, rng.random(), side="right")), len(kinds) - 1)] for _ in range(count)]


def route(images: Tensor, kinds: Sequence[str], routes: Mapping[str, Route]) -> Tensor:
    """Pictures N×C×H×W, those of each kind through its route together, in their old order; gradients pass.

    A route is called once with its pictures and their places in the batch; kinds without a route pass as they are.
    """
    places: dict[str, list[int]] = {}
    for place, kind in enumerate(kinds):
        places.setdefault(kind if kind in routes else "", []).append(place)
    if not places:
        return images
    if len(places) == 1:
        (kind,) = places
        return routes[kind](images, places[kind]) if kind else images
    parts, order = [], []
    for kind, where in places.items():
        part = images[torch.tensor(where, device=images.device)]
        parts.append(routes[kind](part, where) if kind else part)
        order += where
    back = torch.tensor(order, device=images.device).argsort()
    return torch.cat(parts)[back]
