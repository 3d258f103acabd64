"""Ingesting photos: what is taken out of good ones, and what is said of all the others."""

import io
import json
import os
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
from closed_loop import make_sheet, page_of, psnr, quick_photo, save
from PIL import Image

from bench_capture import photos
from bench_capture.ingest import Ingest
from bench_capture.markers import draw_marker
from bench_capture.photos import PhotoError, read_photo
from bench_capture.reading import Reader
from bench_capture.record import read_record
from bench_core.errors import RequestError
from bench_core.images import digest, read_image


@pytest.fixture(scope="module")
def shared(tmp_path_factory, pictures):
    """A sheet of three containers on two pages, the last of them gray; and of each page a photo."""
    folder = tmp_path_factory.mktemp("sheet")
    containers = [pictures[0], pictures[1], pictures[2][:, :, :1].copy()]
    sheet = make_sheet(folder, containers)
    return folder, sheet, containers, [quick_photo(page_of(folder, page), angle=4) for page in (1, 2)]


@pytest.fixture
def work(shared, tmp_path):
    return Ingest.open(shared[0], tmp_path / "captured", "card")


def added(work, tmp_path, picture, name="a.jpg", **options):
    return work.add(save(tmp_path / "photos" / name, picture, **options))


def statuses(made):
    return {capture.container: (capture.status, capture.matched_by) for capture in made.captures}


def gray_over(photo, rows, columns, value=120):
    covered = photo.copy()
    covered[rows, columns] = value
    return covered


def test_a_good_photo_gives_its_containers_and_all_there_is_to_know(shared, work, tmp_path):
    _, sheet, containers, shots = shared
    made = added(work, tmp_path, shots[0])
    assert (made.status, made.page, made.failed) == ("ok", 1, False)
    assert statuses(made) == {"p0": ("ok", "qr"), "p1": ("ok", "qr")}
    for capture in made.captures:
        picture = read_image(work.folder / capture.file)
        assert psnr(picture, containers[capture.slot]) > 25
        assert capture.pixels == digest(picture)
        beside = json.loads((work.folder / capture.file).with_suffix(".json").read_text())
        assert beside["photo"] == made.sha256
        assert beside["sheet"] == sheet.run
        facts = beside["facts"]
        assert facts["markers"] == 8
        assert facts["rms"] < 0.3
        assert facts["scale"] == pytest.approx(1.6, abs=0.02)
        assert facts["tilt_degrees"] < 2
        assert facts["clipped_percent"] < 20
        assert facts["glare_percent"] == 0
        assert facts["sharpness"] > 1500
        assert facts["similarity"] > 0.95
        assert set(beside) >= {"status", "reason", "matched_by", "warnings", "pose", "photo_file", "photo_name"}
    assert (work.folder / made.file).read_bytes() == (tmp_path / "photos" / "a.jpg").read_bytes()
    assert read_record(work.folder) == work.record
    assert not list(work.folder.rglob("*.tmp"))


def test_two_pages_and_a_gray_container(shared, work, tmp_path):
    first, second = (added(work, tmp_path, shot, f"{number}.jpg") for number, shot in enumerate(shared[3]))
    assert (first.page, second.page) == (1, 2)
    (capture,) = second.captures
    with Image.open(work.folder / capture.file) as image:
        assert image.mode == "L"
        assert psnr(np.asarray(image), shared[2][2][:, :, 0]) > 25


