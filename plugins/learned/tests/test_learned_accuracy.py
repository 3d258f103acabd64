"""Top-1 and top-5: what the classifier sees, what counts as right, and what is said where something lacks."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.data import astronaut, chelsea, coffee

from bench_core.errors import CellFailure
from bench_core.images import write_image
from bench_core.plugins import registry
from bench_core.torchvision_shim import ensure
from bench_core.weights import lookup
from bench_learned import accuracy, networks, runtime

CAT = np.ascontiguousarray(chelsea()[:, 40:340])
PHOTO = np.ascontiguousarray(astronaut()[:256, 96:352])
NAMES = ["top1", "top5", "top1-mobilenet", "top5-mobilenet"]


class Scripted(torch.nn.Module):
    """Ranks the classes by how near they are to the picture's mean red, 0..1 as class 0..999."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, pictures):
        self.seen.append(pictures)
        red = pictures[:, 0].mean() * 0.229 + 0.485
        return -(torch.arange(1000) / 999 - red).abs()[None]


@pytest.fixture
def scripted(monkeypatch):
    """The same scripted classifier behind every name."""
    network = Scripted()
    monkeypatch.setattr(runtime, "_built", dict.fromkeys(("vgg16", "mobilenet-v2"), network))
    monkeypatch.setattr(accuracy, "_answers", type(accuracy._answers)())
    return network


def red(level):
    picture = np.zeros((256, 256, 3), dtype=np.uint8)
    picture[..., 0] = level
    return picture


def test_right_is_what_the_data_set_says_and_the_reference_stands_beside(scripted):
    top1, top5 = (registry().metrics.create(name) for name in ("top1", "top5"))
    reference, near, far = red(51), red(50), red(200)  # 51/255 = 0.2 is class 200, 50/255 class 196
    assert top1(reference, reference, {"label": 200}).value == 1
    assert top1(near, reference, {"label": 200}).value == 0
    assert top5(near, reference, {"label": 197}).value == 1
    score = top1(far, reference, {"label": 200})
    assert (score.value, score.details) == (0, {"reference": 1.0, "label": 200, "answer": 784})
    assert top1(far, reference, {"label": 784}).details["reference"] == 0
    assert top5(far, reference, {"label": 201}).details["reference"] == 1


@pytest.mark.parametrize("name", NAMES)
def test_they_are_proportions_of_restored_and_colorized_pictures(name):
    metric = registry().metrics.create(name)
    assert (metric.kind, metric.direction, metric.worst) == ("proportion", "higher", 0.0)
    assert set(metric.pairs) == {"restored", "colorized"}
    weights = lookup(metric.weights)
    assert metric.version == f"{metric.architecture}-{weights.sha256[:8]}"  # so that classifiers never mix
    assert weights.file == f"{metric.version}.pth"


@pytest.mark.parametrize("facts", [{}, None, {"label": None}])
def test_without_a_label_the_row_says_what_lacks(scripted, facts):
    with pytest.raises(
        CellFailure, match=r"top1 needs the ImageNet class of the picture, e\.g\. from a folder's labels\.csv"
    ) as error:
        registry().metrics.create("top1")(PHOTO, PHOTO, facts)
    assert error.value.status == "skipped_unsupported"


@pytest.mark.parametrize("label", [-1, 1000])
def test_a_class_that_imagenet_has_not_is_no_wrong_answer(scripted, label):
    with pytest.raises(CellFailure, match=f"top1 knows the classes 0 to 999 of ImageNet, not {label}") as failure:
        registry().metrics.create("top1")(red(10), red(90), {"label": label})
    assert failure.value.status == "skipped_unsupported"


def test_each_picture_is_looked_at_once(scripted):
    top1, top5 = (registry().metrics.create(name) for name in ("top1-mobilenet", "top5-mobilenet"))
    for level in (10, 20, 10):
        top1(red(level), red(90), {"label": 1})
        top5(red(level), red(90), {"label": 1})
    assert len(scripted.seen) == 3
    registry().metrics.create("top1")(red(10), red(90), {"label": 1})
    assert len(scripted.seen) == 5  # another classifier has answers of its own


def test_what_is_remembered_is_bounded(scripted, monkeypatch):
    monkeypatch.setattr(accuracy, "_KEPT", 3)
    for level in range(6):
        registry().metrics.create("top1")(red(level), red(0), {"label": 1})
    assert len(accuracy._answers) == 3


@pytest.mark.parametrize(
    "image",
    [PHOTO, CAT, CAT.transpose(1, 0, 2), coffee(), coffee()[:100, :333], PHOTO[:40, :31]],
    ids=lambda image: "x".join(map(str, image.shape)),
)
def test_the_classifier_sees_what_torchvisions_own_evaluation_shows_it(image):
    ensure()
    from torchvision.models import MobileNet_V2_Weights, VGG16_Weights

    image = np.ascontiguousarray(image)
    ours = accuracy.classifier_input(image)
    for weights in (VGG16_Weights.IMAGENET1K_V1, MobileNet_V2_Weights.IMAGENET1K_V1):
        torch.testing.assert_close(ours, weights.transforms()(Image.fromarray(image))[None], rtol=0, atol=1e-6)
    gray = accuracy.classifier_input(image[:, :, :1])
    torch.testing.assert_close(gray, accuracy.classifier_input(image[:, :, :1].repeat(3, axis=2)), rtol=0, atol=0)


