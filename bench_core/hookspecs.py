"""What a plugin may register.

A plugin is a module, named by an entry point of the group `bench`, with any of these hooks. Each hook is handed a
function `register(name, target, ...)`:

* `target` is an import string, `"package.module:Attribute"`, imported only when the thing is used; so a plugin's
  module itself should import nothing heavy.
* A tuple of names instead of an import string registers a *group*: asking for it asks for each of them. Groups of
  degradations (presets) have names that begin with `@`.
* A name that ends in `:` registers a *family*: `folder:photos` calls `folder:`'s target with `"photos"`.
* `summary` is the line that `bench list` shows; `aliases` are further names.
"""

from typing import Protocol

import pluggy

hookspec = pluggy.HookspecMarker("bench")


class Register(Protocol):
    """The function that each hook is handed."""

    def __call__(
        self,
        name: str,
        target: str | tuple[str, ...],
        *,
        summary: str = "",
        aliases: tuple[str, ...] = (),
        **extra: str,
    ) -> None:
        """Register one thing under `name`."""


@hookspec
def register_models(register: Register) -> None:
    """Register methods (bench_core.model.Model); `train="module:command"` names a click command that trains one.

    `train_PART="module:command"` names one that trains a part of it beforehand: `bench train NAME-PART`.
    """


@hookspec
def register_degradations(register: Register) -> None:
    """Register degradations (bench_core.degradation.Degradation) and presets."""


@hookspec
def register_metrics(register: Register) -> None:
    """Register metrics (bench_core.metric.Metric)."""


@hookspec
def register_datasets(register: Register) -> None:
    """Register data sets (bench_core.dataset.Dataset)."""


@hookspec
def register_weights(register: Register) -> None:
    """Register files of weights that can be fetched (bench_core.weights.WeightsFile)."""


@hookspec
def register_suites(register: Register) -> None:
    """Register suites (bench_core.suite.Suite): protocols with their reported figures.

    `target` is a TOML file in a package, `"package:suites/mine.toml"`, or a function that returns such a file's path;
    a family's is handed the text after the colon.
    """


@hookspec
def register_commands(register: Register) -> None:
    """Register click commands: they become subcommands of `bench`."""
