"""`bench train riis-color`: train invertible colorization on a folder of photos."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import click
import torch
import torch.nn.functional as F
from torch import Tensor

from bench_core.photos import Crops, Pixels
from bench_core.randomness import keyed_generator
from bench_core.surrogates.ycbcr import luminance
from bench_core.torch_model import to_tensor
from bench_core.training import Trainer, TrainingOptions, run_command, training_options
from bench_riis.channel import Level, check_channel, draw_levels
from bench_riis.color import ColorNetwork
from bench_riis.config import COLOR, TrainingConfig, load_preset
from bench_riis.model import RiisNetwork
from bench_riis.objective import Objective
from bench_riis.train import CONTEXT, Parts, make_trainer
from bench_riis.validation import Validation


class ColorObjective(Objective):
    """RIIS's losses with chroma as the secret and luma as the host; the container is held to BT.601's luminance.

    L_rev is mse(U, V) + mse(Y). With a learned matrix these are no fixed quantities (it could shrink them), so there it
    is the mse of RGB.
    """

    def forward(self, color: Tensor, levels: list[Level], seed: int) -> dict[str, Tensor]:  # type: ignore[override]
        """Named scalar losses of RGB N×3×H×W; all noise is keyed by `seed`."""
        network = cast(ColorNetwork, self.network)
        sent, hidden = network.colors(color)
        losses, revealed = self.trip(hidden, sent, luminance(color), levels, seed)
        rgb = F.mse_loss(network.colors.inverse(revealed.host, revealed.secret), color)
        losses["rgb"] = rgb.detach()
        if network.colors.kind == "learned":
            losses["reveal"] = rgb
        else:
            losses["chroma"] = F.mse_loss(revealed.secret, hidden)
            losses["reveal"] = losses["chroma"] + F.mse_loss(revealed.host, sent)
        return self.total(losses)


@dataclass(frozen=True)
class ColorBatches:
    """Batches of random crops, each drawn from the generator of its step and process."""

    crops: Crops
    count: int
    config: TrainingConfig
    seed: int
    name: str

    def __call__(self, step: int, process: int) -> dict[str, Any]:
        """The objective's arguments."""
        rng = keyed_generator(self.seed, "train", step, self.name, process)
        color = to_tensor(list(self.crops.draw(self.count, rng)))
        levels = draw_levels(self.config, self.count, rng, step)
        return {"color": color, "levels": levels, "seed": int(rng.integers(2**62))}


class ColorValidation(Validation):
    """Center crops of held-out photos, sent as gray ones; figures are of RGB."""

    revealed = "color"

    def __init__(self, photos: Sequence[Pixels], config: TrainingConfig, seed: int) -> None:
        super().__init__(photos, config, 0, seed)
        self.target = luminance(self.host)
        self.levels["jpeg80"] = Level("jpeg", 80)

    def _secrets(self, n_secrets: int) -> Tensor:
        return self.host

    def _hide(self, network: RiisNetwork, level: Level) -> Tensor:
        wanted = self.wanted.to(next(network.parameters()).device)
        return torch.cat([cast(ColorNetwork, network).to_gray(picture) for picture in torch.split(wanted, 1)])

    def _found(self, network: RiisNetwork, received: Tensor, noise: Tensor, told: Tensor) -> Tensor:
        return cast(ColorNetwork, network).restore(received, noise).color


def build(options: TrainingOptions) -> Trainer:
    """Everything a run needs, checked before the first step; RequestError with one line per mistake."""
    network_config, config = load_preset(options.preset, options.overrides, options.hyperparameters)
    matrix = str(options.values()["color_matrix"])
    check_channel(config)
    photos, validation_photos = options.photos()
    validation = ColorValidation(validation_photos, config, options.seed)
    torch.manual_seed(options.seed)
    network = ColorNetwork(network_config, matrix)
    parts = Parts(
        network,
        ColorObjective(network, config),
        lambda crops, count, name: ColorBatches(crops, count, config, options.seed, name),
        lambda: validation.run(network),
        lambda: validation.pictures,
    )
    return make_trainer(options, config, photos, parts)


@click.command(context_settings=CONTEXT)
@training_options(COLOR)
def main(options: TrainingOptions) -> None:
    """Train RIIS to hide the color of photos in gray ones.

    The folder given with --out gets checkpoint, best and last .safetensors, log.csv, validation.csv, tensorboard/ and
    samples/. The same command again goes on where it stopped.
    """
    run_command(lambda: build(options))


if __name__ == "__main__":
    main()
