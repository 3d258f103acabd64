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
    models = registry().models
    entry = models.get(name)
    target = entry.extra.get("train")
    if target is None:
        trainable = ", ".join(model.name for model in models if "train" in model.extra) or "none is installed"
        raise RequestError(f"'{entry.name}' has nothing to train; methods that train: {trainable}")
    command: click.Command = load_string(target, f"the training command of model '{entry.name}'")
    command.main(list(arguments), prog_name=f"bench train {entry.name}", standalone_mode=False)
