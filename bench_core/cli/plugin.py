"""`bench plugin`: help for those who write one."""

import json
import re
from importlib import resources
from pathlib import Path

import click

from bench_core.cli.options import json_option, method_options, parse_settings
from bench_core.errors import RequestError


@click.group()
def plugin() -> None:
    """Start a plugin, and check that a method keeps the rules."""


@plugin.command()
@click.argument("name", metavar="NAME")
@click.option("--dataset", default="sample", show_default=True, metavar="SET", help="Pictures to try it on.")
@click.option("--size", default="64", show_default=True, metavar="SIZE", help="Their size.")
@click.option("--limit", type=click.IntRange(2), default=3, show_default=True, help="How many.")
@method_options
@json_option
def check(
    name: str,
    dataset: str,
    size: str,
    limit: int,
    device: str,
    weights: str | None,
    set_: tuple[str, ...],
    as_json: bool,
) -> int:
    """Check method NAME against the rules; exit code 1 if one is broken.

    Among them: decoding in another order, and by a fresh object in another process, gives the same pictures, so
    nothing but the received picture reaches the receiver.
    """
    from bench_core.conformance import check_model
    from bench_core.plan import Request

    request = Request(
        plugin=name,
        dataset=dataset,
        size=size,
        limit=limit,
        device=device,
        weights=weights,
        settings=parse_settings(set_),
    )
    checks = []
    for found in check_model(request):
        checks.append(found)
        if not as_json:
            click.echo(
                f"{'ok  ' if found.passed else 'FAIL'}  {found.rule}" + (f": {found.detail}" if found.detail else "")
            )
    if as_json:
        click.echo(json.dumps([vars(found) for found in checks], indent=2))
    return 0 if all(found.passed for found in checks) else 1


@plugin.command()
@click.argument("name", metavar="NAME")
@click.option("-o", "--output", metavar="FOLDER", help="Where to write it.  [default: bench-NAME]")
def new(name: str, output: str | None) -> None:
    """Write a small working plugin for a method called NAME: two modules, pyproject.toml, README and a test."""
    from jinja2 import Environment, StrictUndefined

    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise RequestError(f"'{name}' cannot be a method's name; use lower-case letters, digits and -, e.g. my-method")
    folder = Path(output or f"bench-{name}")
    if folder.exists():
        raise RequestError(f"{folder} is there already; name another folder with -o")
    module = f"bench_{name.replace('-', '_')}"
    facts = {"name": name, "module": module, "class_name": "".join(part.capitalize() for part in name.split("-"))}
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701
    scaffold = resources.files("bench_core") / "scaffold"
    files = {
        f"{module}/__init__.py": "hooks.py.j2",
        f"{module}/method.py": "method.py.j2",
        "pyproject.toml": "pyproject.toml.j2",
        "README.md": "README.md.j2",
        f"tests/test_{module}.py": "test.py.j2",
    }
    texts = {
        target: environment.from_string((scaffold / source).read_text("utf-8")).render(facts)
        for target, source in files.items()
    }
    for target, text in texts.items():
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        (folder / target).write_text(text, "utf-8")
        click.echo(str(folder / target))
    click.echo(f"next: pip install -e {folder}; bench plugin check {name}; bench run -p {name} -d jpeg:40")