@pytest.mark.parametrize(("turn", "orientation"), [(0, 1), (2, 1), (1, 1), (1, 6), (2, 3), (3, 8)])
def test_photos_held_any_way_come_out_upright(shared, work, tmp_path, turn, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    made = added(work, tmp_path, np.ascontiguousarray(np.rot90(shared[3][0], turn)), exif=exif)
    assert statuses(made) == {"p0": ("ok", "qr"), "p1": ("ok", "qr")}
    for capture in made.captures:
        assert psnr(read_image(work.folder / capture.file), shared[2][capture.slot]) > 25
    assert (made.width > made.height) == (turn % 2 == 0 or orientation != 1)


def test_a_covered_slot_fails_and_its_neighbor_does_not(shared, work, tmp_path):
    shot = shared[3][0]
    half = shot.shape[1] // 2
    made = added(work, tmp_path, gray_over(shot, slice(330, None), slice(0, half - 40)))
    assert made.status == "ok"
    assert made.failed
    assert statuses(made) == {"p0": ("capture_failed", "qr"), "p1": ("ok", "qr")}
    (lost,) = [capture for capture in made.captures if capture.container == "p0"]
    assert "0 of 8 markers found, 3 are needed" in lost.reason
    assert lost.file == ""
    assert json.loads(next((work.folder / "p0").glob("*.json")).read_text())["reason"] == lost.reason


def test_markers_along_one_edge_are_not_enough(shared, work, tmp_path):
    shot = quick_photo(page_of(shared[0], 2))
    made = added(work, tmp_path, gray_over(shot, slice(430, None), slice(None)))
    (lost,) = made.captures
    assert lost.status == "capture_failed"
    assert "3 markers found lie along one edge" in lost.reason


def test_without_its_code_a_page_is_told_by_its_markers(shared, work, tmp_path):
    shot = quick_photo(page_of(shared[0], 2))
    made = added(work, tmp_path, gray_over(shot, slice(0, 250), slice(0, 300)))
    assert made.page == 2
    assert statuses(made) == {"p2": ("ok", "markers")}


def test_a_photo_of_one_slot_says_nothing_of_its_neighbors(shared, work, tmp_path):
    page = page_of(shared[0], 1)
    near = shared[1].slots[0]
    cut = page[near.at[1] - 84 : near.at[1] + 340, near.at[0] - 84 : near.at[0] + 480]
    made = added(work, tmp_path, quick_photo(cut, scale=2.5))
    assert statuses(made) == {"p0": ("ok", "markers")}
    assert made.warnings == ("p1 is only partly in the photo",)
    assert not (work.folder / "p1").exists()


def test_a_container_cut_off_by_the_edge_is_a_failure_where_it_is_all_there_is(shared, work, tmp_path):
    shot = quick_photo(page_of(shared[0], 2), scale=2.6)
    slot = shared[1].slots[2]
    end = 12 + round((slot.at[0] + 200) * 2.6)
    made = added(work, tmp_path, shot[: 12 + round((slot.at[1] + 340) * 2.6), :end].copy())
    (lost,) = made.captures
    assert (lost.status, made.status) == ("capture_failed", "capture_failed")
    assert lost.reason == made.reason == "the container is cut off by the edge of the photo"


def test_a_page_too_far_away_is_refused_with_advice(shared, work, tmp_path):
    far = np.full((1200, 1400, 3), 90, np.uint8)
    small = quick_photo(page_of(shared[0], 1), scale=0.9)
    far[100 : 100 + small.shape[0], 100 : 100 + small.shape[1]] = small
    made = added(work, tmp_path, far)
    assert made.status == "capture_failed"
    assert all("0.90 photo pixels per container pixel; go nearer" in capture.reason for capture in made.captures)


def test_a_photo_of_nothing_is_recorded(work, tmp_path):
    rng = np.random.default_rng(0)
    made = added(work, tmp_path, rng.integers(0, 255, (1100, 1100, 3), dtype=np.uint8))
    assert (made.status, made.captures) == ("capture_failed", ())
    assert made.reason == "shows no marker, no code and no container of this sheet"
    assert read_record(work.folder).photos == [made]
    assert (work.folder / made.file).is_file()


def test_a_mirrored_photo_gives_nothing(shared, work, tmp_path):
    shot = gray_over(quick_photo(page_of(shared[0], 1))[:, ::-1], slice(0, 1), slice(0, 1))
    made = added(work, tmp_path, shot)
    assert not any(capture.status == "ok" for capture in made.captures)


def test_a_container_without_markers_is_told_by_its_content_but_not_taken(shared, work, tmp_path):
    alone = np.pad(shared[2][1], ((60, 80), (90, 40), (0, 0)), constant_values=200)
    made = added(work, tmp_path, quick_photo(np.rot90(alone).copy(), scale=3))
    assert statuses(made) == {"p1": ("capture_failed", "content")}
    assert "0 of 8 markers" in made.reason


def test_a_page_of_another_sheet_is_refused_by_its_code(shared, work, tmp_path, pictures):
    other = make_sheet(tmp_path / "other", pictures[3:])
    made = added(work, tmp_path, quick_photo(page_of(tmp_path / "other")))
    assert made.captures == ()
    assert made.reason == f"shows page 1 of sheet {other.run}, not of {work.sheet.run}"


def test_a_page_of_another_sheet_without_its_code_is_refused_by_what_it_shows(shared, work, tmp_path, pictures):
    make_sheet(tmp_path / "other", pictures[3:])
    shot = gray_over(quick_photo(page_of(tmp_path / "other")), slice(0, 250), slice(0, 300))
    made = added(work, tmp_path, shot)
    assert made.status == "capture_failed"
    assert "what is between the markers is not p0" in made.reason
    assert not any(capture.status == "ok" for capture in made.captures)


def test_a_marker_that_lies_elsewhere_does_not_mislead(shared, work, tmp_path):
    shot = quick_photo(page_of(shared[0], 1))
    slot = shared[1].slots[0]
    x, y = (round((value + 90) * 1.6) for value in slot.at)
    x0, y0 = (round((value - 90) * 1.6) for value in slot.at)
    shot[y0 + 20 : y0 + 150, x0 + 20 : x0 + 150] = 255  # the first marker of the slot …
    shot[y : y + 128, x : x + 128] = 255
    shot[y + 16 : y + 112, x + 16 : x + 112] = draw_marker(0, 96)[:, :, None]  # … is pasted into the container
    made = added(work, tmp_path, shot)
    assert statuses(made)["p0"] == ("ok", "qr")
    assert made.captures[0].facts["rms"] < 0.3


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.jpg", b"", "not a picture"),
        ("text.jpg", b"this is no photo at all", "not a picture"),
        ("short.jpg", "half", "is damaged"),
        ("bomb.png", "bomb", "89478485 pixels"),
    ],
)
def test_what_is_no_photo_is_a_failed_row_and_never_a_crash(shared, work, tmp_path, name, content, said):
    path = tmp_path / name
    if content == "half":
        whole = save(tmp_path / "whole.jpg", shared[3][0]).read_bytes()
        content = whole[: len(whole) // 3]
    if content == "bomb":
        file = io.BytesIO()
        Image.new("1", (20000, 20000)).save(file, "PNG")
        content = file.getvalue()
    path.write_bytes(content)
    made = work.add(path)
    assert (made.status, made.captures, made.file) == ("capture_failed", (), "")
    assert said in made.reason
    assert "\n" not in made.reason
    assert read_record(work.folder).photos == [made]
    assert added(work, tmp_path, shared[3][0]).status == "ok"  # and the next one is read


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_a_photo_whose_name_is_no_text_is_read(shared, work, tmp_path):
    good = save(tmp_path / "a.jpg", shared[3][1])
    made = work.add(good.rename(tmp_path / os.fsdecode(b"\xff\xfe.jpg")))
    assert (made.status, made.name) == ("ok", "??.jpg")
    assert read_record(work.folder).photos == [made]


def test_a_photo_with_a_suffix_as_long_as_names_may_be_is_kept(shared, work, tmp_path):
    good = save(tmp_path / "a.jpg", shared[3][1])
    made = work.add(good.rename(tmp_path / f"a.{'x' * 250}"))
    assert made.status == "ok"
    assert (work.folder / made.file).read_bytes() == (tmp_path / f"a.{'x' * 250}").read_bytes()


def test_a_tiny_photo_is_refused_with_advice(work, tmp_path):
    made = added(work, tmp_path, np.zeros((900, 1000, 3), np.uint8))
    assert "only 1000x900 pixels" in made.reason
    assert "full resolution" in made.reason


def test_a_file_larger_than_any_photo_is_not_read(work, tmp_path, monkeypatch):
    monkeypatch.setattr(photos, "MAX_BYTES", 100)
    made = added(work, tmp_path, np.zeros((50, 50, 3), np.uint8))
    assert "at most 0 are read" in made.reason


def test_heic_is_read_where_its_library_is_and_else_says_what_to_install(shared, work, tmp_path, monkeypatch):
    pillow_heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "IMG_1.HEIC"
    pillow_heif.from_pillow(Image.fromarray(shared[3][1])).save(path, quality=95)
    assert work.add(path).status == "ok"
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(PhotoError, match="pip install pillow-heif"):
        read_photo("IMG_1.HEIC", path.read_bytes())


def test_ingesting_again_adds_only_what_is_new(shared, work, tmp_path):
    first = added(work, tmp_path, shared[3][0])
    before = (work.folder / "captured.json").read_bytes()
    again = Ingest.open(shared[0], work.folder, "card", ("another note",))
    assert again.add(tmp_path / "photos" / "a.jpg") is None
    assert (work.folder / "captured.json").read_bytes() == before
    second = added(again, tmp_path, shared[3][1], "b.jpg")
    assert read_record(work.folder).photos == [first, second]
    assert second.notes == ("another note",)


def test_a_photo_is_recorded_only_when_all_of_it_is_written(shared, work, tmp_path, monkeypatch):
    def stop(self, folder):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(type(work.record), "write", stop)
        with pytest.raises(KeyboardInterrupt):
            added(work, tmp_path, shared[3][0])
    assert not (work.folder / "captured.json").exists()
    again = Ingest.open(shared[0], work.folder, "card")
    assert added(again, tmp_path, shared[3][0]).status == "ok"
    assert len(read_record(work.folder).photos) == 1


def test_a_folder_is_of_one_sheet_and_one_color_correction(shared, work, tmp_path, pictures):
    added(work, tmp_path, shared[3][1])
    with pytest.raises(RequestError, match="made with --color card; name another folder for none"):
        Ingest.open(shared[0], work.folder, "none")
    make_sheet(tmp_path / "other", pictures[3:])
    with pytest.raises(RequestError, match=f"holds photos of sheet {work.sheet.run}, not"):
        Ingest.open(tmp_path / "other", work.folder, "card")
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestError, match="is a file; name a folder"):
        Ingest.open(shared[0], tmp_path / "file", "card")


