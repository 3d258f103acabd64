"""The weights files of pre-trained global encoders: the encoder with its biases, without the classifier's head."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench_core.training.network_file import Loaded, NetworkFile
from bench_scgan.networks import GlobalEncoder


def _build(record: Mapping[str, Any]) -> GlobalEncoder:
    return GlobalEncoder(record["encoder"]["global_ch"], bias=True)


_FILE = NetworkFile("scgan-encoder", "pre-trained SCGAN encoder", _build, ["bench train scgan-encoder"])


def save_encoder(path: Path, encoder: GlobalEncoder, shape: Mapping[str, Any], training: Mapping[str, Any]) -> None:
    """Write an encoder, its `global_ch` and `range`, and how it was trained."""
    _FILE.save(path, encoder, {"encoder": dict(shape)}, training)


def load_encoder(path: Path) -> Loaded[GlobalEncoder]:
    """Rebuild the encoder of a file; RequestError where the file holds none."""
    return _FILE.load(path)
