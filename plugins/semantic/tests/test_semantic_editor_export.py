"""Edits as files: what the editor writes is replayed by `bench run`, to the bit."""

import io
import json
import os
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from editor_visitor import entered
from PIL import Image

from bench_core.errors import RequestError
from bench_core.images import digest, luminance, read_image
from bench_core.plan import Request
from bench_core.run import run
from bench_core.store.database import open_database
from bench_core.store.queries import long_rows, run_trips
from bench_datasets.folder import Folder
from bench_semantic.colorize import Colorizer
from bench_semantic.editor.export import EDITS
from bench_semantic.editor.operations import Fill, Reset, Stroke
from bench_semantic.editor.workplace import Workplace, find_photos
from bench_semantic.edits import read_edits
from bench_semantic.weights import load_weights

Open = Callable[..., Workplace]


@pytest.fixture
def opened(weights: Path, photos: Path, tmp_path: Path) -> Iterator[Open]:
    """Sessions over the six photos, which save to `edits`."""
    places = []

    def make(out: str = "edits") -> Workplace:
        colorizer = Colorizer(load_weights(weights).network)
        places.append(Workplace(colorizer, find_photos([photos / "images"]), tmp_path / out))
        return places[-1]

    yield make
    for place in places:
        place.close()


def paint_two(work: Workplace) -> None:
    work.apply(1, Stroke(((3, 3), (30, 20)), 9, 3))
    work.apply(1, Fill(39, 0, 1))
    work.apply(4, Stroke(((20, 10),), 25, 2))


def test_a_run_replays_what_the_editor_showed_to_the_bit(
    opened: Open, weights: Path, photos: Path, tmp_path: Path
) -> None:
    work = opened()
    paint_two(work)
    assert work.save() == 2
    settings = {"map_source": "edited", "edit": str(tmp_path / "edits" / EDITS)}
    dataset = f"folder:{photos / 'images'}"
    request = Request(
        plugin="sdc", weights=str(weights), dataset=dataset, metrics=("psnr",), settings=settings, keep=6, device="cpu"
    )
    database = open_database(str(tmp_path / "bench.db"))
    outcome = run(request, database)
    replayed = {trip.image: trip.pictures.get("output.color") for trip in run_trips(database, outcome.run_id)}
    rows = {row.image: row.status for row in long_rows(database, [outcome.run_id]) if row.pair == "colorized"}
    database.close()
    for number, image in ((1, "0.png"), (4, "3.png")):
        result = work.result(number)
        assert not np.array_equal(result, work.automatic(number))
        assert replayed[image] == digest(result)
    assert rows == {f"{i}.png": "ok" if i in (0, 3) else "skipped_unsupported" for i in range(6)}


def test_the_files_say_what_was_done(opened: Open, photos: Path, tmp_path: Path) -> None:
    work = opened()
    paint_two(work)
    assert [photo.number for photo in work.unsaved] == [1, 4]
    work.save()
    assert work.unsaved == []
    content = json.loads((tmp_path / "edits" / EDITS).read_text())
    assert [(edit["photo"], len(edit["operations"])) for edit in content["edits"]] == [("0.png", 2), ("3.png", 1)]
    assert content["edits"][1]["operations"] == [{"kind": "stroke", "points": [[20, 10]], "side": 25, "label": 2}]
    gray = luminance(read_image(photos / "images" / "0.png"))
    assert content["edits"][0]["map"] == f"maps/{digest(gray)}.map"
    assert sorted(path.name for path in (tmp_path / "edits").iterdir()) == [EDITS, "maps"]
    found = read_edits(tmp_path / "edits" / EDITS, work.labels).find(gray)
    assert np.array_equal(found, work.open(1)[1].classes)


def test_a_later_session_goes_on_from_what_was_saved(opened: Open, photos: Path, tmp_path: Path) -> None:
    first = opened()
    paint_two(first)
    first.save()
    later = opened()
    before = first.open(1)[1].classes
    document = later.open(1)[1]
    assert np.array_equal(document.classes, before)
    assert document.edited
    assert later.unsaved == []
    # Photo 4 is not even opened, and stays as it was saved; photo 2 comes to it.
    later.apply(2, Fill(0, 0, 3))
    later.apply(1, Reset())
    (tmp_path / "edits" / "maps" / f"{first.find(1).gray}.png").write_bytes(b"")  # as it was called before
    assert later.save() == 1
    edits = read_edits(tmp_path / "edits" / EDITS, later.labels)
    grays = [luminance(read_image(photos / "images" / f"{index}.png")) for index in (0, 1, 3)]
    assert [edits.find(gray) is not None for gray in grays] == [False, True, True]
    assert sorted(path.stem for path in (tmp_path / "edits" / "maps").iterdir()) == sorted(map(digest, grays[1:]))