def test_the_card_takes_a_tint_away_and_none_leaves_it(shared, tmp_path):
    tinted = (shared[3][1] * np.array([0.9, 0.7, 0.55]) + 12).astype(np.uint8)
    levels = {}
    for color in ("card", "none"):
        work = Ingest.open(shared[0], tmp_path / color, color)
        (capture,) = added(work, tmp_path, tinted).captures
        with Image.open(work.folder / capture.file) as image:
            levels[color] = psnr(np.asarray(image), shared[2][2][:, :, 0])
    assert levels["card"] > 28 > 20 > levels["none"]


def test_glare_and_missing_markers_are_warned_of(shared, work, tmp_path):
    shot = (quick_photo(page_of(shared[0], 2)) * 0.7).astype(np.uint8)
    slot = shared[1].slots[2]
    x, y = (round(value * 1.6) + 12 for value in slot.at)
    shot[y + 150 : y + 230, x + 150 : x + 230] = 250
    shot[y - 140 : y - 20, x - 140 : x - 20] = 100
    (capture,) = added(work, tmp_path, shot).captures
    assert capture.facts["glare_percent"] > 2
    assert capture.facts["markers"] == 7
    text = "; ".join(capture.warnings)
    assert "glare" in text
    assert "only 7 of 8 markers" in text


