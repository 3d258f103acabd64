"""The editor's photos and maps without its page: what is kept, which files are photos, and what the command refuses."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench_core.errors import RequestError
from bench_semantic.colorize import Colorizer
from bench_semantic.commands import sdc
from bench_semantic.editor import serve, workplace
from bench_semantic.editor.document import Document
from bench_semantic.editor.operations import Stroke
from bench_semantic.editor.serve import Networks
from bench_semantic.editor.workplace import Workplace, find_photos
from bench_semantic.weights import SdcNetworks


def test_photos_that_nobody_touched_are_let_go(work: Workplace, photos: Path) -> None:
    work.apply(1, Stroke(((0, 0),), 3, 3))
    for number in range(1, 7):
        work.result(number)
    assert sum(photo.document is not None for photo in work.photos) < 7
    (photos / "images" / "extra").mkdir()
    before = work.find(1).document
    for number in (2, 3, 4, 5, 6, 2, 3):
        work.open(number)
    kept = [photo.number for photo in work.photos if photo.document is not None]
    assert work.find(1).document is before
    assert len(kept) <= 1 + workplace._KEPT + 1
    assert len(work._results) <= workplace._KEPT


def test_those_that_were_used_last_are_kept(work: Workplace) -> None:
    for number in (1, 2, 3, 4, 5, 1, 6):
        work.open(number)
    assert [photo.number for photo in work.photos if photo.document is not None] == [1, 3, 4, 5, 6]


def test_a_photo_is_not_let_go_of_while_it_is_being_painted_on(
    work: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Document.apply

    def apply(self: Document, operation: Any) -> bool:
        for number in range(2, 7):  # in another tab, at this very moment
            work.open(number)
        return original(self, operation)

    monkeypatch.setattr(Document, "apply", apply)
    work.apply(1, Stroke(((0, 0),), 3, 3))
    assert work.find(1).edited


def test_one_picture_given_twice_has_one_map(networks: SdcNetworks, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "twin.png").write_bytes((photos / "images" / "0.png").read_bytes())
    work = Workplace(Colorizer(networks), [photos / "images" / "0.png", tmp_path / "twin.png"], tmp_path / "edits")
    work.open(2)
    work.apply(1, Stroke(((0, 0),), 3, 3))
    work.apply(2, Stroke(((20, 20),), 3, 3))
    assert work.open(1)[1].classes is work.open(2)[1].classes
    assert work.save() == 1
    assert work.unsaved == []
    work.apply(1, Stroke(((30, 5),), 3, 3))
    assert [photo.number for photo in work.unsaved] == [1, 2]
    work.close()


def test_files_and_folders_of_the_command_line(photos: Path, tmp_path: Path) -> None:
    (photos / "images" / ".hidden").mkdir()
    (photos / "images" / ".hidden" / "x.png").write_bytes(b"")
    (photos / "images" / "notes.txt").write_text("no photo")
    found = list(find_photos([photos / "images", photos / "maps" / "0.png"]))
    assert [path.name for path in found] == [*(f"{index}.png" for index in range(6)), "0.png"]
    (tmp_path / "empty").mkdir()
    for path, problem in ((tmp_path / "empty", "the folder has no photos"), (tmp_path / "none", "no such file")):
        with pytest.raises(RequestError, match=problem):
            list(find_photos([path]))


def test_maps_of_edits_are_no_photos(photos: Path) -> None:
    out = photos / "edits"
    (out / "maps").mkdir(parents=True)
    (out / "maps" / "4a3f.png").write_bytes(b"")
    (out / "holiday.png").write_bytes(b"")
    found = [path.relative_to(photos).as_posix() for path in find_photos([photos], photos / "." / "edits")]
    assert [name for name in found if name.startswith("edits")] == ["edits/holiday.png"]


def test_weights_without_a_segmentation_begin_with_the_first_class(networks: SdcNetworks, photos: Path) -> None:
    only = SdcNetworks(networks.labels, networks.color)
    work = Workplace(Colorizer(only), [photos / "images" / "0.png"])
    assert not work.open(1)[1].classes.any()
    work.close()


def test_the_networks_see_photos_as_the_settings_say(weights: Path) -> None:
    made = Networks("sdc", ["infer=pad", "size=32"], weights, "cpu").colorizer()
    assert (made.infer, made.size) == ("pad", 32)


def test_the_command_says_what_is_wrong(
    weights: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "_server", lambda *_: pytest.fail("served all the same"))

    def problem(*arguments: str) -> str:
        done = CliRunner().invoke(sdc, ["edit", "--no-browser", "--device", "cpu", *arguments])
        assert isinstance(done.exception, RequestError)
        return str(done.exception)

    assert "no such file" in problem(str(tmp_path / "none.jpg"), "--weights", str(weights))
    assert "none.safetensors" in problem("--weights", str(tmp_path / "none.safetensors"))
    assert "no method of SDC" in problem("--plugin", "copy-gray-colorization")
    assert "the editor makes the maps" in problem("--weights", str(weights), "--set", "map_source=none")
    assert "size must be a multiple of" in problem("--weights", str(weights), "--set", "size=13")
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "maps").write_text("a file where a folder should be")
    for place in (tmp_path / "half", tmp_path / "half" / "maps" / "below"):
        assert f"--out {place}: cannot be written" in problem("--weights", str(weights), "--out", str(place))
    out = tmp_path / "out"
    out.mkdir()
    (out / "edits.json").write_text("{}")
    assert "no file of edits" in problem("--weights", str(weights), "--out", str(out))