@pytest.mark.parametrize("name", ["top1", "top1-mobilenet"])
def test_missing_weights_are_a_status_with_the_command(monkeypatch, tmp_path, name):
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(runtime, "_built", {})
    monkeypatch.setattr(accuracy, "_answers", type(accuracy._answers)())
    metric = registry().metrics.create(name)
    with pytest.raises(CellFailure, match=f"bench weights fetch {metric.weights}$") as error:
        metric(PHOTO, PHOTO, {"label": 1})
    assert error.value.status == "weights_missing"


def test_a_file_in_torchs_own_cache_serves_if_it_is_the_right_one(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path / "own"))
    monkeypatch.setattr(runtime, "_built", {})
    place = tmp_path / "hub" / "checkpoints" / "mobilenet_v2-b0353104.pth"
    place.parent.mkdir(parents=True)
    torch.save({}, place)
    metric = registry().metrics.create("top1-mobilenet")
    with pytest.raises(CellFailure, match=r"mobilenet_v2-b0353104\.pth is damaged"):
        metric(PHOTO, PHOTO, {"label": 1})


def test_weights_are_read_without_running_what_they_hold(monkeypatch, tmp_path):
    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path}/mark",)

    torch.save({"evil": Evil()}, tmp_path / "evil.pth")
    monkeypatch.setattr(runtime, "_built", {})
    monkeypatch.setattr(runtime, "find", lambda name: tmp_path / "evil.pth")
    for name in ("top1-mobilenet", "st-lpips"):
        with pytest.raises(CellFailure, match="cannot be used"):
            registry().metrics.create(name)(PHOTO, PHOTO[::-1].copy(), {"label": 1})
    assert not (tmp_path / "mark").exists()


def test_a_network_of_torchvision_is_filled_from_a_file(monkeypatch, tmp_path):
    ensure()
    from torchvision.models import mobilenet_v2

    torch.manual_seed(0)
    theirs = mobilenet_v2(weights=None).eval()
    torch.save(theirs.state_dict(), tmp_path / "net.pth")
    monkeypatch.setattr(runtime, "_built", {})
    monkeypatch.setattr(accuracy, "_answers", type(accuracy._answers)())
    monkeypatch.setattr(runtime, "find", lambda name: tmp_path / "net.pth")
    with torch.no_grad():
        expected = theirs(accuracy.classifier_input(PHOTO))[0].topk(5).indices.tolist()
    metric = registry().metrics.create("top5-mobilenet")
    assert list(metric.prepare(PHOTO)) == expected
    assert metric(PHOTO, PHOTO, {"label": expected[4]}).value == 1


def test_vgg16_is_torchvisions():
    network = networks.classifier("vgg16")
    assert sum(value.numel() for value in network.parameters()) == 138_357_544
    assert {value.device.type for value in network.parameters()} == {"meta"}


def test_the_real_classifier_knows_a_cat():
    metric = registry().metrics.create("top5-mobilenet")
    if lookup("mobilenet-v2").path is None:
        pytest.skip("bench weights fetch mobilenet-v2")
    assert metric(CAT, CAT, {"label": 281}).value == 1  # tabby


def test_a_run_without_weights_says_what_lacks(tmp_path):
    for name in ("a", "b", "c"):
        write_image(tmp_path / "photos" / f"{name}.png", PHOTO if name == "a" else CAT[:256, :256])
    (tmp_path / "photos" / "labels.csv").write_text("file,class_index\na.png,652\nb.png,281\n")
    env = {**os.environ, "BENCH_WEIGHTS": str(tmp_path / "none"), "TORCH_HOME": str(tmp_path / "none")}
    env |= {"BENCH_LOAD_PLUGINS": "learned,baselines,datasets,degradations,metrics"}

    def bench(*arguments):
        command = [sys.executable, "-m", "bench_core.cli.main", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True).stdout

    bench("run", "-p", "copy-gray", "-d", "clean", "--dataset", "folder:photos", "-m", "top1-mobilenet", "-m", "lpips")
    bench("export", "--format", "json", "-o", "rows.json")
    rows = json.loads((tmp_path / "rows.json").read_text())
    of = {(row["metric"], row["pair"], row["image"]): row for row in rows}
    assert {pair for metric, pair, _ in of if metric == "top1-mobilenet"} == {"restored"}
    assert of["top1-mobilenet", "restored", "a.png"]["status"] == "weights_missing"
    assert "bench weights fetch lpips-alex" in of["lpips", "restored", "a.png"]["error"]
    assert {row["status"] for row in rows if row["metric"] == "lpips"} == {"weights_missing"}
