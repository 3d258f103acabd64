"""The training harness: stages of steps on Hugging Face Accelerate, with checkpoints, exact resume and a log.

A run is exact: the batch and the noise of a step are keyed by (seed, step, process), never drawn in sequence, so a
run that was killed and resumed ends with the weights of an undisturbed one. A checkpoint is one safetensors file,
replaced atomically; nothing is pickled.
"""

import csv
import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from accelerate import Accelerator
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from bench_core.errors import BenchError, RequestError

CHECKPOINT = "checkpoint.safetensors"
BEST = "best.safetensors"
LAST = "last.safetensors"
LOG = "log.csv"
VALIDATION = "validation.csv"

Batch = Mapping[str, Any]


@dataclass(frozen=True)
class Stage:
    """Some steps on one kind of batch.

    `batch(step, process)` must depend on nothing else, and gives the objective's keyword arguments; tensors are
    moved to the device.
    """

    name: str
    steps: int
    batch: Callable[[int, int], Batch]


@dataclass
class Progressed:
    """How far a run has come; what a checkpoint holds besides tensors."""

    step: int = 0
    skipped: int = 0
    seconds: float = 0.0
    best_score: float = math.inf
    best_step: int = -1
    changes: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Recipe:
    """Everything a run is made of.

    `objective(**batch)` returns named scalar losses, of which `loss` is minimised. `lr(step)` is the learning rate.
    `validate()` returns figures, among them `score`, the lower the better. `export(path, progressed)` writes
    finished weights. `settings` are what must not change between a checkpoint and its resume.
    """

    objective: nn.Module
    stages: Sequence[Stage]
    optimizer: torch.optim.Optimizer
    lr: Callable[[int], float]
    validate: Callable[[], Mapping[str, float]]
    export: Callable[[Path, Progressed], None]
    settings: Mapping[str, Any]
    clip_norm: float = 1.0

    @property
    def steps(self) -> int:
        """Of all stages together."""
        return sum(stage.steps for stage in self.stages)

    def stage_at(self, step: int) -> Stage:
        """The stage that `step` (from 0) belongs to."""
        for stage in self.stages:
            if step < stage.steps:
                return stage
            step -= stage.steps
        raise IndexError("the run has fewer steps")


@dataclass(frozen=True)
class Cadence:
    """How often to log and validate (in steps), and to save (in seconds)."""

    log: int = 10
    validate: int = 500
    save_seconds: float = 240.0


def cosine_lr(peak: float, end: float, warmup: int, steps: int) -> Callable[[int], float]:
    """Linear warm-up over `warmup` steps, then a half cosine from `peak` to `end` at the last step."""

    def lr(step: int) -> float:
        if step < warmup:
            return peak * (step + 1) / warmup
        share = (step - warmup) / max(1, steps - 1 - warmup)
        return end + (peak - end) * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))

    return lr


