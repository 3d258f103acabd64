"""The training loop: stages of steps on Hugging Face Accelerate, on any number of processes.

A run is exact: the batch and the noise of a step are keyed by (seed, step, process), never drawn in sequence, so a
run that was killed and resumed ends, on a CPU, with the weights of an undisturbed one.
"""

import math
import signal
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, broadcast_object_list
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from bench_core.errors import RequestError
from bench_core.training.checkpoint import CHECKPOINT, Checkpoint, save_checkpoint
from bench_core.training.logs import Logs
from bench_core.training.recipe import Batch, Cadence, DrivenSchedule, Progressed, Recipe, Update

BEST = "best.safetensors"
LAST = "last.safetensors"


class Trainer:
    """Runs a recipe in a folder.

    The folder gets `checkpoint`, `best` and `last` .safetensors, `log.csv`, `validation.csv`, `tensorboard/` and,
    where the recipe has pictures, `samples/`. RequestError where it holds a run of other settings (unless
    `accept_changes`) or something that is no checkpoint.
    """

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
        self._driven = {update.name: update.lr for update in recipe.updates if isinstance(update.lr, DrivenSchedule)}
        self._stop: signal.Signals | None = None
        _check_place(out)
        checkpoint = None
        if (out / CHECKPOINT).exists():
            checkpoint = Checkpoint(out / CHECKPOINT, recipe, accept_changes)
            checkpoint.restore_weights()
            self.progressed = checkpoint.progressed
            self._restore_schedules()
            if accelerator.scaler is not None and checkpoint.scaler:
                accelerator.scaler.load_state_dict(checkpoint.scaler)
        self._prepared = {update.name: _Prepared(update, recipe, accelerator) for update in recipe.updates}
        if checkpoint is not None:  # after the parameters have moved to their device, so that the averages follow
            checkpoint.restore_optimizers()

    def _save(self) -> None:
        if self.accelerator.is_main_process:
            scaler = self.accelerator.scaler.state_dict() if self.accelerator.scaler is not None else {}
            save_checkpoint(self.out / CHECKPOINT, self.recipe, self.progressed, scaler)
            self.recipe.export(self.out / LAST, self.progressed)

    # ---- the loop

    def run(self) -> Progressed:
        """Train to the end, or until SIGINT or SIGTERM, after which `stopped_by` names the signal."""
        logs = Logs(self.out, self.progressed.step) if self.accelerator.is_main_process else None
        if logs is not None and logs.missing:
            self._note(logs.missing)
        self._note(f"{self.recipe.steps} steps, from step {self.progressed.step}, on {self.accelerator.device}")
        try:
            self._loop(logs)
        finally:
            if logs is not None:
                logs.close()
        if self._stop is not None:
            self._note(f"stopped at step {self.progressed.step}; the same command goes on from there")
        return self.progressed

    def _loop(self, logs: Logs | None) -> None:
        started, before = time.monotonic(), self.progressed.seconds
        last_save = started
        every = self.cadence.validate or self.recipe.validate_every
        self._train_mode(True)
        with self._signals(), self._bar() as advance:
            while self.progressed.step < self.recipe.steps and not self._stopping():
                figures = self._step(self.progressed.step)
                now = time.monotonic()
                self.progressed.step += 1
                self.progressed.seconds = before + now - started
                done, last = self.progressed.step, self.progressed.step == self.recipe.steps
                advance(figures)
                if logs is not None and (done % self.cadence.log == 0 or last):
                    logs.training(done, {**figures, **self._counters()})
                if done % every == 0 or last:
                    self._validate(logs)
                    self._share_schedules()
                if now - last_save > self.cadence.save_seconds and not last:
                    self._save()
                    last_save = time.monotonic()
        self._save()

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
        self._enter(step)
        stage = self.recipe.stage_at(step)
        process = self.accelerator.process_index
        self._seed(step, process)
        batch = self._to_device(stage.batch(step, process))
        handed: dict[str, Tensor] = {}
        figures: dict[str, float] = {}
        for update in self.recipe.playing(stage):
            self._prepared[update.name].run(step, batch, handed, figures, self.progressed)
        return figures

    def _enter(self, step: int) -> None:
        """Begin the stages that `step` has reached and no checkpoint knows of."""
        now = self.recipe.index_at(step)
        for stage in self.recipe.stages[self.progressed.entered : now + 1]:
            if stage.steps and stage.fresh:
                for update in self.recipe.playing(stage):
                    update.optimizer.state = defaultdict(dict)
            if stage.steps and stage.enter is not None:
                stage.enter()
        self.progressed.entered = max(self.progressed.entered, now + 1)

    def _seed(self, step: int, process: int) -> None:
        """Key torch's global generators (dropout, and objectives that draw from them) by seed, step and process."""
        seed = self.recipe.settings.get("seed", 0)
        words = np.random.SeedSequence((abs(int(seed)), int(seed < 0), step, process)).generate_state(1, np.uint64)
        # Not torch.manual_seed, which formats a traceback for each kind of device that is not there.
        torch.default_generator.manual_seed(int(words[0]))
        if self.accelerator.device.type != "cpu":
            torch.get_device_module(self.accelerator.device).manual_seed(int(words[0]))

    def _to_device(self, batch: Batch) -> dict[str, Any]:
        device = self.accelerator.device
        return {key: value.to(device) if isinstance(value, Tensor) else value for key, value in batch.items()}

    def _train_mode(self, training: bool) -> None:
        for update in self.recipe.updates:
            update.objective.train(training)

    def _validate(self, logs: Logs | None) -> None:
        if logs is None:  # only the main process validates
            return
        self._train_mode(False)
        with torch.no_grad():
            figures = dict(self.recipe.validate())
            pictures = self.recipe.pictures() if self.recipe.pictures is not None else {}
        self._train_mode(True)
        score = figures["score"]
        if score < self.progressed.best_score:
            self.progressed.best_score, self.progressed.best_step = score, self.progressed.step
            self.recipe.export(self.out / BEST, self.progressed)
        for name, schedule in self._driven.items():
            schedule.validated(figures)
            self.progressed.schedules[name] = schedule.state()
        logs.validation(self.progressed.step, figures)
        if pictures:
            logs.pictures(self.progressed.step, pictures)
        logs.flush()
        self._note(f"step {self.progressed.step}: " + ", ".join(f"{key} {value:.4g}" for key, value in figures.items()))

    def _share_schedules(self) -> None:
        """Let the processes that do not validate follow the one that does."""
        if self._driven and self.accelerator.num_processes > 1:
            (self.progressed.schedules,) = broadcast_object_list([self.progressed.schedules])
            self._restore_schedules()

    def _restore_schedules(self) -> None:
        for name, schedule in self._driven.items():
            if name in self.progressed.schedules:
                schedule.restore(self.progressed.schedules[name])

    def _counters(self) -> dict[str, float]:
        counts: dict[str, float] = {
            self.recipe.prefix(update, "_") + "skipped": self.progressed.skipped_by.get(update.name, 0)
            for update in self.recipe.updates
        }
        return {**counts, "skipped": self.progressed.skipped, "seconds": round(self.progressed.seconds, 1)}

    def _note(self, text: str) -> None:
        if self.accelerator.is_main_process:
            self.console.print(text, highlight=False, soft_wrap=True)  # a note is a line, in a file as well

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
            yield lambda figures: None
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self.console) as progress:
            task = progress.add_task("training", total=self.recipe.steps, completed=self.progressed.step)

            def advance(figures: Mapping[str, float]) -> None:
                loss = next(value for name, value in figures.items() if name.endswith("loss"))
                progress.update(task, advance=1, description=f"loss {loss:.4f}")

            yield advance


