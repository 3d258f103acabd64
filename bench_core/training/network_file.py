"""A network's weights file: safetensors whose metadata rebuilds the network, so that the file alone is enough."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from bench_core.errors import RequestError
from bench_core.nn.layout import channels_last
from bench_core.training.tensors import load_tensors, save_tensors

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class Loaded(Generic[Network]):
    """A network in evaluation mode and float32, and the record that its file holds of it."""

    network: Network
    record: Mapping[str, Any]

    @property
    def training(self) -> Mapping[str, Any]:
        """How it was trained."""
        found: Mapping[str, Any] = self.record.get("training", {})
        return found


@dataclass(frozen=True)
class NetworkFile(Generic[Network]):
    """The weights files of one kind of network.

    `key` is the metadata's entry, `title` what errors call the weights, `build` makes an untrained network of a record
    (KeyError, TypeError or ValueError where it cannot), `commands` write such files, and tensors whose name has a text
    of `exact` in it are never stored as float16.
    """

    key: str
    title: str
    build: Callable[[Mapping[str, Any]], Network]
    commands: Sequence[str]
    exact: Sequence[str] = ()

    def save(
        self, path: Path, network: Network, record: Mapping[str, Any], training: Mapping[str, Any], half: bool = False
    ) -> None:
        """Write a network, what rebuilds it, and how it was trained (anything JSON can hold). `half` stores float16."""
        tensors = network.state_dict()
        if half:
            tensors = {
                name: value.half() if value.is_floating_point() and not any(part in name for part in self.exact)
                else value for name, value in tensors.items()
            }  # fmt: skip
        metadata = {"format": f"bench-{self.key}-1", self.key: json.dumps({**record, "training": dict(training)})}
        save_tensors(path, tensors, metadata)

    def load(self, path: Path, device: str = "cpu") -> Loaded[Network]:
        """Rebuild the network of a file; RequestError where the file holds none of this kind."""
        tensors, metadata = load_tensors(path)
        try:
            record = json.loads(metadata[self.key])
            network = self.build(record)
            network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in tensors.items()})
        except (KeyError, TypeError, ValueError, RuntimeError):
            commands = " and ".join(f"`{command}`" for command in self.commands)
            raise RequestError(
                f"{path} holds no {self.title} weights; {commands} write{'s' * (len(self.commands) == 1)} such files "
                "(last.safetensors, best.safetensors)"
            ) from None
        network.eval().requires_grad_(False).to(torch.device(device))
        return Loaded(channels_last(network), record)
