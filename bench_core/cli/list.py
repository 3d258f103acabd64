"""`bench list`: what is installed, without importing any of it."""

import json
from typing import Any

import click

from bench_core.cli.options import json_option
from bench_core.errors import RequestError
from bench_core.plugins import KINDS, Plugins, registry


@click.command("list")
@click.argument("kind", type=click.Choice([*(kind for kind in KINDS if kind != "commands"), "plugins"]))
@json_option
def list_(kind: str, as_json: bool) -> None:
    """Show the installed models, degradations, metrics, data sets, suites or plugins."""
    rows = plugin_rows(registry()) if kind == "plugins" else entry_rows(registry(), kind)
    if as_json:
        if kind == "suites":
            rows = [row | suite_facts(row["name"]) for row in rows]
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        click.echo(f"no {kind} installed")
        return
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        click.echo(f"{row['name']:<{width}}  {_line(row, kind)}".rstrip())


def _line(row: dict[str, Any], kind: str) -> str:
    if kind != "plugins":
        also = f" (also: {', '.join(row['aliases'])})" if row["aliases"] else ""
        group = f" = {', '.join(row['members'])}" if row["members"] else ""
        return f"{row['summary']}{also}{group}"
    if row["error"]:
        return f"FAILED: {row['error']}"
    return f"{row['distribution']} {row['version']}: {', '.join(row['registered'])}"


def plugin_rows(plugins: Plugins) -> list[dict[str, Any]]:
    """One row an entry point, broken ones with the reason."""
    return [
        {
            "name": info.name,
            "distribution": info.distribution,
            "version": info.version,
            "module": info.module,
            "status": "failed" if info.error else "ok",
            "error": info.error,
            "registered": list(info.registered),
        }
        for info in plugins.infos
    ]


def entry_rows(plugins: Plugins, kind: str) -> list[dict[str, Any]]:
    """One row a registered name."""
    return [
        {
            "name": entry.name,
            "summary": entry.summary,
            "plugin": entry.plugin,
            "aliases": list(entry.aliases),
            "members": list(entry.target) if isinstance(entry.target, tuple) else [],
            **entry.extra,
        }
        for entry in getattr(plugins, kind)
    ]


def suite_facts(name: str) -> dict[str, Any]:
    """What a suite's file says; of one that cannot be read, the mistakes; of a family nothing."""
    if name.endswith(":"):
        return {}
    from bench_core.suite import load_suite

    try:
        return load_suite(name).as_dict()
    except RequestError as error:
        return {"error": error.problems}
