"""What pyiqa offers, read without importing it: importing it costs seconds, and a request is checked first."""

import difflib
import importlib.metadata
import importlib.util
import runpy
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from bench_core.errors import RequestError

SETS = ("fid", "kid")
"""Figures of whole sets that bench has; `kid` is pyiqa's fid with another distance and no metric of its own there."""

_WHOLE_SETS = {"FID": "two sets of pictures", "InceptionScore": "a set of pictures"}
_CAPTIONS = {"CLIPScore": "a caption for each picture"}


@dataclass(frozen=True)
class Entry:
    """One metric of pyiqa that scores a picture, or a picture against a reference."""

    name: str
    needs_reference: bool
    lower_is_better: bool


def lookup(name: str) -> Entry:
    """The entry of a name.

    Raises:
        RequestError: for a name that pyiqa does not have (with near ones), or that does not score single pictures.
            `SETS` are not looked up here.
    """
    configs = _configs()
    if name not in configs:
        near = difflib.get_close_matches(name.lower(), [*configs, *SETS], n=3)
        hint = (
            f"did you mean {' or '.join(f'iqa:{word}' for word in near)}?"
            if near
            else "e.g. iqa:lpips, iqa:dists, iqa:niqe"
        )
        raise RequestError(f"unknown metric 'iqa:{name}': pyiqa {version()} has no '{name}'; {hint}")
    config = configs[name]
    kind = config["metric_opts"]["type"]
    if needs := _WHOLE_SETS.get(kind) or _CAPTIONS.get(kind):
        raise RequestError(
            f"metric 'iqa:{name}' needs {needs}, and of such metrics bench has iqa:fid and iqa:kid; "
            "use one of them, or a metric of single pictures, e.g. iqa:lpips"
        )
    return Entry(name, config["metric_mode"] == "FR", bool(config.get("lower_better", False)))


def names() -> list[str]:
    """The names that `lookup` accepts, sorted."""
    left_out = {*_WHOLE_SETS, *_CAPTIONS}
    return sorted(name for name, config in _configs().items() if config["metric_opts"]["type"] not in left_out)


def version() -> str:
    """The version of pyiqa."""
    return importlib.metadata.version("pyiqa")


@lru_cache(maxsize=1)
def _configs() -> dict[str, dict[str, Any]]:
    spec = importlib.util.find_spec("pyiqa")
    if spec is None or not spec.submodule_search_locations:
        raise RequestError("the iqa: metrics need pyiqa, which is not installed: pip install pyiqa")
    # A module of plain dictionaries; run on its own, it brings in nothing else of the package.
    path = Path(spec.submodule_search_locations[0], "default_model_configs.py")
    configs: dict[str, dict[str, Any]] = runpy.run_path(str(path))["DEFAULT_CONFIGS"]
    return configs
