"""Parts, weights and learning rates of a run, and the presets (specification §4, §5, §8, properties 21 to 23)."""

import tomllib
from collections.abc import Callable
from importlib.resources import files

import pytest

from bench_core.errors import RequestError
from bench_jrig.config import TrainingConfig, configs, hyperparameters, load_preset, parse_qualities
from bench_jrig.schedule import CLEAN, MIXED, SIMULATED, Part, discriminator_lr, generator_lr, parts, weights_at

Config = Callable[..., TrainingConfig]


def names(config: TrainingConfig) -> list[tuple[str, int, bool]]:
    return [(part.name, part.steps, part.adversarial) for part in parts(config)]


def test_the_paper_has_three_parts() -> None:
    _, paper = load_preset("paper")
    assert parts(paper) == [
        Part("clean", 0, 200_000, CLEAN, False),
        Part("adversarial", 200_000, 100_000, CLEAN, True),
        Part("mixed", 300_000, 100_000, MIXED, True),
    ]
    assert (paper.batch, paper.crop, paper.view, paper.init, paper.fresh) == (8, 256, "scale", "normal", True)


def test_learning_rates_of_the_paper_fall_in_each_part() -> None:
    _, paper = load_preset("paper")
    lr, judges = generator_lr(paper), discriminator_lr(paper)
    starts, ends = (0, 200_000, 300_000), (199_999, 299_999, 399_999)
    assert [lr(step) for step in starts] == pytest.approx([1e-4, 1e-5, 1e-5])
    assert [lr(step) for step in ends] == pytest.approx([1e-6, 1e-7, 1e-7], rel=0.01)
    assert lr(100_000) == pytest.approx(1e-6 + 99e-6 * 0.5**0.9)
    assert [judges(step) for step in starts] == pytest.approx([0, 2e-4, 2e-4])
    assert [judges(step) for step in ends] == pytest.approx([0, 2e-6, 2e-6], rel=0.01)


def test_the_small_preset_is_one_cosine() -> None:
    _, small = load_preset("small")
    assert names(small) == [("clean", 5000, False), ("adversarial", 1250, True), ("mixed", 6250, True)]
    lr, judges = generator_lr(small), discriminator_lr(small)
    assert lr(0) == pytest.approx(small.lr / 50)
    assert lr(49) == pytest.approx(small.lr)
    assert lr(small.steps - 1) == pytest.approx(2e-5)
    assert judges(4999) == 0
    assert judges(5000) == pytest.approx(2e-4)
    assert judges(small.steps - 1) == pytest.approx(2e-6)
    assert all(lr(step) >= lr(step + 100) for step in range(50, 12_000, 100))


def test_ablations_of_the_strategy(config: Config) -> None:
    assert names(config("train=mix", "steps=10")) == [("mixed", 10, True)]
    assert parts(config("train=mix", "steps=10"))[0].ratio == MIXED
    stage = parts(config("train=stage", "steps=10"))
    assert [part.name for part in stage] == ["clean", "adversarial", "mixed"]
    assert stage[-1].ratio == SIMULATED
    assert names(config("adv=off", "steps=10")) == [("clean", 5, False), ("mixed", 5, False)]
    assert discriminator_lr(config("adv=off", "steps=10"))(9) == 0


def test_gray_losses_start_loose_and_grow(config: Config) -> None:
    made = config("steps=1000")
    loose = weights_at(made, 299)
    assert (loose.threshold, loose.gray, loose.quantization) == (70, 0, 0)
    assert loose.variation == pytest.approx(0.05)
    middle = weights_at(made, 450)
    assert middle.threshold == pytest.approx(40)
    assert (middle.gray, middle.quantization) == pytest.approx((0.15, 0.5))
    assert middle.variation == pytest.approx(0.5 * 0.55)
    for step in (600, 999):
        full = weights_at(made, step)
        assert (full.threshold, full.gray, full.quantization, full.variation) == pytest.approx((10, 0.3, 1, 0.5))
    assert {weights_at(made, step).restored for step in range(0, 1000, 50)} == {3.0}
    at_once = weights_at(config("steps=1000", "loose=0", "ramp=0"), 0)
    assert (at_once.threshold, at_once.quantization) == (10, 1)