def test_what_was_done_in_an_earlier_session_is_kept(opened: Open, tmp_path: Path) -> None:
    def done() -> list[int]:
        content = json.loads((tmp_path / "edits" / EDITS).read_text())
        return [len(edit["operations"]) for edit in sorted(content["edits"], key=lambda edit: edit["photo"])]

    first = opened()
    paint_two(first)
    first.save()
    later = opened()
    later.open(1)
    later.apply(4, Fill(0, 0, 1))
    later.save()
    assert done() == [2, 2]
    # A file that a script wrote has no operations, or anything else there.
    content = json.loads((tmp_path / "edits" / EDITS).read_text())
    content["edits"][0].pop("operations")
    content["edits"][1]["operations"] = "painted"
    (tmp_path / "edits" / EDITS).write_text(json.dumps(content))
    last = opened()
    last.apply(1, Fill(0, 0, 2))
    last.apply(4, Fill(0, 0, 2))
    last.save()
    assert done() == [1, 1]


def test_an_uploaded_photo_goes_on_from_what_was_saved(opened: Open, photos: Path, tmp_path: Path) -> None:
    work = opened()
    (photos / "x.png").write_bytes((photos / "images" / "5.png").read_bytes())
    number = work.upload(photos / "x.png", "x.png").number
    work.apply(number, Stroke(((9, 9),), 9, 3))
    work.save()
    classes = work.open(number)[1].classes
    work.remove(number)
    again = work.upload(photos / "x.png", "x.png").number
    assert np.array_equal(work.open(again)[1].classes, classes)
    assert work.unsaved == []
    work.apply(1, Fill(0, 0, 3))
    assert work.save() == 2
    edits = read_edits(tmp_path / "edits" / EDITS, work.labels)
    assert np.array_equal(edits.find(work.open(again)[1].gray), classes)
    # What is no longer edited is not gone on from, either.
    work.apply(again, Reset())
    work.save()
    work.remove(again)
    assert not work.open(work.upload(photos / "x.png", "x.png").number)[1].touched


def test_a_saved_map_of_another_size_is_not_gone_on_from(opened: Open, tmp_path: Path) -> None:
    first = opened()
    paint_two(first)
    first.save()
    gray = first.find(1).gray
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "edits" / "maps" / f"{gray}.map", "PNG")
    assert not opened().open(1)[1].touched


def test_a_folder_of_photos_that_edits_lie_in_has_no_photo_more(opened: Open, photos: Path) -> None:
    work = opened(str(photos / "images" / "edits"))
    before = Folder(str(photos / "images")).ids()
    paint_two(work)
    work.save()
    assert Folder(str(photos / "images")).ids() == before
    assert len(list(find_photos([photos / "images"]))) == len(before)


@pytest.mark.skipif(sys.platform == "darwin", reason="names are always UTF-8 there")
def test_a_file_name_that_is_not_utf_8_is_spelled_with_escapes(opened: Open, photos: Path, tmp_path: Path) -> None:
    (photos / "images" / "0.png").rename(photos / "images" / os.fsdecode(b"caf\xe9.png"))
    work = opened()
    number = next(photo.number for photo in work.photos if photo.name.startswith("caf"))
    with entered(work) as client:
        assert client.get("/api/photos").json()[number - 1]["name"] == "caf\\xe9.png"
        work.apply(number, Stroke(((9, 9),), 9, 3))
        assert client.post("/api/save").json() == {"saved": 1}
        assert client.get("/api/edits.zip").status_code == 200
        labels = client.get(f"/api/photos/{number}/download/labels.png")
        assert labels.headers["content-disposition"].endswith("caf%5Cxe9-labels.png")
    content = json.loads((tmp_path / "edits" / EDITS).read_text())
    assert [edit["photo"] for edit in content["edits"]] == ["caf\\xe9.png"]


def test_the_zip_is_the_same_folder(opened: Open, tmp_path: Path) -> None:
    work = opened()
    paint_two(work)
    work.save()
    with entered(work) as client:
        both, one = (client.get(f"/api/{path}").content for path in ("edits.zip", "photos/4/download/edits.zip"))
        with zipfile.ZipFile(io.BytesIO(both)) as archive:
            archive.extractall(tmp_path / "unpacked")
        names = [path.relative_to(tmp_path / "edits") for path in sorted((tmp_path / "edits").rglob("*.*"))]
        assert len(names) == 3
        for name in names:
            assert (tmp_path / "edits" / name).read_bytes() == (tmp_path / "unpacked" / name).read_bytes()
        assert len(zipfile.ZipFile(io.BytesIO(one)).namelist()) == 2
        work.apply(4, Reset())
        assert client.get("/api/photos").json()[3]["unsaved"]
        assert client.post("/api/save").json() == {"saved": 1}


def test_a_folder_that_cannot_be_written_is_one_line(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    work = opened("taken")
    work.apply(1, Fill(0, 0, 3))
    with pytest.raises(RequestError, match=r"--out .*taken: cannot be written"):
        work.save()
    assert work.unsaved
