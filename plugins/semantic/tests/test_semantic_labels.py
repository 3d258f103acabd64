"""Label sets, numberings and their files (specification of SDC, Section 4 and Section 9, property 13)."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from scipy.io import savemat

from bench_core.dataset import Dataset
from bench_core.errors import CellFailure, RequestError
from bench_core.label_colors import voc_color
from bench_semantic import map_files
from bench_semantic.commands import sdc
from bench_semantic.label_sets import IGNORED, LabelSet, from_record, label_set_names, read_label_set
from bench_semantic.map_files import read_numbers
from bench_semantic.pascal_context import PascalContext, from_mat, from_mmseg


def test_the_palette_of_voc() -> None:
    known = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 3: (128, 128, 0), 4: (0, 0, 128), 36: (0, 0, 192)}
    assert {index: voc_color(index) for index in known} == known
    assert len({voc_color(index) for index in range(256)}) == 256


@pytest.mark.parametrize(
    ("name", "count", "predictable"),
    [
        ("camvid", 12, 11),
        ("coco-27", 28, 27),
        ("coco-panoptic", 134, 133),
        ("pascal-context-59", 60, 60),
        ("voc21", 21, 21),
    ],
)
def test_the_sets_that_come_along(name: str, count: int, predictable: int) -> None:
    assert name in label_set_names()
    labels, numbering = read_label_set(name)
    assert (len(labels), len(labels.predictable)) == (count, predictable)
    assert len(set(labels.names)) == count
    assert len({each.color for each in labels.classes}) == count
    # Whatever can be predicted is written as a number that means it again.
    classes = np.array(labels.predictable, np.uint8)
    assert (numbering.classes(labels.numbers(classes)) == classes).all()
    assert from_record(labels.record()).names == labels.names


def test_mmsegs_order_is_another_one() -> None:
    labels = read_label_set("pascal-context-59")[0]
    found = from_mmseg(np.arange(60))
    assert sorted(found.tolist()) == list(range(60))
    assert [int(found[number]) for number in (37, 47, 29)] == [15, 50, 36]
    assert [labels.names[index] for index in (15, 50, 36)] == ["person", "sky", "grass"]


def test_the_459_numbers() -> None:
    found = from_mat(np.array([[0, 1, 2, 23, 284], [360, 187, 459, 458, 65535]]))
    assert found.tolist() == [[0, 0, 1, 2, 15], [50, 36, 0, 59, 0]]
    # mmsegmentation's order is the alphabetical one of the 459, in which the numbers rise.
    labels = read_label_set("pascal-context-59")[0]
    by_mmseg = np.argsort([numbers[0] for numbers in labels.numbering("mmseg").numbers])
    numbers = [labels.numbering("mat").numbers[index][0] for index in by_mmseg]
    assert numbers == sorted(numbers)


def test_cocos_categories_in_voc() -> None:
    labels, numbering = read_label_set("voc21:coco")
    found = numbering.classes(np.array([0, 1, 62, 184, 255]))
    assert found.tolist() == [IGNORED, labels.index("person"), labels.index("chair"), 0, IGNORED]


def test_the_groups_of_coco_hold_every_category_once() -> None:
    groups, coco = read_label_set("coco-27:coco")
    categories = read_label_set("coco-panoptic")[1]
    numbers = np.array([number for own in categories.numbers for number in own])
    found = coco.classes(numbers)
    assert len(numbers) == 133
    assert (found != IGNORED).all()
    assert set(found.tolist()) == set(groups.predictable)
    named = dict(zip(read_label_set("coco-panoptic")[0].names, categories.numbers, strict=True))
    for category, group in (
        ("sea", "water"),
        ("snow", "ground"),
        ("grass-merged", "plant"),
        ("potted plant", "furniture"),
    ):
        assert groups.names[int(coco.classes(np.array(named[category]))[0])] == group


def test_the_groups_of_coco_take_in_the_maps_of_other_sets() -> None:
    groups = read_label_set("coco-27")[0]
    for name, known in (
        ("camvid", {"tree": "plant", "bicyclist": "person"}),
        ("voc21", {"cow": "animal", "train": "vehicle"}),
    ):
        numbering, other = groups.numbering(name), read_label_set(name)[0]
        found = dict(zip(other.names, numbering.classes(np.arange(len(other))).tolist(), strict=True))
        assert found.pop("void" if name == "camvid" else "background") == IGNORED
        assert IGNORED not in found.values()
        assert {each: groups.names[found[each]] for each in known} == known
    assert groups.shown(np.array([IGNORED], np.uint8)).tolist() == [groups.index("unknown")]


def test_a_set_of_ones_own(labels: LabelSet, labels_file: Path) -> None:
    assert [(each.name, each.color) for each in labels.classes] == [
        ("dark", (0, 0, 0)), ("middling", (128, 0, 0)), ("bright", (0, 128, 0)), ("unknown", (1, 2, 3)),
    ]  # fmt: skip
    assert labels.predictable == (0, 1, 2)
    classes = labels.numbering("id").classes(np.array([[10, 20], [9, 77]]))
    assert classes.tolist() == [[0, 1], [IGNORED, IGNORED]]
    assert labels.shown(classes).tolist() == [[0, 1], [3, 3]]
    assert labels.numbers(classes).tolist() == [[10, 20], [9, 9]]
    letters = read_label_set(f"{labels_file}:letters")[1]
    assert letters.classes(np.array([65, 97, 66, 0, 67])).tolist() == [0, 0, 1, IGNORED, IGNORED]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("classes = 3", "classes must be a list of tables"),
        ('classes = [{ name = "a" }]', "1 classes; a set has 2 to 254"),
        ('classes = [{ name = "a" }, { name = "a" }]', "two classes are named 'a'"),
        ('classes = [{ name = "a" }, { name = "b", color = [1, 2, 256] }]', "the color of 'b' must be three integers"),
        ('classes = [{ name = "a", id = -1 }, { name = "b" }]', "id of 'a' must be a number from 0"),
        ('classes = [{ name = "a", id = 1 }, { name = "b" }]', "in numbering 'id', 1 means two things"),
        ('classes = [{ name = "a", id = 300 }, { name = "b" }]', "at most 255"),
        ('void_class = "c"\nclasses = [{ name = "a" }, { name = "b" }]', "there is no class 'c'"),
        ('void = 3\nclasses = [{ name = "a" }, { name = "b" }]', "void must be a table"),
        ("classes = [", "cannot be read as TOML"),
        ('void = { id = [300] }\nclasses = [{ name = "a" }, { name = "b" }]', "are at most 255, void too"),
        (
            'made = 2024-05-01\nclasses = [{ name = "a" }, { name = "b" }]',
            "made = 2024-05-01 cannot be kept",
        ),
        ('classes = [{ name = "a" }, { name = "b", id = 255 }]', "255 means two things (in id it is always void)"),
        ('classes = [{ name = "a" }, { name = "b", id = [] }]', "'b' has no number, so a map file cannot show it"),
        ('void_class = "b"\nclasses = [{ name = "a", id = [] }, { name = "b", id = [] }]', "'a' has no number"),
    ],
)
def test_a_wrong_set_is_one_clear_line(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(RequestError) as caught:
        read_label_set(str(path))
    assert len(caught.value.problems) == 1
    assert problem in caught.value.problems[0]


@pytest.mark.parametrize("void", ["", "void = { id = [7] }", "void = { id = [255, 7] }"])
@pytest.mark.parametrize("number", ["", ", id = []", ", id = 9"])
def test_every_map_of_a_set_means_the_same_when_it_is_read_again(tmp_path: Path, void: str, number: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'{void}\nvoid_class = "b"\nclasses = [{{ name = "a" }}, {{ name = "b"{number} }}]')
    labels, numbering = read_label_set(str(path))
    classes = np.array([0, 1, IGNORED], np.uint8)
    written = labels.numbers(classes)
    assert labels.misfit(written.tolist(), numbering) == ""
    assert labels.shown(numbering.classes(written)).tolist() == [0, 1, 1]


def test_numbers_that_mean_nothing_are_named() -> None:
    pascal, groups = read_label_set("pascal-context-59")[0], read_label_set("coco-27")[0]
    own = groups.numbering("id")
    assert groups.misfit(range(28), own) == groups.misfit([255], own) == ""
    assert groups.misfit([28], own) == "28 is the number of no class of coco-27, which has 1, 2, 3, 4, 5, … 27"
    assert groups.misfit([59, 28, 3], own).startswith("28, 59 are the numbers of no class of coco-27")
    assert pascal.misfit(range(460), pascal.numbering("mat")) == ""  # all others are background
    assert pascal.misfit([255], pascal.numbering("mmseg")) == ""  # what samples have for void


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("cityscapes", "no label set 'cityscapes'; there are camvid"),
        ("voc21:ade", "no numbering 'ade'; it has id, coco"),
    ],
)
def test_what_is_not_there(text: str, problem: str) -> None:
    with pytest.raises(RequestError, match=problem):
        read_label_set(text)


def test_maps_are_renumbered(tmp_path: Path) -> None:
    source = np.array([[1, 184, 0], [62, 300, 3]], np.uint16)
    (tmp_path / "maps" / "deep").mkdir(parents=True)
    Image.fromarray(source).save(tmp_path / "maps" / "deep" / "a.png")
    arguments = ["renumber", str(tmp_path / "maps"), "--labels", "voc21:coco", "-o", str(tmp_path / "voc")]
    assert CliRunner().invoke(sdc, arguments).exit_code == 0
    written = tmp_path / "voc" / "deep" / "a.png"
    assert read_numbers(written).tolist() == [[15, 0, 255], [9, 0, 7]]
    shown = np.asarray(Image.open(written).convert("RGB"))
    assert shown[0, 0].tolist() == list(voc_color(15))
    again = CliRunner().invoke(sdc, arguments)
    assert isinstance(again.exception, RequestError)
    assert "not empty" in str(again.exception)


def test_nothing_is_written_where_one_map_is_wrong(tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    maps.mkdir()
    Image.fromarray(np.array([[1, 62]], np.uint8)).save(maps / "A.PNG")
    (maps / "z.png").write_bytes(b"no")
    arguments = ["renumber", str(maps), "--labels", "voc21:coco", "-o", str(tmp_path / "deep" / "voc")]
    failed = CliRunner().invoke(sdc, arguments)
    assert isinstance(failed.exception, RequestError)
    assert "z.png" in str(failed.exception)
    assert list((tmp_path / "deep").iterdir()) == []
    (maps / "z.png").unlink()
    (tmp_path / "deep" / "voc").mkdir()  # an empty folder is as good as none
    assert CliRunner().invoke(sdc, arguments).exit_code == 0
    assert read_numbers(tmp_path / "deep" / "voc" / "A.PNG").tolist() == [[15, 9]]


def test_maps_are_renumbered_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maps, order = tmp_path / "maps", []
    maps.mkdir()
    for name in "ab":
        Image.fromarray(np.ones((2, 2), np.uint8)).save(maps / f"{name}.png")
    read, write = map_files.read_numbers, map_files.write_numbers
    monkeypatch.setattr(map_files, "read_numbers", lambda *given: (order.append("read"), read(*given))[1])
    monkeypatch.setattr(map_files, "write_numbers", lambda *given: (order.append("write"), write(*given))[1])
    labels, numbering = read_label_set("voc21")
    map_files.renumber_maps(maps, sorted(maps.iterdir()), numbering, labels, tmp_path / "out")
    assert order == ["read", "write", "read", "write"]


def damaged(path: Path, kind: str) -> None:
    """A PNG whose pixels are cut short or wrong, or one that says it is larger than anything that is read."""
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(path)
    content = bytearray(path.read_bytes())
    place = content.index(b"IDAT")
    if kind == "cut":
        content = content[: place + 6]
    elif kind == "chunk":
        content[place - 4 : place] = struct.pack(">I", 9)  # so that a chunk of no name follows
    elif kind == "sum":
        content[place + 6] ^= 0xFF
    else:
        header = content.index(b"IHDR")
        content[header + 4 : header + 12] = struct.pack(">II", 20_000, 20_000)
        content[header + 17 : header + 21] = struct.pack(">I", zlib.crc32(content[header : header + 17]))
    path.write_bytes(content)


@pytest.mark.parametrize("kind", ["cut", "chunk", "sum", "huge"])
def test_a_damaged_map_is_one_clear_line(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "map.png"
    damaged(path, kind)
    with pytest.raises(RequestError, match=r"map\.png: ") as caught:
        read_numbers(path)
    assert len(caught.value.problems) == 1


@pytest.fixture
def pascal(tmp_path: Path) -> Path:
    root = tmp_path / "VOC2010"
    for folder in ("JPEGImages", "trainval", "ImageSets/SegmentationContext"):
        (root / folder).mkdir(parents=True)
    for name in ("a", "b"):
        Image.fromarray(np.full((4, 6, 3), 90, np.uint8)).save(root / "JPEGImages" / f"{name}.jpg")
        savemat(root / "trainval" / f"{name}.mat", {"LabelMap": np.full((4, 6), 360, np.uint16)})
    (root / "ImageSets" / "SegmentationContext" / "val.txt").write_text("b\nnot-here\n")
    return root


def loaded(dataset: Dataset, image: str) -> list[int]:
    fields = dataset.load(image)
    assert (fields["color"].shape, fields["semantic"].shape) == ((4, 6, 3), (4, 6, 1))
    return np.unique(fields["semantic"]).tolist()


def test_pascal_context_is_read_from_its_own_maps_or_mmsegs(pascal: Path) -> None:
    dataset = PascalContext(f"{pascal},split=all")
    assert (dataset.ids(), loaded(dataset, "a")) == (["a", "b"], [50])
    # A run that names the folder alone must not be scored on what networks were trained on.
    assert PascalContext(f"{pascal},split=val").ids() == PascalContext(str(pascal)).ids() == ["b"]
    (pascal / "trainval").rename(pascal / "elsewhere")
    (pascal / "SegmentationClassContext").mkdir()
    Image.fromarray(np.full((4, 6), 47, np.uint8)).save(pascal / "SegmentationClassContext" / "a.png")
    assert loaded(PascalContext(f"{pascal},split=all"), "a") == [50]


def test_what_is_missing_of_pascal_context(pascal: Path) -> None:
    for text, problem in (
        (f"{pascal}/nowhere", "needed are JPEGImages"),
        (f"{pascal},split=test", r"only split=val\|train\|all may follow"),
        (f"{pascal},split=train", "train.txt, the list of the split"),
    ):
        with pytest.raises(RequestError, match=problem):
            PascalContext(text)
    (pascal / "trainval" / "a.mat").write_bytes(b"no")
    with pytest.raises(CellFailure, match=r"decode_failed: a: a.mat"):
        PascalContext(str(pascal)).load("a")
    savemat(pascal / "trainval" / "b.mat", {"LabelMap": np.zeros((5, 6), np.uint16)})
    with pytest.raises(CellFailure, match=r"the map is \(5, 6\), the photo \(4, 6\)"):
        PascalContext(str(pascal)).load("b")
