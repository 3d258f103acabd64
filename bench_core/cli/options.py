"""Options that several commands share."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from bench_core.errors import RequestError

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

db_option: Decorator = click.option(
    "--db",
    default="bench.db",
    show_default=True,
    envvar="BENCH_DB",
    metavar="FILE|URL",
    help="The database of results.",
)
json_option: Decorator = click.option(
    "--json", "as_json", is_flag=True, envvar="BENCH_JSON", help="Print JSON for a program to read."
)
seed_option: Decorator = click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Keys every random draw."
)
set_option: Decorator = click.option(
    "--set", "set_", multiple=True, envvar="BENCH_SET", metavar="KEY=VALUE", help="Change a setting of the method."
)
weights_option: Decorator = click.option("--weights", metavar="FILE", help="Weights instead of the plugin's own.")
device_option: Decorator = click.option(
    "--device",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="cpu, cuda, cuda:1, …; auto takes a GPU if there is one.",
)


def method_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What every command that sets up a method takes: --device, --weights, --set."""
    for option in (set_option, weights_option, device_option):
        command = option(command)
    return command


def parse_settings(settings: Sequence[str]) -> dict[str, str]:
    """`key=value` texts as a dict.

    Raises:
        RequestError: one line for each text that is not `key=value`, or names a key again.
    """
    found: dict[str, str] = {}
    problems = []
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            problems.append(f"--set {text}: must be KEY=VALUE, e.g. --set temperature=0")
        elif key.strip() in found:
            problems.append(f"--set {text}: '{key.strip()}' is given twice")
        found[key.strip()] = value.strip()
    if problems:
        raise RequestError(problems)
    return found
