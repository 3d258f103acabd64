"""Pre-training of the global encoder, and what becomes of its weights (specification §4)."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import load_file, save_file
from skimage import data
from torch import Tensor, nn

from bench_core.cli.main import bench
from bench_core.errors import RequestError
from bench_core.nn.vgg import MEAN, STD, widths_to
from bench_core.training import TrainingOptions
from bench_scgan.config import load_preset
from bench_scgan.encoder_data import Labeled, LabeledBatches, crop, held_out, load_labeled
from bench_scgan.encoder_file import load_encoder, save_encoder
from bench_scgan.encoder_train import Classifier, build, hyperparameters, main
from bench_scgan.networks import Generator, GlobalEncoder
from bench_scgan.preweights import collapsed, folded, load_preweights

SETTINGS = ("global_ch=2", "hidden=4", "pool=1", "batch=4", "size=32", "length=4", "lower_every=2")


@pytest.fixture
def labeled(tmp_path: Path) -> str:
    """Ten gray-able pictures of two classes."""
    folder = tmp_path / "labeled"
    folder.mkdir()
    with (folder / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "class_index"])
        for index in range(10):
            source = data.coffee() if index % 2 else data.chelsea()
            Image.fromarray(source[10 * index :][:48, 100:160]).save(folder / f"{index}.png")
            rows.writerow([f"{index}.png", 7 * (index % 2)])
    return f"folder:{folder}"


@pytest.mark.parametrize("fact", ["label", "class"])
def test_a_picture_may_tell_its_class_in_numbers_of_imagenet_or_of_its_own_set(
    fact: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = {"a": 4, "b": None, "c": 0}
    dataset = SimpleNamespace(
        ids=lambda: list(pictures), load=lambda name: {"color": data.coffee()[:8, :8], fact: pictures[name]}
    )
    datasets = SimpleNamespace(create=lambda spec: dataset)
    monkeypatch.setattr("bench_scgan.encoder_data.registry", lambda: SimpleNamespace(datasets=datasets))
    assert load_labeled(["cifar10:DIR"]).labels == [4, 0]


def trained(seed: int = 0) -> GlobalEncoder:
    """An encoder with biases, whose batch norm has seen something."""
    torch.manual_seed(seed)
    encoder = GlobalEncoder(2, bias=True).train()
    with torch.no_grad():
        for _ in range(3):
            encoder(torch.randn(4, 1, 64, 64))
        for block in encoder.blocks:
            assert isinstance(block, nn.Sequential)
            nn.init.normal_(block[0].bias)
    return encoder.eval()


@pytest.mark.parametrize("settings", [(), ("sn_g=on",)])
def test_folded_biases_change_no_feature(settings: tuple[str, ...], tmp_path: Path) -> None:
    encoder, gray = trained(), torch.randn(2, 1, 64, 64)
    plain = GlobalEncoder(2)
    plain.load_state_dict(folded(encoder))
    with torch.no_grad():
        expected = encoder(gray)
        assert torch.allclose(plain.eval()(gray), expected, atol=1e-5)
    path = tmp_path / "encoder.safetensors"
    save_encoder(path, encoder, {"global_ch": 2, "range": "signed"}, {})
    shape, _ = load_preset("small", ["ch=4", "cap=8", "lat=4", "global_ch=2", *settings])
    network = Generator(shape)
    assert load_preweights(network, str(path)) == "scgan-encoder"
    assert network.global_encoder is not None
    state = network.global_encoder.state_dict()
    name = "blocks.3.0." + ("parametrizations.weight.original" if settings else "weight")
    assert torch.equal(state[name], encoder.state_dict()["blocks.3.0.weight"])
    if not settings:
        with torch.no_grad():
            assert torch.allclose(network.eval().global_encoder(gray), expected, atol=1e-5)


def vgg16() -> dict[str, Tensor]:
    state, channels, place = {}, 3, 0
    for width in widths_to("vgg16", "relu5_3"):
        if width:
            state[f"features.{place}.weight"] = torch.randn(width, channels, 3, 3) * (2 / (9 * channels)) ** 0.5
            state[f"features.{place}.bias"] = torch.randn(width) * 0.1
            channels = width
        place += 2 if width else 1
    return state


@pytest.mark.parametrize("kind", ["signed", "unit"])
def test_a_collapsed_vgg_sees_gray_as_vgg_sees_color(kind: str, tmp_path: Path) -> None:
    state = vgg16()
    shape, _ = load_preset("small", ["ch=4", "cap=8", "lat=4", "global_ch=64", f"range={kind}"])
    encoder = GlobalEncoder(64).eval()
    missing, unexpected = encoder.load_state_dict(collapsed(state, shape), strict=False)
    # VGG-16 has 13 convolutions, the encoder 14.
    assert all(name.startswith("blocks.13.") or "num_batches" in name for name in missing)
    assert not unexpected
    gray = torch.rand(1, 1, 8, 8)
    color = (gray.expand(-1, 3, -1, -1) - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    padded = F.pad(color, (1, 1, 1, 1), mode="reflect")
    expected = F.leaky_relu(F.conv2d(padded, state["features.0.weight"], state["features.0.bias"]), 0.2)
    first = encoder.blocks[0]
    assert isinstance(first, nn.Sequential)
    with torch.no_grad():
        found = first[1](first[0](gray * 2 - 1 if kind == "signed" else gray) + encoder.first_bias[:, None, None])
        assert torch.allclose(found, expected, atol=1e-4)
        # A later one is VGG's convolution with its bias.
        third, features = encoder.blocks[2], torch.rand(1, 64, 8, 8)
        assert isinstance(third, nn.Sequential)
        padded = F.pad(features, (1, 1, 1, 1), mode="reflect")
        wanted = F.leaky_relu(F.conv2d(padded, state["features.5.weight"], state["features.5.bias"]), 0.2)
        assert torch.allclose(third(features), wanted, atol=1e-3)
    path = tmp_path / "vgg16.safetensors"
    save_file(state, path)
    network = Generator(shape)
    assert load_preweights(network, str(path)) == "vgg16"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["global_ch=4"], "is of global_ch=2, range=signed, and the network of global_ch=4, range=signed"),
        (["global_ch=2", "range=unit"], "range=unit"),
        (["global_encoder=off"], "global_encoder is off"),
    ],
)
def test_preweights_of_another_network_are_one_clear_line(settings: list[str], message: str, tmp_path: Path) -> None:
    path = tmp_path / "encoder.safetensors"
    save_encoder(path, trained(), {"global_ch": 2, "range": "signed"}, {})
    network = Generator(load_preset("small", ["ch=4", "cap=8", "lat=4", *settings])[0])
    with pytest.raises(RequestError, match=message) as caught:
        load_preweights(network, str(path))
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("wrong", ["shape", "missing"])
def test_preweights_of_another_vgg_are_one_clear_line(wrong: str, tmp_path: Path) -> None:
    state = vgg16()
    name = "features.17.weight"  # VGG-19 has it in another place, and so has VGG-16 with batch norm
    if wrong == "shape":
        state[name] = torch.zeros(64, 3, 11, 11)
    else:
        del state[name]
    path = tmp_path / "other.safetensors"
    save_file(state, path)
    network = Generator(load_preset("small", ["ch=4", "cap=8", "lat=4", "global_ch=64"])[0])
    with pytest.raises(
        RequestError, match=r"features\.17\.weight is missing or of another shape; give a file of bench"
    ):
        load_preweights(network, str(path))


def test_no_preweights_file_is_one_clear_line(tmp_path: Path) -> None:
    network = Generator(load_preset("small", ["ch=4", "cap=8", "lat=4", "global_ch=2"])[0])
    (tmp_path / "other.pth").write_bytes(b"none")
    for name, message in (("absent.pth", "no such file"), ("other.pth", "cannot be read as weights")):
        with pytest.raises(RequestError, match=message):
            load_preweights(network, str(tmp_path / name))


def test_pre_training_resumes_exactly_and_its_file_is_taken(labeled: str, tmp_path: Path) -> None:
    settings = [part for setting in SETTINGS for part in ("--set", setting)]

    def start(out: str, *more: str) -> None:
        wanted = ["--data", labeled, "--device", "cpu", "--out", str(tmp_path / out), *settings, *more]
        result = CliRunner().invoke(main, wanted)
        assert result.exit_code == 0, result.output

    start("whole", "--validate-every", "2", "--log-every", "1")
    original = LabeledBatches.__call__

    def fail(self: LabeledBatches, step: int, process: int) -> dict[str, Tensor]:
        if step == 3:
            raise ZeroDivisionError("killed")
        return original(self, step, process)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LabeledBatches, "__call__", fail)
        wanted = [
            "--data",
            labeled,
            "--device",
            "cpu",
            "--out",
            str(tmp_path / "cut"),
            *settings,
            "--save-seconds",
            "0",
        ]
        assert isinstance(CliRunner().invoke(main, wanted).exception, ZeroDivisionError)
    start("cut", "--save-seconds", "0")
    whole, again = (load_file(tmp_path / folder / "last.safetensors") for folder in ("whole", "cut"))
    assert all(torch.equal(whole[key], again[key]) for key in whole)
    with (tmp_path / "whole" / "log.csv").open(newline="") as file:
        assert [float(row["lr"]) for row in csv.DictReader(file)] == pytest.approx([0.01, 0.01, 0.001, 0.001])
    loaded = load_encoder(tmp_path / "whole" / "best.safetensors")
    assert loaded.record["encoder"] == {"global_ch": 2, "range": "signed"}
    assert (loaded.training["classes"], loaded.training["photos"]) == (2, 9)
    assert not any("head" in key for key in whole)


def test_pre_training_without_labels_is_one_clear_line(photos: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--data", photos, "--out", str(tmp_path / "out")])
    assert (result.exit_code, "no picture has a label" in result.output) == (2, True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("unit", "every"), [("epochs", 3), ("steps", 500)])
def test_a_run_is_the_one_asked_for(
    labeled: str, options: Callable[..., TrainingOptions], unit: str, every: int
) -> None:
    settings = (*SETTINGS, f"unit={unit}", "momentum=0.7", "weight_decay=0.25")
    trainer = build(options(hyperparameters(), labeled, *settings))
    (group,) = trainer.recipe.updates[0].optimizer.param_groups
    assert (group["momentum"], group["weight_decay"]) == (0.7, 0.25)
    assert trainer.recipe.validate_every == every  # nine photos, four a step


@pytest.mark.parametrize("shape", [{"global_ch": 4, "range": "signed"}, {"global_ch": 2, "range": "unit"}])
def test_an_encoder_of_another_shape_is_no_start(
    labeled: str, options: Callable[..., TrainingOptions], shape: dict[str, object], tmp_path: Path
) -> None:
    path = tmp_path / "encoder.safetensors"
    save_encoder(path, GlobalEncoder(int(str(shape["global_ch"])), bias=True), shape, {})
    with pytest.raises(RequestError, match="holds another encoder"):
        build(options(hyperparameters(), labeled, *SETTINGS, init=path))


def test_few_photos_of_each_class_are_held_out_and_one_batch_at_a_time_is_made() -> None:
    grays = [np.zeros((8, 8, 1), np.uint8)] * 600
    first, rest = held_out(Labeled(grays, [0, 1] * 300), 0)
    assert (len(first.grays), len(rest.grays)) == (580, 20)  # ten a class, not the tenth
    assert len(held_out(Labeled(grays[:50], [0, 1] * 25), 0)[1].grays) == 5
    assert isinstance(LabeledBatches(rest, [0, 1], 8, "crop", True, 4, 0).whole(), Iterator)


def test_labels_are_read_and_crops_taken(labeled: str) -> None:
    found = load_labeled([labeled])
    assert found.labels == [0, 7] * 5
    batches = LabeledBatches(found, [0, 7], 32, "scale", True, 4, 0)
    batch = batches(0, 0)
    assert batch["gray"].shape == (4, 1, 32, 32)
    assert set(batch["label"].tolist()) <= {0, 1}
    unit = LabeledBatches(found, [0, 7], 32, "scale", False, 4, 0)(0, 0)["gray"]
    assert 0 <= unit.min() < unit.max() <= 1
    assert torch.equal(batch["gray"], unit * 2 - 1)
    assert sum(len(part["label"]) for part in batches.whole()) == 10
    photo = np.arange(48 * 60, dtype=np.uint32).astype(np.uint8).reshape(48, 60, 1)
    assert (crop(photo, 32, 0.0, (0.5, 0.5), False) == photo[8:40, 14:46]).all()
    assert (crop(photo, 32, 0.0, (1.0, 0.0), True) == photo[16:48, :32][:, ::-1]).all()
    assert crop(photo, 64, 0.0, (0.0, 0.0), False).shape == (64, 64, 1)  # too small: enlarged


def test_the_head_is_vggs() -> None:
    values = hyperparameters().resolve("paper")
    with torch.device("meta"):
        network = Classifier(1000, 64, int(values["pool"]), int(values["hidden"]), 0.5)
    sizes = [(layer.in_features, layer.out_features) for layer in network.head if isinstance(layer, nn.Linear)]
    assert sizes == [(512 * 7 * 7, 4096), (4096, 4096), (4096, 1000)]
    assert [layer.p for layer in network.head if isinstance(layer, nn.Dropout)] == [0.5, 0.5]
    assert all(layer.bias is not None for layer in network.modules() if isinstance(layer, nn.Conv2d))


def test_bench_train_knows_the_part_by_its_name() -> None:
    result = CliRunner().invoke(bench, ["train", "scgan-encoder", "--show-hyperparameters"])
    assert result.exit_code == 0, result.output
    assert "lower_every" in result.output
    result = CliRunner().invoke(bench, ["train", "copy-gray"])
    assert isinstance(result.exception, RequestError)
    assert "scgan, scgan-encoder" in str(result.exception)
