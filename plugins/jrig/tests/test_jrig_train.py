"""The training commands and validation (specification §6, properties 18 to 20 and 24)."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from skimage import data

from bench_core.errors import RequestError
from bench_core.training.figures import psnr8
from bench_jrig.config import NetworkConfig, load_preset
from bench_jrig.networks import JrigNetwork
from bench_jrig.targets import to_unit
from bench_jrig.train import Batches, main, main_iig, stages
from bench_jrig.validation import Validation
from bench_jrig.weights import load_weights

PHOTOS = [photo[:170, :160] for photo in (data.astronaut(), data.coffee(), data.chelsea(), data.rocket())]
RESTORED = ("clean", "jpeg95", "jpeg90", "jpeg75")


def options(*settings: str) -> list[str]:
    return [part for setting in settings for part in ("--set", setting)]


@pytest.fixture
def start(photos: Path, tiny_settings: tuple[str, ...]) -> list[str]:
    """The photos and the sizes of a tiny run."""
    return ["--data", f"folder:{photos}", *options(*tiny_settings)]


def run(*arguments: str, command: Any = main) -> str:
    result = CliRunner().invoke(command, [*arguments, "--device", "cpu"])
    assert result.exit_code == 0, result.output
    return result.output


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_of_three_parts_in_two_pieces_ends_like_a_whole_one(start: list[str], tmp_path: Path) -> None:
    command = [*start, *options("steps=10", "fresh=on", "schedule=polynomial"), "--save-seconds", "0"]
    command += ["--validate-every", "5", "--log-every", "1"]
    run(*command, "--out", str(tmp_path / "whole"))
    original = Batches.__call__

    def fail(self: Batches, step: int, process: int) -> dict[str, Any]:
        if step == 7:
            raise ZeroDivisionError("killed")
        return original(self, step, process)

    cut = tmp_path / "cut"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Batches, "__call__", fail)
        result = CliRunner().invoke(main, [*command, "--out", str(cut), "--device", "cpu"])
    assert isinstance(result.exception, ZeroDivisionError)
    run(*command, "--out", str(cut))
    for name in ("last.safetensors", "best.safetensors"):
        whole, again = (load_weights(folder / name).network.state_dict() for folder in (tmp_path / "whole", cut))
        assert all(torch.equal(whole[key], again[key]) for key in whole)
    # The same seed gives the same figures.
    assert rows(tmp_path / "whole" / "validation.csv") == rows(cut / "validation.csv")

    log = rows(tmp_path / "whole" / "log.csv")
    judged = [bool(row["discriminator_loss"]) for row in log]
    assert judged == [False] * 4 + [True] * 6  # absent from the first part
    assert float(log[0]["generator_lr"]) > float(log[3]["generator_lr"]) > float(log[4]["generator_lr"])
    made = load_weights(tmp_path / "whole" / "last.safetensors").training
    assert {key: made[key] for key in ("method", "preset", "qf", "k_low", "k_high", "target", "done_steps")} == {
        "method": "jrig", "preset": "small", "qf": "75..100", "k_low": 32, "k_high": 64, "target": "luminance",
        "done_steps": 10,
    }  # fmt: skip
    assert {path.name for path in (tmp_path / "whole" / "samples").iterdir()} == {
        f"0000{step}-{name}.png"
        for step in ("05", "10")
        for name in ("color", "gray", "restored-clean", "restored-jpeg90")
    }


def test_the_baseline_trains_without_discriminators_or_jpeg(start: list[str], tmp_path: Path) -> None:
    command = [*start, "--set", "steps=4", "--log-every", "1"]
    run(*command, "--out", str(tmp_path / "iig"), command=main_iig)
    log = rows(tmp_path / "iig" / "log.csv")
    assert not any("discriminator" in column or "adv" in column or column == "structure" for column in log[0])
    made = load_weights(tmp_path / "iig" / "last.safetensors").training
    assert (made["method"], made["preset"]) == ("iig", "iig-small")


def test_every_option_of_the_ablations_trains(start: list[str], tmp_path: Path) -> None:
    for index, settings in enumerate(
        (
            ["train=mix", "target=edge", "sim=dctq_ste"],
            ["train=stage", "target=none", "ssim=uniform", "gan=minimax"],
            ["adv=off", "target=halftone", "sim=real_ste", "real_grad=identity", "clean_rows=rounded", "view=scale"],
        )
    ):
        more = options(*settings, "steps=4")
        out = tmp_path / str(index)
        run(*start, *more, "--out", str(out), "--log-every", "1")
        assert all(np.isfinite(float(v)) for row in rows(out / "log.csv") for v in row.values() if v)
        assert load_weights(out / "last.safetensors").training["skipped_steps"] == 0


def test_training_starts_from_given_weights_of_the_same_network(start: list[str], tmp_path: Path) -> None:
    command = [*start, "--set", "steps=1"]
    run(*command, "--out", str(tmp_path / "one"))
    given = str(tmp_path / "one" / "last.safetensors")
    run(*command, "--out", str(tmp_path / "two"), "--init", given, "--set", "lr=0", "--set", "lr_end=0")
    one, two = (load_weights(tmp_path / name / "last.safetensors").network.state_dict() for name in ("one", "two"))
    assert all(torch.equal(one[key], two[key]) for key in one)
    wrong = [*command, "--out", str(tmp_path / "three"), "--init", given, "--set", "r_channels=5", "--device", "cpu"]
    result = CliRunner().invoke(main, wrong)
    assert (result.exit_code, "holds another network: r_channels=4, not 5" in result.output) == (2, True)


def test_further_blocks_of_the_restoring_network_begin_as_the_identity(start: list[str], tmp_path: Path) -> None:
    command = [*start, "--set", "steps=1"]
    run(*command, "--out", str(tmp_path / "one"))
    given = str(tmp_path / "one" / "last.safetensors")
    deeper = ["--set", "r_blocks=3", "--set", "lr=0", "--set", "lr_end=0"]
    run(*command, "--out", str(tmp_path / "two"), "--init", given, *deeper)
    one, two = (load_weights(tmp_path / name / "last.safetensors").network for name in ("one", "two"))
    assert (one.config.r_blocks, two.config.r_blocks) == (1, 3)
    gray = torch.rand(1, 1, 16, 16) * 2 - 1
    assert torch.allclose(one.restore(gray), two.restore(gray), atol=1e-6)
    run(*command, "--out", str(tmp_path / "learns"), "--init", given, "--set", "r_blocks=3")
    learned = load_weights(tmp_path / "learns" / "last.safetensors").network.restoring
    assert learned.head[1][2].second.weight.abs().max() > 0  # type: ignore[index, union-attr, operator]
    fewer = [*command, "--out", str(tmp_path / "three"), "--init", str(tmp_path / "two" / "last.safetensors")]
    result = CliRunner().invoke(main, [*fewer, "--device", "cpu"])
    assert (result.exit_code, "holds another network: r_blocks=3, not 1" in result.output) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "training needs photos; e.g. --data folder:photos"),
        (["--set", "rate=1"], "unknown hyper-parameter 'rate'"),
        (["--set", "qf=101"], "qf must be JPEG qualities from 1 to 100"),
        (["--set", "weight_contrast=1e-7"], "weight_contrast needs the weights of vgg19: bench weights fetch vgg19"),
        (["--data", "folder:{photos}", "--set", "crop=512"], "at least 512 pixels"),
        (["--data", "folder:{photos}", "--set", "late_fraction=0", "--init", "/no/such"], "no such file: /no/such"),
    ],
)
def test_a_wrong_request_is_one_clear_line(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path / "cache"))
    given = [argument.replace("{photos}", str(photos)) for argument in arguments]
    result = CliRunner().invoke(main, ["--out", str(tmp_path / "out"), *given])
    assert result.exit_code == 2
    errors = [line for line in result.output.splitlines() if line]
    assert len(errors) == 1
    assert message in errors[0]
    assert not (tmp_path / "out").exists()


def test_stages_divide_the_parts_and_start_afresh_once() -> None:
    _, config = load_preset("small", ["steps=100", "fresh=on"])
    planned = stages(PHOTOS, config, 0)
    assert [(s.name, s.steps, s.updates, s.fresh) for s in planned] == [
        ("clean", 40, ("generator",), True),
        ("adversarial", 10, ("generator", "discriminator"), True),
        ("mixed", 30, ("generator", "discriminator"), True),
        ("mixed-late", 20, ("generator", "discriminator"), False),
    ]
    assert planned[0].batch(0, 0)["color"].shape == (8, 3, 64, 64)
    assert planned[3].batch(80, 0)["target"].shape == (4, 1, 128, 128)
    kinds = [set(s.batch(0, 0)["trip"].kinds) for s in planned]
    assert kinds == [{"clean"}, {"clean"}, {"real", "simulated", "clean"}, {"real", "simulated", "clean"}]


def test_batches_are_keyed_by_step_and_process() -> None:
    _, config = load_preset("small", ["crop=32", "steps=100"])
    stage = stages(PHOTOS, config, 0)[2]
    first, same, step, process = (stage.batch(*at) for at in ((60, 0), (60, 0), (61, 0), (60, 1)))
    assert torch.equal(first["color"], same["color"])
    assert first["trip"] == same["trip"]
    for other in (step, process):
        assert not torch.equal(first["color"], other["color"])
    assert first["color"].abs().max() <= 1


def test_photos_are_scaled_whole_where_asked_for() -> None:
    wide = np.zeros((40, 120, 3), np.uint8)
    wide[:, 40:80] = 200  # the central square
    _, config = load_preset("small", ["view=scale", "crop=16", "late_fraction=0", "d_layers=2", "target=none"])
    color = stages([wide], config, 0)[0].batch(0, 0)["color"]
    assert torch.allclose(to_unit(color), torch.tensor(200 / 255), atol=1e-6)


class Fake(JrigNetwork):
    """Sends a level that no file can hold, 127.8, and magnifies what comes back, so that its rounding shows."""

    def hide(self, color: torch.Tensor) -> torch.Tensor:
        return torch.full_like(color[:, :1], 0.3 / 127.5)

    def restore(self, gray: torch.Tensor) -> torch.Tensor:
        return 9 * gray.expand(-1, 3, -1, -1)


def test_validation_uses_the_rounded_gray_picture(tiny: NetworkConfig, tiny_settings: tuple[str, ...]) -> None:
    _, config = load_preset("small", tiny_settings)
    validation = Validation(PHOTOS, config)
    figures = validation.run(Fake(tiny))
    # 128 is 0.5 of a level above the middle, 127.8 would be 0.3.
    for name, level in (("psnr_clean", 127.5 + 9 * 0.5), ("psnr_copy", 128)):
        shown = torch.full_like(validation.color, level / 255)
        assert figures[name] == pytest.approx(psnr8(shown, validation.color), abs=1e-4)
    assert set(figures) == {
        "psnr_gray", "psnr_clean", "psnr_jpeg95", "psnr_jpeg90", "psnr_jpeg75", "psnr_plain", "psnr_copy", "score",
    }  # fmt: skip


def test_validation_tells_hiding_from_guessing(tiny: NetworkConfig, tiny_settings: tuple[str, ...]) -> None:
    class Perfect(Fake):
        """Restores exactly what it hid, and knows no other gray picture."""

        def hide(self, color: torch.Tensor) -> torch.Tensor:
            self.color = color
            return super().hide(color)

        def restore(self, gray: torch.Tensor) -> torch.Tensor:
            return self.color if gray.std() < 1e-3 else super().restore(gray)

    _, config = load_preset("small", tiny_settings)
    figures = Validation(PHOTOS[:1], config).run(Perfect(tiny))
    assert figures["psnr_clean"] > figures["psnr_plain"] + 3
    assert figures["psnr_jpeg75"] == pytest.approx(figures["psnr_clean"])


def test_the_score_counts_what_training_prepares_for(tiny: NetworkConfig, tiny_settings: tuple[str, ...]) -> None:
    network = JrigNetwork(tiny).eval()
    figures = Validation(PHOTOS, load_preset("small", tiny_settings)[1]).run(network)
    restored = [figures[f"psnr_{name}"] for name in RESTORED]
    assert figures["score"] == pytest.approx(-(0.4 * figures["psnr_gray"] + 0.6 * np.mean(restored)))
    clean = Validation(PHOTOS, load_preset("iig-small", tiny_settings)[1]).run(network)
    assert clean["score"] == pytest.approx(-(0.4 * clean["psnr_gray"] + 0.6 * clean["psnr_clean"]))
    free = Validation(PHOTOS, load_preset("small", (*tiny_settings, "target=none"))[1]).run(network)
    assert "psnr_gray" not in free
    assert free["score"] == pytest.approx(-np.mean([free[f"psnr_{name}"] for name in RESTORED]))


def test_validation_is_larger_than_the_crops_and_refuses_tiny_photos() -> None:
    _, config = load_preset("small")
    assert Validation([data.astronaut()], config).color.shape == (1, 3, 192, 192)
    with pytest.raises(RequestError, match="smallest side is 9"):
        Validation([np.zeros((40, 9, 3), np.uint8)], config)


def test_psnr_of_known_errors() -> None:
    gray = torch.full((1, 3, 64, 64), 100 / 255)
    assert psnr8(gray + 1 / 255, gray) == pytest.approx(48.1308, abs=1e-4)


def test_a_short_run_learns(start: list[str], tmp_path: Path) -> None:
    settings = [
        "steps=80", "h_channels=8", "r_channels=8", "r_wide=8", "adv=off", "late_fraction=0", "clean_share=1",
        "adversarial_share=0", "loose=1", "ramp=0", "lr=6e-3", "weight_structure=0", "warmup=10",
    ]  # fmt: skip
    out = str(tmp_path / "out")
    run(*start, *options(*settings), "--out", out, "--validate-every", "80")
    (figures,) = rows(tmp_path / "out" / "validation.csv")
    # Untrained: about 10 dB.
    assert float(figures["psnr_clean"]) > 16
    assert float(figures["psnr_gray"]) > 14