@pytest.mark.parametrize("preset", ["iig", "iig-small"])
def test_the_baseline_has_no_adversary_no_jpeg_and_no_ssim(preset: str) -> None:
    _, iig = load_preset(preset)
    assert parts(iig) == [Part("clean", 0, iig.steps, CLEAN, False)]
    assert not iig.mixes
    late = iig.steps * 3 // 4
    before, after = (weights_at(iig, step, adversarial=False) for step in (late - 1, late))
    assert (before.structure, before.adv_gray, before.adv_color) == (0, 0, 0)
    assert (before.restored, before.basic, before.variation, before.quantization) == (3, 1, 0.5, 0)
    assert (after.restored, after.basic, after.variation, after.quantization) == (3, 1, 0.1, 10)
    if preset == "iig":
        assert before.contrast == 1e-7
        assert (before.threshold, before.gray) == (70, 0)
        lr = generator_lr(iig)
        assert (lr(0), lr(iig.steps - 1)) == (pytest.approx(2e-4), pytest.approx(2e-6, rel=0.01))


@pytest.mark.parametrize("target", ["edge", "halftone"])
def test_edges_and_halftones_are_held_tighter(target: str) -> None:
    for preset in ("small", "paper"):
        _, made = load_preset(preset, [f"target={target}"])
        weights = weights_at(made, made.steps - 1)
        assert (weights.basic, weights.threshold) == (10, 10)


def test_without_ssim(config: Config) -> None:
    assert weights_at(config("weight_structure=0"), 0).structure == 0


def test_both_files_have_the_same_keys_and_rules() -> None:
    jrig, iig = hyperparameters("jrig"), hyperparameters("iig")
    assert list(jrig.presets) == ["small", "paper"]
    assert list(iig.presets) == ["iig-small", "iig"]
    assert list(jrig.params) == list(iig.params)
    texts = [tomllib.loads((files("bench_jrig") / f"{name}.toml").read_text("utf-8")) for name in
             ("hyperparameters", "iig")]  # fmt: skip
    for key in jrig.params:
        a, b = ({k: v for k, v in text[key].items() if k in ("group", "low", "high", "choices", "help")}
                for text in texts)  # fmt: skip
        assert a == b, key


def test_every_key_is_of_one_of_the_records() -> None:
    for method in ("jrig", "iig"):
        made = hyperparameters(method)
        for preset in made.presets:
            network, training = configs(made.resolve(preset))
            assert set(made.group("network")) == set(network.__dataclass_fields__)
            assert set(made.group("training")) == set(training.__dataclass_fields__)


@pytest.mark.parametrize(
    ("text", "expected"), [("95", (95,)), ("60/80", (60, 80)), ("75..77", (75, 76, 77)), ("50..90:20", (50, 70, 90))]
)
def test_qualities(text: str, expected: tuple[int, ...]) -> None:
    assert parse_qualities(text) == expected


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["qf=0/50"], "qf must be JPEG qualities from 1 to 100"),
        (["qf=1..99999999999"], "qf must be JPEG qualities from 1 to 100"),
        (["qf=high"], "e.g. qf=75..100"),
        (["crop=60"], "crop must be a multiple of 8"),
        (["batch=6"], "batch must be a multiple of 4"),
        (["clean_share=0.8", "adversarial_share=0.4"], "must be at most 1; the rest of the run is mixed"),
        (["loose=0.7", "ramp=0.4"], "loose + ramp must be at most 1"),
        (["k_low=40", "k_high=33"], "k_low must not exceed k_high"),
        (["crop=16", "d_layers=3"], "d_layers=3 needs crops of at least 24"),
        (["target=sepia"], "target must be one of luminance, edge, halftone, none"),
        (["k_high=65"], "k_high must be an integer from 1 to 64"),
        (["steps=0"], "steps must be an integer >= 1"),
        (["train=all"], "train must be one of both, stage, mix"),
    ],
)
def test_what_cannot_be_is_one_line(settings: list[str], message: str) -> None:
    with pytest.raises(RequestError) as caught:
        load_preset("small", settings)
    assert len(caught.value.problems) == 1
    assert message in caught.value.problems[0]


def test_batches_that_are_not_mixed_may_have_any_size(config: Config) -> None:
    assert config("batch=3", "late_batch=1", preset="iig-small").batch == 3
    assert config("batch=3", "late_batch=1", "train=stage").batch == 3