def halving_lr(peak: float, steps: int, parts: int = 5) -> Callable[[int], float]:
    """`peak`, halved after each of `parts` equal parts of the run but the last."""
    return lambda step: peak * 0.5 ** min(parts - 1, step * parts // steps)


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file atomically: a reader, or a kill, sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    # Not save_file, which makes files that only their owner can read.
    partial.write_bytes(
        save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, dict(metadata))
    )
    partial.replace(path)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors (on the CPU) and metadata of a safetensors file; RequestError where it is none."""
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except FileNotFoundError:
        raise RequestError(f"no such file: {path}") from None
    except (SafetensorError, OSError) as error:
        raise RequestError(f"{path} is not a safetensors file ({' '.join(str(error).split())})") from None


class Trainer:
    """Runs a recipe in a folder: `checkpoint`, `best` and `last` .safetensors, `log.csv` and `validation.csv`."""

    def __init__(
        self,
        recipe: Recipe,
        out: Path,
        accelerator: Accelerator,
        cadence: Cadence | None = None,
        accept_changes: bool = False,
        console: Console | None = None,
    ) -> None:
        self.recipe, self.out, self.accelerator = recipe, out, accelerator
        self.cadence = cadence or Cadence()
        self.console = console or Console(stderr=True)
        self.progressed = Progressed()
        self._stop: signal.Signals | None = None
        out.mkdir(parents=True, exist_ok=True)
        if (out / CHECKPOINT).exists():
            self._load(accept_changes)
        self.objective, self.optimizer = accelerator.prepare(recipe.objective, recipe.optimizer)

    # ---- checkpoints

    def _save(self) -> None:
        if not self.accelerator.is_main_process:
            return
        model = self.accelerator.unwrap_model(self.objective).state_dict()
        tensors = {f"model.{name}": value for name, value in model.items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in state.items()}
        scaler = self.accelerator.scaler.state_dict() if self.accelerator.scaler is not None else {}
        state = {"progressed": asdict(self.progressed), "settings": dict(self.recipe.settings), "scaler": scaler}
        save_tensors(self.out / CHECKPOINT, tensors, {"state": json.dumps(state)})
        self.recipe.export(self.out / LAST, self.progressed)

    def _load(self, accept_changes: bool) -> None:
        path = self.out / CHECKPOINT
        tensors, metadata = load_tensors(path)
        try:
            state = json.loads(metadata["state"])
            progressed = Progressed(**state["progressed"])
            old = state["settings"]
        except (KeyError, TypeError, json.JSONDecodeError):
            raise RequestError(f"{path} is not a checkpoint of this program; choose another --out") from None
        new = json.loads(json.dumps(dict(self.recipe.settings)))
        changed = {key: [old.get(key), new.get(key)] for key in sorted({*old, *new}) if old.get(key) != new.get(key)}
        if changed:
            listed = ", ".join(f"{key} {before} → {after}" for key, (before, after) in changed.items())
            if not accept_changes:
                raise RequestError(
                    f"{self.out} holds a run with other settings ({listed}); "
                    "choose another --out, or go on with the new ones: --accept-changes"
                )
            progressed.changes.append({"step": progressed.step, **changed})
        model = {name.removeprefix("model."): value for name, value in tensors.items() if name.startswith("model.")}
        try:
            self.recipe.objective.load_state_dict(model)
        except RuntimeError as error:
            raise RequestError(f"{path} does not fit this network: {' '.join(str(error).split())[:200]}") from None
        self.recipe.optimizer.load_state_dict(self._optimizer_state(tensors))
        if self.accelerator.scaler is not None and state["scaler"]:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        self.progressed = progressed

    def _optimizer_state(self, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("optimizer."):
                _, index, key = name.split(".", 2)
                state.setdefault(int(index), {})[key] = value
        # The groups' figures follow from the settings; only the running averages are the run's own.
        return {"state": state, "param_groups": self.recipe.optimizer.state_dict()["param_groups"]}

    # ---- the loop

    def run(self) -> Progressed:
        """Train to the end, or until SIGINT or SIGTERM, after which `stopped_by` names the signal."""
        logs = Logs(self.out, self.progressed.step) if self.accelerator.is_main_process else None
        self._note(f"{self.recipe.steps} steps, from step {self.progressed.step}, on {self.accelerator.device}")
        started, before = time.monotonic(), self.progressed.seconds
        last_save = started
        with self._signals(), self._bar() as advance:
            while self.progressed.step < self.recipe.steps and not self._stopping():
                losses = self._step(self.progressed.step)
                now = time.monotonic()
                self.progressed.step += 1
                self.progressed.seconds = before + now - started
                done, last = self.progressed.step, self.progressed.step == self.recipe.steps
                advance(losses)
                if logs is not None and (done % self.cadence.log == 0 or last):
                    logs.write(LOG, {"step": done, **losses, **self._counters()})
                if done % self.cadence.validate == 0 or last:
                    self._validate(logs)
                if now - last_save > self.cadence.save_seconds and not last:
                    self._save()
                    last_save = time.monotonic()
        self._save()
        if self._stop is not None:
            self._note(f"stopped at step {self.progressed.step}; the same command goes on from there")
        return self.progressed

    @property
    def stopped_by(self) -> signal.Signals | None:
        """The signal that ended `run` early."""
        return self._stop

    def _stopping(self) -> bool:
        if self.accelerator.num_processes > 1:
            # A signal reaches processes at different times; one that left alone would leave the others waiting.
            mine = torch.tensor([self._stop or 0], device=self.accelerator.device)
            number = int(self.accelerator.gather(mine).max())
            self._stop = signal.Signals(number) if number else None
        return self._stop is not None

    def _step(self, step: int) -> dict[str, float]:
        recipe = self.recipe
        stage = recipe.stage_at(step)
        lr = recipe.lr(step)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        batch = self._to_device(stage.batch(step, self.accelerator.process_index))
        self.objective.train()
        losses = self.objective(**batch)
        self.accelerator.backward(losses["loss"])
        # The norm is taken over gradients already averaged between processes: all decide alike.
        norm = float(self.accelerator.clip_grad_norm_(self.objective.parameters(), recipe.clip_norm))
        if math.isfinite(norm) or self.accelerator.scaler is not None:
            self.optimizer.step()
        if not math.isfinite(norm):
            self.progressed.skipped += 1
        self.optimizer.zero_grad()
        figures = {name: float(value.detach()) for name, value in losses.items()}
        return {**figures, "grad_norm": norm, "lr": lr}

    def _to_device(self, batch: Batch) -> dict[str, Any]:
        device = self.accelerator.device
        return {key: value.to(device) if isinstance(value, Tensor) else value for key, value in batch.items()}

    def _validate(self, logs: "Logs | None") -> None:
        if not self.accelerator.is_main_process:
            return
        self.objective.eval()
        with torch.no_grad():
            figures = dict(self.recipe.validate())
        self.objective.train()
        score = figures["score"]
        if score < self.progressed.best_score:
            self.progressed.best_score, self.progressed.best_step = score, self.progressed.step
            self.recipe.export(self.out / BEST, self.progressed)
        if logs is not None:
            logs.write(VALIDATION, {"step": self.progressed.step, **figures})
        self._note(f"step {self.progressed.step}: " + ", ".join(f"{key} {value:.4g}" for key, value in figures.items()))

    def _counters(self) -> dict[str, float]:
        return {"skipped": self.progressed.skipped, "seconds": round(self.progressed.seconds, 1)}

    def _note(self, text: str) -> None:
        if self.accelerator.is_main_process:
            self.console.print(text, highlight=False)

    # ---- signals and the bar

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def stop(number: int, frame: FrameType | None) -> None:
            if self._stop is not None:
                raise KeyboardInterrupt
            self._stop = signal.Signals(number)

        try:
            previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:  # not in the main thread: the caller handles signals
            yield
            return
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    @contextmanager
    def _bar(self) -> Iterator[Callable[[Mapping[str, float]], None]]:
        if not (self.console.is_terminal and self.accelerator.is_main_process):
            yield lambda losses: None
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self.console) as progress:
            task = progress.add_task("training", total=self.recipe.steps, completed=self.progressed.step)
            yield lambda losses: progress.update(task, advance=1, description=f"loss {losses['loss']:.4f}")


class Logs:
    """CSV files that a resumed run goes on with: rows after the checkpoint's step are dropped first."""

    def __init__(self, folder: Path, step: int) -> None:
        self.folder = folder
        for name in (LOG, VALIDATION):
            path = folder / name
            if path.exists():
                with path.open(newline="", encoding="utf-8") as file:
                    rows = list(csv.reader(file))
                kept = rows[:1] + [row for row in rows[1:] if row and row[0].isdigit() and int(row[0]) <= step]
                with path.open("w", newline="", encoding="utf-8") as file:
                    csv.writer(file).writerows(kept)

    def write(self, name: str, row: Mapping[str, float]) -> None:
        """Append one row; the first one brings the header."""
        path = self.folder / name
        fresh = not path.exists() or path.stat().st_size == 0
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if fresh:
                writer.writerow(row)
            writer.writerow([f"{value:.6g}" if isinstance(value, float) else value for value in row.values()])


def make_accelerator(device: str, mixed_precision: str) -> Accelerator:
    """An Accelerator on `auto` (what there is, or what `accelerate launch` says) or `cpu`."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    return Accelerator(cpu=device == "cpu", mixed_precision=mixed_precision)


def run_command(train: Callable[[], Trainer]) -> None:
    """Run a training command's trainer; print a BenchError as one line a mistake and exit as the shell expects."""
    try:
        trainer = train()
        trainer.run()
    except BenchError as error:
        print(*(f"Error: {line}" for line in str(error).splitlines()), sep="\n", file=sys.stderr)  # noqa: T201
        raise SystemExit(error.exit_code) from None
    if trainer.stopped_by is not None:
        raise SystemExit(128 + trainer.stopped_by)
