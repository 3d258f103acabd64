"""Write docs/commands.md from what the commands themselves say: python docs/make_commands.py [--print]."""

import sys
from pathlib import Path

import click
from click.testing import CliRunner

from bench_core.cli.main import COMMANDS, bench

PAGE = Path(__file__).with_name("commands.md")
MORE = (
    "weights list",
    "weights fetch",
    "weights path",
    "plugin check",
    "plugin new",
    "leaderboard",
    "leaderboard build",
    "leaderboard open",
    "report",
    "capture",
    "capture sheet",
    "capture ingest",
    "locate",
    "scgan saliency",
    "sdc edit",
    "sdc join",
    "sdc renumber",
    "datasets fetch",
)


def page() -> str:
    """The page: the help of every command."""
    parts = ["# The commands\n\nMade by `python docs/make_commands.py`; a test holds it to what the commands say.\n"]
    for name in ("", *COMMANDS, *MORE):
        text = _help([*name.split(), "--help"])
        parts.append(f"## bench {name}".rstrip() + f"\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def _help(arguments: list[str]) -> str:
    runner = CliRunner()
    result = runner.invoke(bench, arguments, prog_name="bench", terminal_width=100, auto_envvar_prefix="BENCH")
    if result.exit_code:
        raise click.ClickException(result.output)
    return "\n".join(line.rstrip() for line in result.output.strip().splitlines())


if __name__ == "__main__":
    if "--print" in sys.argv:
        sys.stdout.write(page())
    else:
        PAGE.write_text(page(), encoding="utf-8")
