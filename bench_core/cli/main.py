"""The `bench` command: a group whose subcommands are imported only when they are used."""

import logging
import sys
from typing import Any

import click

from bench_core import __version__
from bench_core.errors import BenchError
from bench_core.plugins import load_string, registry

COMMANDS = {
    "run": ("bench_core.cli.run:run", "Measure a method: encode, degrade, decode, score, store."),
    "train": ("bench_core.cli.train:train", "Train a method with its own training entry point."),
    "list": ("bench_core.cli.list:list_", "Show what is installed."),
    "runs": ("bench_core.cli.runs:runs", "List the runs in a database."),
    "show": ("bench_core.cli.runs:show", "Show one run: figures, failures, provenance."),
    "compare": ("bench_core.cli.compare:compare", "Compare two runs, image by image."),
    "export": ("bench_core.cli.export:export", "Write rows as CSV, JSON or Parquet."),
    "encode": ("bench_core.cli.transport:encode", "Make a carrier from pictures."),
    "decode": ("bench_core.cli.transport:decode", "Recover pictures from a received carrier."),
    "colorize": ("bench_core.cli.colorize:colorize", "Give old photos colors."),
    "degrade": ("bench_core.cli.degrade:degrade", "Send one picture through a channel."),
    "measure": ("bench_core.cli.measure:measure", "Compare two pictures."),
    "weights": ("bench_core.cli.weights:weights", "Get the weights that learned metrics need."),
    "plugin": ("bench_core.cli.plugin:plugin", "Start a plugin, and check that a method keeps the rules."),
}
"""Core commands: import string and the line that --help shows."""


class BenchGroup(click.Group):
    """Core commands and those that plugins register, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Core commands first, in their order of use; then the plugins'."""
        return [*COMMANDS, *(name for name in registry().commands.names() if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name in COMMANDS:
            command: click.Command = load_string(COMMANDS[cmd_name][0], f"command '{cmd_name}'")
            return command
        entry = registry().commands.find(cmd_name)
        return entry.load() if entry else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from their registered summaries, importing none of them."""
        rows = []
        for name in self.list_commands(ctx):
            entry = registry().commands.find(name)
            rows.append((name, COMMANDS[name][1] if name in COMMANDS else entry.summary if entry else ""))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=BenchGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="bench")
def bench() -> None:
    """How much of a picture survives the trip?

    bench measures methods that hide or restore pictures: a method turns images into a carrier, the carrier travels
    as an 8-bit file through a lossy channel, and the method turns what arrives back into images.

    Every option can be given as an environment variable, e.g. BENCH_RUN_DATASET for `bench run --dataset`; BENCH_DB
    names the database for all commands.
    """


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"bench: {record.levelname.lower()}: {record.getMessage()}"


def main(arguments: list[str] | None = None) -> Any:
    """Run `bench`. Exit codes: 0 done; 2 the request was wrong; 3 failed cells under --strict; 1 anything else."""
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine())
    log = logging.getLogger("bench")
    before, log.handlers = log.handlers, [handler]
    try:
        sys.exit(bench.main(arguments, prog_name="bench", standalone_mode=False, auto_envvar_prefix="BENCH") or 0)
    except click.exceptions.Abort:
        _say(["interrupted; what was finished is stored, and the same command goes on from there"])
        sys.exit(1)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "bench"
        hint = f" (see: {command} --help)"
        _say([f"{command}: {error.format_message()}{hint}"])
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _say([error.format_message()])
        sys.exit(error.exit_code)
    except BenchError as error:
        _say(str(error).splitlines())
        sys.exit(error.exit_code)
    finally:  # who calls this from Python may replace stderr afterwards, and the handler holds the old one
        log.handlers = before


def _say(lines: list[str]) -> None:
    for line in lines:
        click.echo(f"Error: {line}", err=True)


if __name__ == "__main__":
    main()
