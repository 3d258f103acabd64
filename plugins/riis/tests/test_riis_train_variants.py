"""Training the variants: RIIS* from RIIS, two-stage decoupled tuning, and the ablations."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from skimage import data

from bench_core.photos import Crops
from bench_riis.architecture import NetworkConfig
from bench_riis.channel import Level
from bench_riis.config import STAR, TrainingConfig, load_preset
from bench_riis.model import RiisNetwork
from bench_riis.objective import Objective
from bench_riis.train import Batches, main, stages, star
from bench_riis.validation import Validation
from bench_riis.weights import load_weights

TINY = [
    part
    for setting in (
        "flow_steps=1", "flow_growth=4", "flow_convs=2", "canp_growth=4", "canp_convs=2", "canp_steps=1",
        "cem_depth=2", "cem_channels=4", "condition_channels=4", "condition_blocks=1", "dgm_width=4",
        "crop=16", "batch=2", "late_crop=32", "late_batch=1", "warmup=2",
    )
    for part in ("--set", setting)
]  # fmt: skip


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(4):
        Image.fromarray(data.astronaut()[60 * index : 60 * index + 48, 100:148]).save(folder / f"{index}.png")
    return folder


def run(command: object, *arguments: str) -> str:
    result = CliRunner().invoke(command, [*arguments, "--device", "cpu"])
    assert result.exit_code == 0, result.output
    return result.output


def tensors(path: Path) -> dict[str, torch.Tensor]:
    return load_weights(path).network.state_dict()


def test_riis_star_starts_from_riis_and_keeps_its_weights_at_first(photos: Path, tmp_path: Path) -> None:
    command = ["--data", f"folder:{photos}", *TINY, "--set", "steps=1"]
    run(main, *command, "--out", str(tmp_path / "riis"))
    given = tmp_path / "riis" / "last.safetensors"
    still = ["--init", str(given), "--set", "lr=0", "--set", "lr_end=0", "--set", "dgm_sender=untold"]
    run(star, *command, *still, "--out", str(tmp_path / "star"))
    told = load_weights(tmp_path / "star" / "last.safetensors")
    assert told.network.config.dgm
    assert (told.training["dgm_sender"], told.training["started_from"]["done_steps"]) == ("untold", 1)
    for name, value in tensors(given).items():
        assert torch.equal(value, told.network.state_dict()[name])


def test_riis_star_sees_all_degradations_alike() -> None:
    for preset in ("small", "paper"):
        network, config = load_preset(preset, (), STAR)
        assert network.dgm
        assert (config.p_clean, config.p_gauss, config.p_poisson) == (0.25, 0.25, 0.25)
        assert (config.sigma_min, config.sigma_max, config.qualities) == (1, 10, tuple(range(40, 96)))


def test_a_sender_is_told_only_where_training_says_so(tiny: NetworkConfig) -> None:
    network = RiisNetwork(replace(tiny, dgm=True))
    secret, host = torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16)
    asked: list[tuple[str, list[float]]] = []

    def spy(name: str) -> Callable[..., object]:
        original = getattr(network, name)

        def told(first: torch.Tensor, second: torch.Tensor, d: torch.Tensor) -> object:
            asked.append((name, [round(value, 3) for value in d[0].tolist()]))
            return original(first, second, d)

        return told

    for name in ("hide", "whiten", "reveal"):
        setattr(network, name, spy(name))
    for sender, sent in (("told", [0, 0.5, 0]), ("untold", [0, 0, 0])):
        asked.clear()
        Objective(network, load_preset("small", [f"dgm_sender={sender}"])[1])(secret, host, [Level("jpeg", 56)], 0)
        assert asked == [("hide", sent), ("whiten", sent), ("reveal", [0, 0.5, 0])]


def test_validation_tells_the_sender_as_training_did(tiny: NetworkConfig) -> None:
    network = RiisNetwork(replace(tiny, dgm=True)).eval()
    pictures = [data.astronaut()[:32, 100 * index : 100 * index + 32] for index in range(3)]
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    found = {}
    for sender in ("told", "untold"):
        validation = Validation(pictures, load_preset("small", [f"dgm_sender={sender}", "temperature=0"])[1], 1, 0)
        found[sender] = validation.run(network)
        assert validation.pictures["secret_jpeg40"].shape == validation.pictures["container"].shape == (3, 3, 32, 32)
    assert found["told"]["secret_jpeg40"] != found["untold"]["secret_jpeg40"]
    assert found["told"]["container"] == found["untold"]["container"]
    warm = Validation(pictures, load_preset("small", ["temperature=0", "validation_temperature=1"])[1], 1, 0)
    assert warm.run(network)["secret_clean"] != found["told"]["secret_clean"]


# ---- two-stage decoupled tuning


def test_the_stage_is_cut_where_the_ways_part() -> None:
    pictures = [data.astronaut(), data.coffee()]

    def names(*settings: str) -> list[tuple[str, int, bool]]:
        config = load_preset("small", ["steps=10", "crop=16", "late_crop=32", *settings])[1]

        def batches(crops: Crops, count: int, name: str) -> Batches:
            return Batches(crops, count, 1, config, 0, name)

        return [(s.name, s.steps, s.enter is not None) for s in stages(pictures, config, batches, lambda: None)]

    assert names() == [("main", 5, False), ("main, decoupled", 3, True), ("late, decoupled", 2, True)]
    assert names("decouple_at=0.9") == [("main", 8, False), ("late", 1, False), ("late, decoupled", 1, True)]
    assert names("decouple_at=1", "late_fraction=0") == [("main", 10, False)]
    assert names("decouple_at=0", "late_fraction=0") == [("main, decoupled", 10, True)]


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_decoupled_tuning_resumes_exactly(photos: Path, tmp_path: Path, stop: int) -> None:
    command = [
        "--data",
        f"folder:{photos}",
        *TINY,
        "--save-seconds",
        "0",
        "--set",
        "steps=4",
        "--set",
        "weight_tie=0.1",
    ]
    command += ["--set", "decoupled=1", "--set", "late_fraction=0"]
    run(main, *command, "--out", str(tmp_path / "whole"))
    whole = tmp_path / "whole" / "last.safetensors"
    network = load_weights(whole).network
    assert network.is_decoupled
    assert any(not torch.equal(a, b) for a, b in network.pairs())

    original = Batches.__call__

    def fail(self: Batches, step: int, process: int) -> object:
        if step == stop:
            raise KeyError("killed")
        return original(self, step, process)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Batches, "__call__", fail)
        CliRunner().invoke(main, [*command, "--out", str(tmp_path / "cut"), "--device", "cpu"])
    run(main, *command, "--out", str(tmp_path / "cut"))
    cut = tensors(tmp_path / "cut" / "last.safetensors")
    assert all(torch.equal(value, cut[name]) for name, value in tensors(whole).items())


def test_tied_copies_stay_near(tiny: NetworkConfig) -> None:
    network = RiisNetwork(replace(tiny, decoupled=True))
    config = replace(load_preset("small")[1], weight_tie=3.0)
    batch = {"secret": torch.rand(1, 3, 16, 16), "host": torch.rand(1, 3, 16, 16), "levels": [Level("clean")]}
    assert "tie" not in Objective(network, config)(**batch, seed=0)
    network.decouple()
    with torch.no_grad():
        network.reverse["flow"].steps[0].norm.bias.add_(0.5)
    losses = Objective(network, config)(**batch, seed=0)
    assert losses["tie"].item() == pytest.approx(24 * 0.25)
    untied = Objective(network, replace(config, weight_tie=0.0))(**batch, seed=0)
    assert (losses["loss"] - untied["loss"]).item() == pytest.approx(3 * 24 * 0.25, rel=1e-5)


# ---- ablations and baselines


@pytest.mark.parametrize(
    ("changed", "losses"),
    [
        ({}, {"distribution", "z_std", "enhancement"}),
        ({"canp": False}, {"distribution", "z_std", "enhancement"}),
        ({"hf_source": "copy"}, {"enhancement"}),
        ({"hf_source": "resblock", "source_blocks": 1}, {"enhancement"}),
        ({"hf_source": "gauss", "cem": False}, {"distribution", "z_std"}),  # ISN⁺
    ],
)
def test_each_variant_has_the_losses_that_it_can_have(
    tiny: NetworkConfig, changed: dict[str, object], losses: set[str]
) -> None:
    network = RiisNetwork(replace(tiny, **changed))
    found = Objective(network, load_preset("small")[1])(
        torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16), [Level("gauss", 3.0)], 0
    )
    assert set(found) == {"loss", "container", "reveal", "secret"} | losses
    found["loss"].backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("distr", ["nll", "off"])
def test_preparing_sets_the_actnorms_whatever_the_loss(tiny: NetworkConfig, distr: str) -> None:
    network = RiisNetwork(tiny)
    objective = Objective(network, load_preset("small", [f"distr={distr}"])[1])
    objective.prepare(
        {
            "secret": torch.rand(2, 3, 16, 16),
            "host": torch.rand(2, 3, 16, 16),
            "levels": [Level("clean")] * 2,
            "seed": 0,
        }
    )
    assert all(bool(step.norm.initialized) for step in network.canp.steps)


def test_a_crop_that_the_squeeze_cannot_divide_is_one_clear_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--out", str(tmp_path / "out"), "--set", "squeeze=haar3", "--set", "crop=68"])
    assert result.exit_code == 2
    assert result.output == "Error: crop must be a multiple of 8, because squeeze=haar3 divides it; not 68\n"


def test_records_of_a_config_name_every_key() -> None:
    network, training = load_preset("small")
    assert isinstance(training, TrainingConfig)
    assert (network.squeeze, network.source, training.dgm_sender) == ("haar", "canp", "told")
    assert load_preset("paper")[0].decoupled
