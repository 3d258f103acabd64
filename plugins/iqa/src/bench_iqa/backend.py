"""pyiqa's networks: built on first use, once a process, in silence; used by one thread at a time.

Some of pyiqa's networks keep intermediate results in themselves, and building one draws from torch's global generator,
prints, logs and warns. All that stays in here.
"""

import contextlib
import io
import logging
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.errors import CellFailure, one_line
from bench_core.metric import Floats
from bench_core.torchvision_shim import ensure
from bench_core.weights import find, offline
from bench_iqa import network

if TYPE_CHECKING:
    import torch

_lock = threading.RLock()
_built: dict[str, Any] = {}


def score(name: str, estimate: "torch.Tensor", reference: "torch.Tensor | None") -> float:
    """Give pyiqa's figure of one picture, 1×3×H×W float32 in [0, 1]; the reference is None for a metric without one.

    Raises:
        CellFailure: `weights_missing`; `skipped_unsupported` where pyiqa cannot build the metric or score this picture;
            `oom`; `nan_output`.
    """
    with _lock:
        net = _network(name)
        try:
            with _quiet_warnings():
                output = net(estimate, reference) if reference is not None else net(estimate)
        except Exception as error:
            if lack := _oom(name, error):
                raise lack from error
            size = f"{estimate.shape[3]}×{estimate.shape[2]}"
            raise CellFailure(
                "skipped_unsupported", f"iqa:{name} cannot score {size} pixels: {one_line(error, 200)}"
            ) from error
    if output.numel() != 1:
        raise CellFailure("skipped_unsupported", f"iqa:{name} gave {output.numel()} figures for one picture")
    value = float(output)
    if value != value or value in (float("inf"), float("-inf")):
        raise CellFailure("nan_output", f"iqa:{name} gave {value}")
    return value


def inception_features(picture: Floats) -> Floats:
    """The features that FID takes of one picture, float32 3×299×299: 2048 of them, float32.

    Raises:
        CellFailure: `weights_missing`, `oom`, or `nan_output`.
    """
    import torch

    net = _inception()
    try:
        # A plain forward pass, which keeps nothing: threads need not wait for each other.
        with torch.inference_mode():
            output = net(torch.from_numpy(picture)[None], False, False)[0]
    except Exception as error:
        if lack := _oom("fid", error):
            raise lack from error
        raise
    features: Floats = output.reshape(-1).numpy()
    if not np.isfinite(features).all():
        raise CellFailure("nan_output", "iqa:fid: the features of a picture are not finite")
    return features


def frechet_distance(estimates: Floats, references: Floats) -> float:
    """Pyiqa's Fréchet distance of the Gaussians fitted to two sets of features, both N×D.

    Raises:
        CellFailure: `nan_output` where there is no such figure.
    """
    ensure()
    with _quiet_warnings():
        from pyiqa.archs import fid_arch
    fitted = [
        part for features in (estimates, references) for part in (features.mean(axis=0), np.cov(features, rowvar=False))
    ]
    try:
        with _lock:
            value = float(_silently(lambda: fid_arch.frechet_distance(*fitted), io.StringIO()))
    except ValueError as error:  # the root of the product of two covariances came out far from real
        raise CellFailure("nan_output", f"iqa:fid: {one_line(error)}") from error
    if not np.isfinite(value):
        raise CellFailure("nan_output", f"iqa:fid gave {value}")
    return max(value, 0.0)  # of equal sets, rounding may leave a hair below


def _inception() -> Any:
    """FID's network, with weights that `bench weights fetch` got and checked; nothing is fetched here."""
    with _lock:
        if "fid" not in _built:
            path = find("inception-fid")
            ensure()
            with _quiet_warnings():
                from pyiqa.archs import fid_arch, inception
            inception.FID_WEIGHTS_URL = str(path)  # what is no address, it loads as a file
            _built["fid"] = _silently(fid_arch.FID, io.StringIO()).model
        return _built["fid"]


def _oom(name: str, error: Exception) -> CellFailure | None:
    if isinstance(error, MemoryError) or "out of memory" in str(error) or "not enough memory" in str(error):
        return CellFailure("oom", f"iqa:{name}: {one_line(error)}")
    return None


def _network(name: str) -> Any:
    """The network of a metric; what could not be built is not tried again in this process."""
    if name not in _built:
        try:
            _built[name] = _build(name)
        except CellFailure as failure:
            _built[name] = failure
    found = _built[name]
    if isinstance(found, CellFailure):
        raise CellFailure(found.status, found.reason)
    return found


def _build(name: str) -> Any:
    ensure()
    # The name is known to be one of pyiqa's; what fails from here on is this machine's.
    with _quiet_warnings():
        import pyiqa
    logging.getLogger("pyiqa").setLevel(logging.ERROR)

    def make() -> Any:
        return pyiqa.create_metric(name, device="cpu")

    said = io.StringIO()
    asked: set[tuple[str, int]] = set()
    try:
        with network.closed() as asked:
            return _silently(make, said)
    except Exception as error:
        if not asked:
            raise CellFailure(
                "skipped_unsupported", f"pyiqa cannot build '{name}' here: {one_line(error, 200)}"
            ) from error
    missing = f"iqa:{name} needs weights that are not on this machine"
    if offline():
        raise CellFailure(
            "weights_missing", f"{missing}, and BENCH_OFFLINE forbids fetching them; {_advice(said, asked)}"
        )
    for host, port in sorted(asked):
        if not network.answers(host, port):
            raise CellFailure("weights_missing", f"{missing}, and {host} cannot be reached; {_advice(said, asked)}")
    try:
        return _silently(make, said)
    except Exception as error:
        raise CellFailure(
            "weights_missing", f"{missing}, and fetching them failed ({one_line(error, 120)}); {_advice(said, asked)}"
        ) from error


def _advice(said: io.StringIO, asked: set[tuple[str, int]]) -> str:
    """What to fetch and where to put it, from what the download code announced."""
    announced = re.findall(r'Downloading: "(\S+)" to (\S+)', said.getvalue())
    if announced:
        url, place = announced[-1]
        return f"put {url} at {place}"
    hosts = ", ".join(sorted(host for host, _ in asked))
    return f"use it once on a machine that reaches {hosts} and copy that machine's ~/.cache (clip, huggingface, torch)"


def _silently(make: Callable[[], Any], said: io.StringIO) -> Any:
    import torch

    with (
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
        _quiet_warnings(),
        torch.random.fork_rng(devices=[]),
    ):
        torch.manual_seed(0)
        return make()


@contextlib.contextmanager
def _quiet_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
