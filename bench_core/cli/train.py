"""`bench train`: hand over to a method's own training command."""

import click

from bench_core.errors import RequestError
from bench_core.plugins import load_string, registry


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("name", metavar="NAME")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ARGS]...")
def train(name: str, arguments: tuple[str, ...]) -> None:
    """Train method NAME with its own command, which ARGS go to.

    `bench train NAME --help` lists them, e.g. `bench train riis --data folder:photos --out runs/riis`.
    """
    targets = _targets()
    if name not in targets:
        known = registry().models.get(name).name  # an alias, or an error with near names
        if known not in targets:
            raise RequestError(
                f"'{known}' has nothing to train; methods that train: {', '.join(targets) or 'none is installed'}"
            )
        name = known
    command: click.Command = load_string(targets[name], f"the training command of model '{name}'")
    command.main(list(arguments), prog_name=f"bench train {name}", standalone_mode=False)


def _targets() -> dict[str, str]:
    """What can be trained: methods by their names, and their parts, registered as `train_PART`, as `NAME-PART`."""
    return {
        entry.name + key.removeprefix("train").replace("_", "-"): target
        for entry in registry().models
        for key, target in entry.extra.items()
        if key == "train" or key.startswith("train_")
    }
