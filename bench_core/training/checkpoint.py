"""A checkpoint: one safetensors file with weights, optimizer states and progress, from which a run goes on exactly."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench_core.errors import RequestError
from bench_core.training.recipe import Progressed, Recipe, Update
from bench_core.training.tensors import load_tensors, save_tensors

CHECKPOINT = "checkpoint.safetensors"


def save_checkpoint(path: Path, recipe: Recipe, progressed: Progressed, scaler: Mapping[str, Any]) -> None:
    """Write where a run stands; `scaler` is the state of fp16's gradient scaler, or empty."""
    values = _state(recipe)
    tensors = {f"model.{name}": values[name] for name, first in _first_names(recipe).items() if name == first}
    for update in recipe.updates:
        prefix = "optimizer." + recipe.prefix(update, ".")
        for index, state in update.optimizer.state_dict()["state"].items():
            tensors |= {
                f"{prefix}{index}.{name}": torch.as_tensor(value) for name, value in state.items() if value is not None
            }
    state = {"progressed": asdict(progressed), "settings": dict(recipe.settings), "scaler": dict(scaler)}
    save_tensors(path, tensors, {"state": json.dumps(state)})


class Checkpoint:
    """A checkpoint that was read. RequestError where the file is none, or is of other settings.

    With `accept_changes`, other settings are noted in `progressed.changes` instead.
    """

    def __init__(self, path: Path, recipe: Recipe, accept_changes: bool) -> None:
        self.path, self.recipe = path, recipe
        self.tensors, metadata = load_tensors(path)
        try:
            state = json.loads(metadata["state"])
            self.progressed = Progressed(**state["progressed"])
            self.scaler: dict[str, Any] = state["scaler"]
            old = dict(state["settings"])
        except (KeyError, TypeError, ValueError):
            raise RequestError(f"{path} is not a checkpoint of this program; choose another --out") from None
        new = json.loads(json.dumps(dict(recipe.settings)))
        # A setting that the checkpoint does not know came with a later version of the program: no change of the user's.
        changed = {key: [was, new.get(key)] for key, was in sorted(old.items()) if was != new.get(key)}
        if changed and not accept_changes:
            listed = ", ".join(f"{key} {before} → {after}" for key, (before, after) in changed.items())
            raise RequestError(
                f"{path.parent} holds a run with other settings ({listed}); "
                "choose another --out, or go on with the new ones: --accept-changes"
            )
        if changed:
            self.progressed.changes.append({"step": self.progressed.step, **changed})

    def restore_weights(self) -> None:
        """Give the objectives their weights and buffers; RequestError where they do not fit."""
        found = {key.removeprefix("model."): value for key, value in self.tensors.items() if key.startswith("model.")}
        state = {name: found[first] for name, first in _first_names(self.recipe).items() if first in found}
        state |= {name: value for name, value in found.items() if name not in state}  # so that strangers are named
        try:
            _together(self.recipe).load_state_dict(state)
        except RuntimeError as error:
            raise RequestError(f"{self.path} does not fit this network: {' '.join(str(error).split())[:200]}") from None

    def restore_optimizers(self) -> None:
        """Give the optimizers their running averages, on the device of the parameters; RequestError as above."""
        for update in self.recipe.updates:
            prefix = "optimizer." + self.recipe.prefix(update, ".")
            values = {key.removeprefix(prefix): v for key, v in self.tensors.items() if key.startswith(prefix)}
            try:
                _restore(update, values)
            except (IndexError, KeyError, ValueError) as error:
                raise RequestError(
                    f"{self.path} is of another optimizer than '{update.name}' has now ({error}); choose another --out"
                ) from None


def _restore(update: Update, values: Mapping[str, Tensor]) -> None:
    parameters = update.parameters
    state: dict[int, dict[str, Tensor]] = defaultdict(dict)
    for name, value in values.items():
        index, key = name.split(".", 1)
        like = parameters[int(index)]
        if like.shape == value.shape:
            # In memory averages lie as their parameter does (channels last), in the file not; else steps are slow.
            value = torch.empty_like(like, dtype=value.dtype, device="cpu").copy_(value)
        state[int(index)][key] = value
    # The groups' figures follow from the settings; only the running averages are the run's own.
    groups = update.optimizer.state_dict()["param_groups"]
    update.optimizer.load_state_dict({"state": dict(state), "param_groups": groups})


def _together(recipe: Recipe) -> nn.Module:
    """One module with all objectives: the only one itself, or each under its update's name."""
    if len(recipe.updates) == 1:
        return recipe.updates[0].objective
    return nn.ModuleDict({update.name: update.objective for update in recipe.updates})


def _state(recipe: Recipe) -> dict[str, Tensor]:
    return dict(_together(recipe).state_dict(keep_vars=True))


def _first_names(recipe: Recipe) -> dict[str, str]:
    """For each tensor the first name it goes by: objectives share networks, and a file holds each once."""
    first: dict[int, str] = {}
    return {name: first.setdefault(id(value), name) for name, value in _state(recipe).items()}