def test_a_blurred_photo_is_warned_of(shared, work, tmp_path):
    shot = cv2.GaussianBlur(quick_photo(page_of(shared[0], 2)), (0, 0), 1.6 * 2)
    (capture,) = added(work, tmp_path, shot).captures
    assert capture.status == "ok"
    assert "blurred: hold still, let it focus" in capture.warnings


def test_the_containers_beside_the_sheet_must_be_the_sheets(shared, tmp_path, pictures):
    sheet = make_sheet(tmp_path / "s", pictures[:1])
    work = Ingest.open(tmp_path / "s", tmp_path / "c", "card")
    Image.fromarray(pictures[1]).save(tmp_path / "s" / sheet.slots[0].file)
    with pytest.raises(RequestError, match="is not what sheet\\.json says"):
        added(work, tmp_path, quick_photo(page_of(tmp_path / "s")))
    assert not (tmp_path / "c").exists()
    (tmp_path / "s" / sheet.slots[0].file).unlink()  # but the sheet alone will do
    made = added(Ingest.open(tmp_path / "s", tmp_path / "c", "card"), tmp_path, quick_photo(page_of(tmp_path / "s")))
    assert made.status == "ok"
    assert "similarity" not in made.captures[0].facts


def test_a_photo_read_twice_gives_the_same_bytes(shared, tmp_path):
    _, sheet, containers, shots = shared
    reader = Reader(sheet, dict(enumerate(containers)))
    photo = read_photo("a", save(tmp_path / "a.png", shots[0]).read_bytes())
    first, second = reader.read(photo), reader.read(replace(photo, name="b"))
    for one, other in zip(first.taken, second.taken, strict=True):
        assert np.array_equal(one.picture, other.picture)
        assert one.facts == other.facts


def test_a_folder_of_other_files_is_not_written_into(shared, tmp_path, pictures):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(RequestError, match=r"holds other files \(holiday.jpg\); name a new folder, e.g. -o captured/"):
        Ingest.open(shared[0], tmp_path / "mine", "card")
    with pytest.raises(RequestError, match=r"holds other files \(holiday.jpg\); name a new folder, e.g. -o sheet/"):
        make_sheet(tmp_path / "mine", [pictures[0]])
    with pytest.raises(RequestError, match="holds other files"):
        Ingest.open(shared[0], shared[0], "card")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["holiday.jpg"]
