"""Both training commands, their pictures and figures."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from bench_core.errors import RequestError
from bench_semantic.batches import Batches, check_maps, with_classes
from bench_semantic.color_net import ColorNet
from bench_semantic.config import ColorTraining, SegmentationTraining, hyperparameters, load_color, load_segmentation
from bench_semantic.label_sets import IGNORED, LabelSet, Numbering, read_label_set
from bench_semantic.train_color import ColorObjective
from bench_semantic.train_color import main as train_color
from bench_semantic.train_segmentation import main as train_segmentation
from bench_semantic.weights import load_weights


def invoke(command: Any, *arguments: str) -> Any:
    return CliRunner().invoke(command, [*arguments, "--device", "cpu"])


def trained(command: Any, *arguments: str) -> None:
    result = invoke(command, *arguments)
    assert result.exit_code == 0, result.output


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def start(dataset: str, labels_file: Path) -> list[str]:
    return ["--data", dataset, "--val", dataset, "--set", f"labels={labels_file}", "--log-every", "1"]


def test_both_networks_train_and_go_into_one_file(
    start: list[str], tiny_color: list[str], tiny_segmentation: list[str], tmp_path: Path
) -> None:
    maps, colors = tmp_path / "maps", tmp_path / "colors"
    trained(train_segmentation, *start, *tiny_segmentation, "--set", "steps=6", "--out", str(maps))
    (figures,) = rows(maps / "validation.csv")
    assert set(figures) == {"step", "pixel_accuracy", "miou", "score"}
    assert float(figures["score"]) == -float(figures["miou"])
    alone = load_weights(maps / "last.safetensors")
    assert (alone.network.color, alone.training["segmentation"]["done_steps"]) == (None, 6)

    segmentation = str(maps / "last.safetensors")
    more = ["--set", "steps=4", "--validate-every", "2"]
    trained(train_color, *start, *tiny_color, *more, "--segmentation", segmentation, "--out", str(colors))
    both = load_weights(colors / "last.safetensors")
    assert (both.training["color"]["done_steps"], both.training["segmentation"]["done_steps"]) == (4, 6)
    assert both.network.segmentation is not None
    assert alone.network.segmentation is not None
    kept, before = both.network.segmentation.state_dict(), alone.network.segmentation.state_dict()
    assert all(torch.equal(kept[name], before[name]) for name in kept)
    figures = rows(colors / "validation.csv")[-1]
    sources = ("none", "human", "predicted", "gray")
    assert set(figures) == {"step", "score", *(f"{kind}_{source}" for kind in ("psnr", "ab") for source in sources)}
    assert figures["score"] == figures["ab_human"]
    names = {path.name.partition("-")[2] for path in (colors / "samples").iterdir()}
    assert names == {f"{name}.png" for name in (
        "color", "gray", "map", "colored-none", "colored-human", "colored-predicted")}  # fmt: skip
    assert both.network.labels.names == ("dark", "middling", "bright", "unknown")


def test_a_run_that_is_gone_on_with_ends_like_a_whole_one(
    start: list[str], tiny_color: list[str], tmp_path: Path
) -> None:
    command = [*start, *tiny_color, "--set", "steps=4", "--validate-every", "2"]
    trained(train_color, *command, "--out", str(tmp_path / "whole"))
    original = Batches.__call__

    def fail(self: Batches, step: int, process: int) -> Any:
        if step == 3:
            raise ZeroDivisionError("killed")
        return original(self, step, process)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Batches, "__call__", fail)
        cut = invoke(train_color, *command, "--save-seconds", "0", "--out", str(tmp_path / "cut"))
    assert isinstance(cut.exception, ZeroDivisionError)
    trained(train_color, *command, "--out", str(tmp_path / "cut"))
    whole, again = (
        load_weights(tmp_path / name / "last.safetensors").network.state_dict() for name in ("whole", "cut")
    )
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_training_begins_with_given_weights(start: list[str], tiny_color: list[str], tmp_path: Path) -> None:
    command = [*start, *tiny_color, "--set", "steps=1", "--set", "lr=0", "--set", "lr_end=0"]
    trained(train_color, *command, "--out", str(tmp_path / "one"))
    given = str(tmp_path / "one" / "last.safetensors")
    trained(train_color, *command, "--seed", "5", "--out", str(tmp_path / "two"), "--init", given)
    one, two = (load_weights(tmp_path / name / "last.safetensors").network.state_dict() for name in ("one", "two"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    wider = invoke(train_color, *command, "--set", "width=3", "--out", str(tmp_path / "three"), "--init", given)
    assert (wider.exit_code, "holds another color network" in wider.output) == (2, True)


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        (train_color, [], "training needs photos; e.g. --data folder:photos,semantic=DIR"),
        (train_color, ["--set", "labels=nothing"], "no label set 'nothing'"),
        (train_color, ["--set", "crop=60"], "crop must be a multiple of 32, e.g. 256; not 60"),
        (train_color, ["--set", "resize=32"], "resize must be at least crop"),
        (train_color, ["--segmentation", "/no/such"], "no such file: /no/such"),
        (train_segmentation, ["--set", "columns=3"], "columns must be even"),
        (train_segmentation, ["--set", "batch=1", "--set", "crop=4", "--set", "rows=3"], "one pixel on the last of 3"),
        (train_segmentation, ["--set", "ignore_background=on"], "label set camvid has no class 'background'"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_one_clear_line(tmp_path: Path, command: Any, arguments: list[str], message: str) -> None:
    result = invoke(command, *arguments, "--out", str(tmp_path / "out"))
    assert result.exit_code == 2
    (line,) = (line for line in result.output.splitlines() if line)
    assert message in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("setting", [
    "use_in=off", "use_in=all", "share_encoder=off", "sem_encoding=permuted", "sem_encoding=embed1", "gray_source=luma",
    "padding=replicate", "out_act=tanh", "levels=4",
])  # fmt: skip
def test_every_variant_trains_and_loads_again(
    start: list[str], tiny_color: list[str], tmp_path: Path, setting: str
) -> None:
    out = tmp_path / "out"
    trained(train_color, *start, *tiny_color, "--set", setting, "--set", "steps=1", "--out", str(out))
    assert np.isfinite(float(rows(out / "log.csv")[0]["loss"]))
    network = load_weights(out / "last.safetensors").network.color
    assert network is not None
    name, _, value = setting.partition("=")
    wanted = "False" if setting == "share_encoder=off" else value
    assert str(getattr(network.config, name)) == wanted


def test_maps_of_other_numbers_are_noticed() -> None:
    labels, numbering = read_label_set("voc21")
    maps = np.full((2, 8, 8, 4), IGNORED, np.uint8)
    with pytest.raises(RequestError, match=r"--data: only 0 % of the semantic maps .* try labels=voc21:coco"):
        check_maps(maps, labels, numbering, "--data")
    maps[0, 0, :3, 3] = 5
    check_maps(maps, labels, numbering, "--data")
    maps[1, 0, 0, 3] = 62
    with pytest.raises(RequestError) as caught:
        check_maps(maps, labels, numbering, "--val")
    assert caught.value.problems == (
        "--val: in the semantic maps 62 is the number of no class of voc21, which has 0, 1, 2, 3, 4, … 20; try "
        "labels=voc21:coco; a number that means 'not annotated' can be named, e.g. "
        "folder:photos,semantic=maps,void=62",
    )
    check_maps(maps, labels, labels.numbering("coco"), "--val")


def test_training_refuses_maps_of_other_classes_until_they_are_named_void(
    start: list[str], tiny_color: list[str], photos: Path, tmp_path: Path
) -> None:
    for path in (photos / "maps").iterdir():
        numbers = np.array(Image.open(path))
        numbers[0, 0] = 77
        Image.fromarray(numbers).save(path)
    command = [*tiny_color, "--set", "steps=1", "--out", str(tmp_path / "out")]
    refused = invoke(train_color, *start, *command)
    assert (refused.exit_code, len(refused.output.splitlines())) == (2, 1)
    assert "77 is the number of no class of light, which has 10, 20, 30; the maps may be" in refused.output
    trained(train_color, *[f"{part},void=77" if part.startswith("folder:") else part for part in start], *command)


def test_a_run_does_not_go_on_with_a_changed_label_file(
    start: list[str], tiny_color: list[str], labels_file: Path, tmp_path: Path
) -> None:
    command = [*start, *tiny_color, "--set", "steps=1", "--out", str(tmp_path / "out")]
    trained(train_color, *command)
    trained(train_color, *command)
    labels_file.write_text(labels_file.read_text().replace("id = 30", "id = 31").replace("id = 20", "id = [20, 30]"))
    changed = invoke(train_color, *command)
    assert changed.exit_code == 2
    assert "holds a run with other settings (label_set" in changed.output


def test_half_precision_is_for_what_may_be_rounded(color_net: Callable[..., ColorNet]) -> None:
    network = color_net(n_classes=4).requires_grad_(True)
    gray, labels = torch.rand(2, 1, 16, 16), torch.randint(0, 4, (2, 1, 16, 16))
    objective = ColorObjective(network, load_color("small", 4)[1])
    with torch.autocast("cpu", torch.bfloat16):
        assert network.encoder(gray)[-1].dtype == torch.bfloat16
        found = network.colors(gray, labels)
        loss = objective(gray, labels, torch.zeros(2, 2, 16, 16))["loss"]
    assert (found.dtype, loss.dtype) == (torch.float32, torch.float32)
    loss.backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in network.parameters())


def views(labels: LabelSet, config: ColorTraining | SegmentationTraining, colors: bool, photos: Any) -> Batches:
    return Batches(photos, labels, config, 0, colors)


def test_photos_become_squares_and_maps_keep_their_classes(labels: LabelSet) -> None:
    numbering: Numbering = labels.numbering("id")
    photo = np.zeros((30, 60, 4), np.uint8)
    photo[:, 30:, :3] = 255
    photo[..., 3] = 9
    photo[:, 30:, 3] = 30
    found = with_classes([photo], numbering, 20)
    assert found.shape == (1, 20, 20, 4)
    assert np.unique(found[..., 3]).tolist() == [2, IGNORED]
    assert (found[0, :, 10:, 3] == 2).all()
    assert found[0, :, :8, :3].max() < 10


def test_batches_are_what_the_networks_need_and_keyed_by_step(labels: LabelSet) -> None:
    photos = np.random.default_rng(0).integers(0, 256, (3, 20, 20, 4), dtype=np.uint8)
    photos[..., 3] = np.where(photos[..., 0] < 128, 0, IGNORED)
    _, config = load_color("small", 4, ["crop=16", "levels=3", "resize=20", "batch=5"])
    batches = views(labels, config, True, photos)
    first, same, other = (batches(*at) for at in ((3, 0), (3, 0), (3, 1)))
    assert {name: tuple(value.shape) for name, value in first.items()} == {
        "gray": (5, 1, 16, 16), "labels": (5, 1, 16, 16), "target": (5, 2, 16, 16),
    }  # fmt: skip
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["gray"], other["gray"])
    assert 0 <= first["gray"].min() < first["gray"].max() <= 1
    assert set(first["labels"].unique().tolist()) == {0, 3}  # what is not known is shown as the void class
    _, maps = load_segmentation("small", 4, ["crop=16", "resize=20", "batch=5"])
    assert set(views(labels, maps, False, photos)(0, 0)["classes"].unique().tolist()) == {0, IGNORED}


@pytest.mark.parametrize(("horizontal", "vertical"), [(False, False), (True, False), (False, True), (True, True)])
def test_photo_and_map_are_flipped_alike_and_as_set(labels: LabelSet, horizontal: bool, vertical: bool) -> None:
    ramp = np.arange(16 * 16, dtype=np.uint8).reshape(16, 16)
    photos = np.repeat(ramp[None, ..., None], 4, axis=3)
    photos[..., 3] = ramp % 3
    settings = [f"flip_horizontal={int(horizontal)}", f"flip_vertical={int(vertical)}"]
    _, config = load_segmentation("small", 4, ["crop=16", "resize=16", "batch=16", "tone=1", *settings])
    batch = views(labels, config, False, photos)(0, 0)
    levels = (batch["gray"] * 255).round().long()
    assert torch.equal(levels % 3, batch["classes"])
    corners = {int(level) for level in levels[:, 0, 0, 0]}
    allowed = {0: True, 15: horizontal, 240: vertical, 255: horizontal and vertical}
    assert corners == {corner for corner, there in allowed.items() if there}


def test_tone_curves_change_the_photo_and_not_the_map(labels: LabelSet) -> None:
    photos = np.full((1, 32, 32, 4), 64, np.uint8)
    photos[..., :16, :, :3] = 255
    photos[..., 3] = 1

    def drawn(tone: float, colors: bool) -> np.ndarray[Any, Any]:
        load = load_color if colors else load_segmentation
        _, config = load("small", 4, ["crop=32", "resize=32", "batch=64", "flip_vertical=off", f"tone={tone}"])
        batch = views(labels, config, colors, photos)(0, 0)
        assert set(batch["labels" if colors else "classes"].unique().tolist()) == {1}
        return batch["gray"][:, 0, [0, 31], 0].numpy()

    for colors in (False, True):
        assert np.allclose(drawn(1, colors), [1, 64 / 255])
        gain, dark = drawn(2, colors).T  # of white, the curve is the gain
        assert 0.49 <= gain.min() < 0.55 < 0.95 < gain.max() <= 1
        power = np.log(dark / gain) / np.log(64 / 255)
        assert 0.49 <= power.min() < 0.55 < 1.8 < power.max() <= 2.05
        assert abs(np.corrcoef(gain, power)[0, 1]) < 0.4


def test_colors_get_darker_with_the_photo(labels: LabelSet) -> None:
    photos = np.zeros((1, 32, 32, 4), np.uint8)
    photos[..., :3] = (200, 120, 40)
    _, config = load_color("small", 4, ["crop=32", "resize=32", "batch=64", "tone=4"])
    batch = views(labels, config, True, photos)(0, 0)
    gray, chroma = batch["gray"][:, 0, 0, 0], batch["target"][:, :, 0, 0].norm(dim=1)
    assert chroma[gray < 0.15].max() < 0.7 * chroma.max()


@pytest.mark.parametrize("network", ["color", "segmentation"])
def test_presets_are_those_of_the_specification(network: str) -> None:
    values = hyperparameters(network).values
    paper = {key: values["paper"][key] for key in ("batch", "lr", "beta1", "beta2", "resize", "crop", "labels")}
    assert paper == {
        "batch": 16, "lr": 1e-4, "beta1": 0.9, "beta2": 0.999, "resize": 360, "crop": 352,
        "labels": "pascal-context-59",
    }  # fmt: skip
    small = {key: values["small"][key] for key in ("batch", "lr", "resize", "crop", "steps")}
    assert small == {"batch": 16, "lr": 1e-3, "resize": 72, "crop": 64, "steps": 5000 if network == "color" else 3000}
    for preset in ("small", "paper"):
        labels = read_label_set(str(values[preset]["labels"]))[0]
        assert len(labels) == {"small": 12, "paper": 60}[preset]
