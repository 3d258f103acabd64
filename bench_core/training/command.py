"""What every training command shares: its options, photos, device, and how it ends."""

import errno
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn

import click
import torch
from accelerate import Accelerator

from bench_core.errors import BenchError, RequestError
from bench_core.params import Value
from bench_core.photos import Pixels, held_out, load_photos
from bench_core.provenance import digest_of, file_digest
from bench_core.training.hyperparameters import Hyperparameters
from bench_core.training.recipe import VALIDATE_EVERY, Cadence
from bench_core.training.trainer import Trainer

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_MARK = 16  # digits of a digest: enough to tell one from another, and to read in a message


@dataclass(frozen=True)
class TrainingOptions:
    """What `training_options` read from the command line."""

    hyperparameters: Hyperparameters
    preset: str
    overrides: tuple[str, ...]
    data: tuple[str, ...]
    val: tuple[str, ...]
    out: Path
    seed: int
    init: Path | None
    device: str
    mixed_precision: str
    accept_changes: bool
    cadence: Cadence

    def values(self) -> dict[str, Value]:
        """Every hyper-parameter's value; RequestError with one line per mistake."""
        return self.hyperparameters.resolve(self.preset, self.overrides)

    def settings(self, accelerator: Accelerator) -> dict[str, Any]:
        """What must not change between a checkpoint and its resume, as far as options say it.

        Weights files repeat it, so `--init`, `--data` and `--val` are digests: no path of this machine gets there.
        RequestError where `--init` cannot be read.
        """
        return {
            "--init": _file_mark(self.init),
            "--data": _mark(self.data),
            "--val": _mark(self.val),
            "preset": self.preset,
            "seed": self.seed,
            "processes": accelerator.num_processes,
            "mixed_precision": self.mixed_precision,
            **self.values(),
        }

    def photos(self, together: int = 1, also: Sequence[str] = ()) -> tuple[list[Pixels], list[Pixels]]:
        """Photos to train on and to validate on: `--val`, or some of `--data`, at least the `together` a trip takes.

        `also` names the maps that each photo must have, and that are its further channels (`load_photos`).

        RequestError where there are none, or too few.
        """
        if not self.data:
            raise RequestError(
                f"training needs photos; e.g. --data folder:photos{''.join(f',{name}=DIR' for name in also)}"
            )
        photos = load_photos(self.data, "--data", also)
        return (photos, load_photos(self.val, "--val", also)) if self.val else held_out(photos, self.seed, together)


def _mark(texts: Sequence[str]) -> str | None:
    """What tells some texts from others, and from none."""
    return digest_of(texts)[:_MARK] if texts else None


def _file_mark(path: Path | None) -> str | None:
    """What tells a file's bytes from others, and from no file; RequestError where it cannot be read."""
    try:
        return file_digest(path)[:_MARK] if path else None
    except OSError as error:
        raise RequestError(
            f"--init {path}: cannot be read ({error.strerror}); e.g. --init runs/first/last.safetensors"
        ) from None


def training_options(hyperparameters: Hyperparameters) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator, put below `click.command`, which adds the options that all training commands share.

    The command is called with a `TrainingOptions` and its own options. `--show-hyperparameters` prints and ends.
    """
    presets = "; ".join(f"{name}: {summary}" for name, summary in hyperparameters.presets.items())
    path = click.Path(path_type=Path, file_okay=False)
    options = (
        click.option(
            "--preset",
            type=click.Choice(list(hyperparameters.presets)),
            default=next(iter(hyperparameters.presets)),
            help=f"Where hyper-parameters come from: {presets}.",
        ),
        click.option("--data", multiple=True, help="Photos to train on: folder:PATH; may be repeated."),
        click.option("--val", multiple=True, help="Photos to validate on  [default: up to 12 of --data, held out]"),
        click.option("--out", type=path, help="Folder of the run.  [required]"),
        click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a hyper-parameter."),
        click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, help="Of weights, crops and noise."),
        click.option("--init", type=click.Path(path_type=Path, dir_okay=False), help="Weights to start from."),
        click.option("--device", type=click.Choice(["auto", "cpu"]), default="auto", help="Where to train."),
        click.option(
            "--mixed-precision",
            type=click.Choice(["no", "bf16", "fp16"]),
            default="no",
            envvar="ACCELERATE_MIXED_PRECISION",  # what `accelerate launch --mixed_precision` says
            help="Precision of what autocast may round; fp16 needs a GPU.",
        ),
        click.option("--accept-changes", is_flag=True, help="Go on with a run although settings changed."),
        click.option("--log-every", type=click.IntRange(1), default=10, help="Steps between rows of log.csv."),
        click.option(
            "--validate-every",
            type=click.IntRange(1),
            help=f"Steps between validations  [default: {VALIDATE_EVERY}, or an epoch where the method has epochs]",
        ),
        click.option("--save-seconds", type=click.FloatRange(0), default=240.0, help="Seconds between checkpoints."),
        click.option(
            "--show-hyperparameters",
            is_flag=True,
            help="Print every hyper-parameter, what the paper prints and where its value comes from; train nothing.",
        ),
    )

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def wrapped(
            show_hyperparameters: bool,
            log_every: int,
            validate_every: int | None,
            save_seconds: float,
            **given: Any,
        ) -> Any:
            if show_hyperparameters:
                with one_line_errors():
                    click.echo(hyperparameters.table(given["preset"], given["overrides"]))
                return None
            with one_line_errors():
                if given["out"] is None:
                    raise RequestError("missing option --out, the folder of the run; e.g. --out runs/first")
            names = TrainingOptions.__dataclass_fields__
            shared = {name: given.pop(name) for name in list(given) if name in names}
            cadence = Cadence(log_every, validate_every, save_seconds)
            return command(TrainingOptions(hyperparameters, cadence=cadence, **shared), **given)

        for option in reversed(options):
            wrapped = option(wrapped)
        return wrapped

    return decorate


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the program where the body raises what a user can act on: one line a mistake, and the exit code."""
    try:
        yield
    except BenchError as error:
        _end(error.exit_code, *str(error).splitlines())
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        _end(1, f"{error.strerror}: {error.filename or 'a file of the run'}; make room and run the same command again")
    except (MemoryError, RuntimeError) as error:
        if not _out_of_memory(error):
            raise
        reason = " ".join(str(error).split())[:200] or "no more to be had"
        _end(1, f"out of memory ({reason}); try a smaller batch or crop, e.g. --set batch=1")


def _end(code: int, *problems: str) -> NoReturn:
    print(*(f"Error: {problem}" for problem in problems), sep="\n", file=sys.stderr)  # noqa: T201
    raise SystemExit(code) from None


def _out_of_memory(error: MemoryError | RuntimeError) -> bool:
    """Python's and numpy's MemoryError, a GPU's, and a RuntimeError of torch's allocator for the CPU."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and "allocat" in str(error) and "memory" in str(error)


def run_command(train: Callable[[], Trainer]) -> None:
    """Run a training command's trainer; print a mistake as one line, and exit as a shell expects."""
    with one_line_errors():
        trainer = train()
        trainer.run()
    if trainer.stopped_by is not None:
        raise SystemExit(128 + trainer.stopped_by)
