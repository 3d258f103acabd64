"""The method: any size, each source of the map, and what is refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from skimage import data

from bench_core.conformance import check_model
from bench_core.errors import CellFailure, MissingWeights, RequestError
from bench_core.images import digest, luminance
from bench_core.model import Condition
from bench_core.plan import Request, Workbench
from bench_core.run import run
from bench_core.store.database import open_database
from bench_core.store.queries import find_run, long_rows
from bench_semantic.color_net import ColorNet
from bench_semantic.colorize import Colorizer, nearest
from bench_semantic.commands import sdc
from bench_semantic.edits import read_edits, write_edits
from bench_semantic.label_sets import IGNORED, LabelSet
from bench_semantic.method import Sdc
from bench_semantic.weights import SdcNetworks, load_weights, save_weights

GRAY = luminance(data.astronaut()[100:133, 200:247])  # 33×47: no multiple of anything


def method(weights: Path, **settings: str | int) -> Sdc:
    return Sdc(settings, weights, "cpu")


def decoded(model: Sdc, gray: np.ndarray = GRAY, condition: Condition | None = None) -> dict[str, np.ndarray]:
    return model.decode_all([gray], condition or Condition())[0]


@pytest.mark.parametrize("infer", ["resize", "pad"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (33, 47), (100, 100)])
def test_every_size_comes_back_with_its_own_lightness(weights: Path, infer: str, shape: tuple[int, int]) -> None:
    gray = np.random.default_rng(1).integers(60, 200, (*shape, 1), dtype=np.uint8)
    found = decoded(method(weights, infer=infer), gray)
    assert (found["color"].shape, found["semantic"].shape) == ((*shape, 3), (*shape, 1))
    numbers = np.rint(found["semantic"] * 255)
    assert set(np.unique(numbers)) <= {10, 20, 30}  # the numbers of files, and never the class that nobody annotates


def test_padding_and_resizing_see_the_same_where_nothing_is_to_do(weights: Path) -> None:
    gray = GRAY[:16, :16]
    one, other = (decoded(method(weights, infer=infer), gray) for infer in ("resize", "pad"))
    assert np.allclose(one["color"], other["color"], atol=1e-6)
    assert (one["semantic"] == other["semantic"]).all()
    larger = decoded(method(weights, size=32), gray)
    assert not np.allclose(one["color"], larger["color"], atol=1e-3)


def test_what_is_not_sure_is_void(networks: SdcNetworks, weights: Path) -> None:
    maps = [Colorizer(networks, sure=sure).segment(GRAY) for sure in (0, 0.4, 1)]
    assert set(np.unique(maps[0])) <= {0, 1, 2}
    assert (maps[2] == networks.labels.void_class).all()
    assert ((maps[1] == maps[0]) | (maps[1] == networks.labels.void_class)).all()
    found = decoded(method(weights, sure=1))
    assert set(np.unique(np.rint(found["semantic"] * 255))) == {9}  # the set's number for void


def test_maps_only_change_size_by_whole_pixels() -> None:
    classes = torch.randint(0, 60, (1, 1, 16, 16))
    for height, width in ((33, 47), (16, 100), (352, 17)):
        larger = nearest(classes, height, width)
        assert set(larger.unique().tolist()) <= set(classes.unique().tolist())
        assert torch.equal(nearest(larger, 16, 16), classes)


def test_the_map_decides_the_colors(networks: SdcNetworks) -> None:
    colorizer = Colorizer(networks)
    classes = colorizer.segment(GRAY)
    assert (classes.dtype, classes.shape) == (np.uint8, GRAY.shape[:2])
    found = colorizer.paint(GRAY, classes)
    assert (found.dtype, found.shape) == (np.uint8, (*GRAY.shape[:2], 3))
    changed = classes.copy()
    changed[:12, :12] = (changed[:12, :12] + 1) % 3
    difference = np.abs(colorizer.paint(GRAY, changed).astype(int) - found).mean(axis=2)
    assert difference[:12, :12].mean() > 2 * difference[24:, 24:].mean()
    # Pixels of which nothing is known are shown as the void class.
    assert (
        colorizer.paint(GRAY, np.full_like(classes, IGNORED)) == colorizer.paint(GRAY, np.full_like(classes, 3))
    ).all()


def test_the_largest_logit_counts_unless_nobody_is_taught_its_class(networks: SdcNetworks) -> None:
    assert networks.segmentation is not None
    networks.segmentation.exit[-1].bias.data[3] = 1e6
    assert 3 not in Colorizer(networks).segment(GRAY)
    networks.segmentation.exit[-1].bias.data[1] = 1e6
    assert (Colorizer(networks).segment(GRAY) == 1).all()


def test_a_human_map_is_what_the_harness_tells(weights: Path) -> None:
    model = method(weights, map_source="human")
    assert (model.oracle, model.returned()) == (("semantic",), ("color",))
    with pytest.raises(CellFailure, match=r"skipped_unsupported: .* told the true 'semantic'"):
        decoded(model)
    numbers = np.full((*GRAY.shape[:2], 1), 20, np.uint8)
    numbers[20:] = 30
    found = decoded(model, condition=Condition(oracle=({"semantic": numbers},)))
    classes = (numbers[..., 0] // 10 - 1).astype(np.uint8)
    colorizer = Colorizer(load_weights(weights).network)
    assert (np.rint(found["color"] * 255) == colorizer.paint(GRAY, classes)).all()
    assert set(found) == {"color"}
    # A map of another size, as after a degradation that resizes, is resized.
    half = decoded(model, condition=Condition(oracle=({"semantic": numbers[::2, ::2]},)))
    assert half["color"].shape == (*GRAY.shape[:2], 3)


def test_a_human_map_of_other_classes_is_no_map(weights: Path) -> None:
    model = method(weights, map_source="human")
    numbers = np.full((*GRAY.shape[:2], 1), 20, np.uint8)
    numbers[0, :3, 0] = 255, 9, 11  # void as the harness and as the set have it, and what nothing knows
    with pytest.raises(CellFailure, match=r"skipped_unsupported: .*: 11 is the number of no class of light"):
        decoded(model, condition=Condition(oracle=({"semantic": numbers},)))
    numbers[0, 2] = 10
    assert set(decoded(model, condition=Condition(oracle=({"semantic": numbers},)))) == {"color"}


def test_who_says_that_maps_are_of_other_classes_gets_none_scored_and_none_told(weights: Path) -> None:
    assert method(weights, maps="light").returned() == ("color", "semantic")
    model = method(weights, maps="pascal-context-59")
    assert model.returned() == tuple(decoded(model)) == ("color",)
    with pytest.raises(RequestError, match=r"the maps are of pascal-context-59, the weights of light; give weights"):
        method(weights, map_source="human", maps="pascal-context-59")


def test_no_map_is_the_first_class_everywhere(weights: Path) -> None:
    model = method(weights, map_source="none")
    assert (model.oracle, model.returned()) == ((), ("color",))
    painted = Colorizer(load_weights(weights).network).paint(GRAY, np.zeros(GRAY.shape[:2], np.uint8))
    assert (np.rint(decoded(model)["color"] * 255) == painted).all()


@pytest.fixture
def edits(tmp_path: Path, labels: LabelSet) -> Path:
    """Edits of the gray picture: all bright, its lower half unknown."""
    classes = np.full(GRAY.shape[:2], 2, np.uint8)
    classes[16:] = 3
    (tmp_path / "edits").mkdir()
    Image.fromarray(classes).save(tmp_path / "edits" / "one.png")
    path = tmp_path / "edits" / "edits.json"
    write_edits(path, labels, [(digest(GRAY), "one.png")])
    return path


def test_an_edit_is_replayed_on_the_very_picture_it_was_made_on(weights: Path, edits: Path, labels: LabelSet) -> None:
    model = method(weights, map_source="edited", edit=str(edits))
    found = decoded(model)
    wanted = read_edits(edits, labels).find(GRAY)
    assert wanted is not None
    assert (np.rint(found["color"] * 255) == Colorizer(load_weights(weights).network).paint(GRAY, wanted)).all()
    assert np.unique(np.rint(found["semantic"] * 255)).tolist() == [9, 30]
    with pytest.raises(CellFailure, match=r"skipped_unsupported: .* no edit of this very gray picture"):
        decoded(model, GRAY + 1)
    # Other edits under the same name are another setting, so that no stored figure is taken for theirs.
    before = model.settings["edits"]
    Image.fromarray(np.zeros(GRAY.shape[:2], np.uint8)).save(edits.parent / "one.png")
    assert method(weights, map_source="edited", edit=str(edits)).settings["edits"] != before


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("bench-sdc-edits-1", "another", "no file of edits of the format"),
        ('"one.png"', '"../one.png"', "must lie in the file's folder or below"),
        ('"one.png"', '"/one.png"', "must lie in the file's folder or below"),
        ('"one.png"', '"two.png"', r"two\.png: no such file"),
        ('"bright"', '"light"', "it is of 4 other classes than the 4 of light"),
    ],
)
def test_a_wrong_file_of_edits_is_refused(edits: Path, labels: LabelSet, old: str, new: str, problem: str) -> None:
    edits.write_text(edits.read_text().replace(old, new))
    with pytest.raises(RequestError, match=problem):
        read_edits(edits, labels)


def test_an_edit_of_a_class_that_is_not_there_is_refused(edits: Path, labels: LabelSet) -> None:
    Image.fromarray(np.full((4, 4), 4, np.uint8)).save(edits.parent / "one.png")
    with pytest.raises(RequestError, match="has class 4; there are 4, from 0"):
        read_edits(edits, labels)


def test_wrong_settings_are_one_clear_line(weights: Path, networks: SdcNetworks, tmp_path: Path) -> None:
    only = tmp_path / "color.safetensors"
    save_weights(only, SdcNetworks(networks.labels, networks.color), {})
    maps = tmp_path / "maps.safetensors"
    save_weights(maps, SdcNetworks(networks.labels, segmentation=networks.segmentation), {})
    attempts: list[tuple[Callable[[], object], str]] = [
        (lambda: method(only), "holds no segmentation network; add one: bench sdc join"),
        (lambda: method(maps), "holds no color network"),
        (lambda: method(weights, map_source="edited"), "go together, e.g. --set map_source=edited"),
        (lambda: method(weights, edit="a.json"), "go together, e.g. --set map_source=edited"),
        (lambda: method(weights, map_source="edited", edit="/no/a.json"), "No such file"),
        (lambda: method(weights, size=10), "size must be a multiple of 4"),
        (lambda: load_weights(Path(__file__)), "not a safetensors file"),
    ]
    for attempt, problem in attempts:
        with pytest.raises(RequestError, match=problem) as caught:
            attempt()
        assert len(caught.value.problems) == 1
    assert decoded(method(only, map_source="none"))["color"].shape == (33, 47, 3)


def test_without_weights_it_says_how_to_get_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sdc, "default_weights", tmp_path / "none.safetensors")
    with pytest.raises(MissingWeights, match="bench train sdc"):
        Sdc({}, None, "cpu")


def test_two_files_are_joined(networks: SdcNetworks, weights: Path, tmp_path: Path) -> None:
    parts = {"color": SdcNetworks(networks.labels, networks.color),
             "maps": SdcNetworks(networks.labels, segmentation=networks.segmentation)}  # fmt: skip
    for name, part in parts.items():
        save_weights(
            tmp_path / name, part, {"color": {"steps": 7}} if name == "color" else {"segmentation": {"steps": 8}}
        )
    out = tmp_path / "both.safetensors"
    done = CliRunner().invoke(sdc, ["join", str(tmp_path / "color"), str(tmp_path / "maps"), "-o", str(out)])
    assert done.exit_code == 0, done.output
    joined = load_weights(out)
    assert joined.training == {"color": {"steps": 7}, "segmentation": {"steps": 8}}
    whole = load_weights(weights).network.state_dict()
    assert all(torch.equal(value, whole[name]) for name, value in joined.network.state_dict().items())
    swapped = CliRunner().invoke(sdc, ["join", str(tmp_path / "maps"), str(tmp_path / "color"), "-o", str(out)])
    assert "holds no color network" in str(swapped.exception)


def test_networks_of_other_classes_are_not_joined(networks: SdcNetworks, color_net: Callable[..., ColorNet]) -> None:
    with pytest.raises(ValueError, match="a network of 60 classes with a set of 4"):
        SdcNetworks(networks.labels, color_net())


def test_half_precision_changes_no_color_by_much(networks: SdcNetworks, tmp_path: Path) -> None:
    for half in (False, True):
        save_weights(tmp_path / str(half), networks, {}, half)
    exact, rounded = (decoded(method(tmp_path / str(half), map_source="none"))["color"] for half in (False, True))
    assert 0 < np.abs(exact - rounded).max() < 0.02


@pytest.fixture
def request_of(weights: Path, dataset: str) -> Request:
    metrics = ("psnr", "pixel_acc")
    return Request(plugin="sdc", weights=str(weights), dataset=dataset, metrics=metrics, limit=2, keep=0, device="cpu")


def test_a_run_scores_colors_and_predicted_maps_but_not_told_ones(request_of: Request, tmp_path: Path) -> None:
    database = open_database(str(tmp_path / "bench.db"))
    outcome = run(request_of, database)
    rows = long_rows(database, [outcome.run_id])
    assert {(row.pair, row.metric) for row in rows} >= {("colorized", "psnr"), ("semantic", "pixel_acc")}
    assert {row.status for row in rows} == {"ok"}
    told = run(replace(request_of, settings={"map_source": "human"}, metrics=("psnr",)), database)
    assert {row.status for row in long_rows(database, [told.run_id])} == {"ok"}
    assert find_run(database, told.run_id).request["oracle"] == ["semantic"]
    assert "semantic" not in {row.pair for row in long_rows(database, [told.run_id])}
    database.close()


def test_the_method_keeps_the_rules(request_of: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    # Another process is bench_core's own test's affair; here only that nothing but the picture decides.
    monkeypatch.setattr("bench_core.conformance._elsewhere", lambda *_: None)
    monkeypatch.setattr("bench_core.conformance._light", lambda *_: None)
    for settings in ({}, {"map_source": "human"}):
        checks = list(check_model(replace(request_of, settings=settings, metrics=("psnr",))))
        assert [check.detail for check in checks if not check.passed] == []
    assert Workbench.build(request_of).model.task.name == "colorization"
