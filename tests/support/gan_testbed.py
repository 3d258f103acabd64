"""A whole GAN recipe, small enough to be trained hundreds of times: colors gray pictures against a patch discriminator.

As a program (`python gan_testbed.py MODE OUT`, under torchrun or accelerate launch) it trains it in several processes.
"""

import atexit
import math
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from rich.console import Console
from torch import Tensor, nn

from bench_core.nn.adversarial import discriminator_loss, generator_loss
from bench_core.nn.patchgan import PatchDiscriminator, frozen_statistics
from bench_core.training import Cadence, Progressed, Recipe, Stage, Trainer, Update, make_accelerator, save_tensors

STEPS = 9
SIDE = 16


class GeneratorObjective(nn.Module):
    """Colors near the true ones, which the discriminator takes for real; its own weights stay as they are."""

    def __init__(self, generator: nn.Module, discriminator: nn.Module) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.autocast: set[bool] = set()

    def forward(self, gray: Tensor, color: Tensor, adversarial: bool, **_: Any) -> dict[str, Tensor]:
        self.autocast.add(torch.is_autocast_enabled("cpu"))
        colored = torch.sigmoid(self.generator(gray))
        loss = pixels = F.mse_loss(colored, color)
        losses = {"pixels": pixels, "colored": colored}
        if adversarial:
            assert not any(parameter.requires_grad for parameter in self.discriminator.parameters())
            with frozen_statistics(self.discriminator):
                losses["adversarial"] = generator_loss(self.discriminator(colored))
            loss = loss + 0.1 * losses["adversarial"]
        return {"loss": loss, **losses}


class DiscriminatorObjective(nn.Module):
    """Real colors against those that the generator's update handed on."""

    def __init__(self, discriminator: nn.Module) -> None:
        super().__init__()
        self.discriminator = discriminator

    def forward(self, color: Tensor, colored: Tensor, poison: float = 1.0, **_: Any) -> dict[str, Tensor]:
        assert not colored.requires_grad
        return {"loss": poison * discriminator_loss(self.discriminator(color), self.discriminator(colored))}


class Following:
    """A rate that only validations change: halved by each."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def __call__(self, step: int) -> float:
        return self.rate

    def validated(self, figures: Mapping[str, float]) -> None:
        self.rate *= 0.5 if figures["score"] > 0 else math.nan

    def state(self) -> dict[str, Any]:
        return {"rate": self.rate}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.rate = state["rate"]


class Gan:
    """The networks, the recipe, and what its hooks saw."""

    def __init__(
        self,
        on_step: Callable[[int], None] = lambda step: None,
        poisoned: int = -1,
        processes: int = 1,
        plain: bool = False,
    ) -> None:
        torch.manual_seed(0)
        # Dropout draws from torch's own generator; batch norm has statistics to resume. `plain` has neither.
        layers = [nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Dropout(0.0 if plain else 0.5), nn.Conv2d(4, 3, 1)]
        self.generator = nn.Sequential(*layers)
        self.discriminator = nn.Conv2d(3, 1, 4, 2, 1) if plain else PatchDiscriminator(3, 2, 1)
        self.entered: list[str] = []

        def batch(step: int, process: int) -> dict[str, Any]:
            on_step(step)
            rng = np.random.default_rng((7, step))
            color = torch.from_numpy(rng.random((4, 3, SIDE, SIDE), dtype=np.float32))
            color = color.reshape(processes, 4 // processes, 3, SIDE, SIDE)[process]
            poison = float("nan") if step == poisoned else 1.0
            return {"gray": color.mean(1, keepdim=True), "color": color, "adversarial": step >= 3, "poison": poison}

        def enter(name: str) -> Callable[[], None]:
            def hook() -> None:
                self.entered.append(name)
                with torch.no_grad():  # what decoupled tuning does: go on from a change of the weights
                    self.generator[0].weight.mul_(-1)

            return hook

        objective = GeneratorObjective(self.generator, self.discriminator)
        optimizers = [torch.optim.Adam(part.parameters(), lr=1.0) for part in (self.generator, self.discriminator)]
        updates = [
            Update("generator", objective, optimizers[0], lambda step: 0.05 / (step + 1), hands_on=("colored",)),
            Update("discriminator", DiscriminatorObjective(self.discriminator), optimizers[1], lambda step: 0.01, None),
        ]
        if plain:  # only the process that validates can know this rate by itself
            updates[0] = replace(updates[0], lr=Following(0.05))
        self.recipe = Recipe(
            updates=updates,
            stages=[
                Stage("alone", 3, batch, ("generator",)),
                Stage("never", 0, batch, enter=enter("never")),
                Stage("both", 4, batch, fresh=True, enter=enter("both")),
                Stage("late", STEPS - 7, batch, enter=enter("late")),
            ],
            validate=lambda: {"score": float(F.mse_loss(torch.sigmoid(self.generator(self.gray)), self.color))},
            export=self.export,
            settings={"steps": STEPS, "seed": 3},
            pictures=lambda: {"colored": torch.sigmoid(self.generator(self.gray)), "gray": self.gray},
        )
        self.objective = objective
        self.color = torch.from_numpy(np.random.default_rng(0).random((10, 3, SIDE, SIDE), dtype=np.float32))
        self.gray = self.color.mean(1, keepdim=True)

    def export(self, path: Path, progressed: Progressed) -> None:
        both = nn.ModuleDict({"generator": self.generator, "discriminator": self.discriminator})
        save_tensors(path, both.state_dict(), {"step": str(progressed.step)})

    def trainer(self, out: Path, accelerator: Accelerator | None = None, cadence: Cadence | None = None) -> Trainer:
        accelerator = accelerator or Accelerator(cpu=True)
        return Trainer(self.recipe, out, accelerator, cadence or Cadence(1, 4, 0.0), console=Console(quiet=True))


def say_what_still_listens() -> None:
    """Threads of gloo, which speak with other processes: one that outlives Python's end can abort it (Linux only)."""
    names = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]
    sys.stdout.write(f"threads of gloo at the end: {sum('gloo' in name for name in names)}\n")


def main(mode: str, out: Path) -> None:
    """`cut`: stopped by a signal to the last process alone, then resumed. `whole`: in one piece."""
    atexit.register(say_what_still_listens)  # called after what is registered later
    accelerator = make_accelerator("cpu", os.environ.get("ACCELERATE_MIXED_PRECISION", "no"))
    processes = accelerator.num_processes

    def stop(step: int) -> None:
        if step == 4 and accelerator.process_index == processes - 1:
            os.kill(os.getpid(), signal.SIGTERM)

    if mode == "cut":
        assert Gan(stop, processes=processes, plain=True).trainer(out, accelerator).run().step == 5
    gan = Gan(processes=processes, plain=True)
    gan.trainer(out, accelerator).run()
    (following,) = [update.lr for update in gan.recipe.updates if isinstance(update.lr, Following)]
    rates = accelerator.gather(torch.tensor([following.rate], dtype=torch.float64))
    assert rates.tolist() == [0.05 / 2**3] * processes  # validated after 4, 8 and 9 steps
    if accelerator.is_main_process:
        sys.stdout.write(f"{processes} {sorted(gan.objective.autocast)}\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