def _check_place(out: Path) -> None:
    """Make the folder of a run; RequestError where no file can be written there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise RequestError(f"--out {out}: cannot be written ({error.strerror}); e.g. --out runs/first") from None


class _Prepared:
    """An update whose objective is on the device and, with several processes, wrapped to average gradients."""

    def __init__(self, update: Update, recipe: Recipe, accelerator: Accelerator) -> None:
        self.update, self.accelerator = update, accelerator
        self.prefix = recipe.prefix(update, "_")
        self.parameters = update.parameters
        own = {id(parameter) for parameter in self.parameters}
        self.others = [parameter for parameter in update.objective.parameters() if id(parameter) not in own]
        accelerator.ddp_handler = DistributedDataParallelKwargs(find_unused_parameters=update.unused)
        with self._alone():  # so that the wrapper, too, waits for no gradient but the optimizer's own
            self.objective, self.optimizer = accelerator.prepare(update.objective, update.optimizer)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let nothing but the optimizer's parameters require gradients."""
        frozen = [parameter for parameter in self.others if parameter.requires_grad]
        for parameter in frozen:
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter in frozen:
                parameter.requires_grad_(True)

    def run(
        self,
        step: int,
        batch: Mapping[str, Any],
        handed: dict[str, Tensor],
        figures: dict[str, float],
        progressed: Progressed,
    ) -> None:
        """One update; adds to what is handed on and to the figures, and counts itself where it is skipped."""
        update, lr = self.update, self.update.lr(step)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        with self._alone():
            found = self.objective(**batch, **handed)
            self.accelerator.backward(found["loss"])
        handed |= {name: found.pop(name).detach() for name in update.hands_on}
        self.accelerator.unscale_gradients(self.optimizer)
        # The norm is taken over gradients already averaged between processes: all decide alike.
        limit = math.inf if update.clip_norm is None else update.clip_norm
        norm = nn.utils.clip_grad_norm_(self.parameters, limit)
        # One look at the device for all figures: each one alone would make it wait.
        scalars = torch.stack([norm.detach(), *(value.detach().to(norm) for value in found.values())]).tolist()
        finite = math.isfinite(scalars[0])
        if finite or self.accelerator.scaler is not None:
            self.optimizer.step()  # the scaler leaves out a step that is not finite, and lowers its scale
        if not finite:
            progressed.skipped += 1
            progressed.skipped_by[update.name] = progressed.skipped_by.get(update.name, 0) + 1
        self.optimizer.zero_grad()
        named = {**dict(zip(found, scalars[1:], strict=True)), "grad_norm": scalars[0], "lr": lr}
        figures |= {self.prefix + name: value for name, value in named.items()}
