"""The built-in data sets."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from bench_core.dataset import Dataset
from bench_core.errors import CellFailure, RequestError
from bench_core.images import digest, write_image
from bench_core.plugins import registry
from bench_core.samples import Size, build_samples
from bench_core.task import STEGANOGRAPHY
from bench_datasets.folder import Folder
from bench_datasets.sample import CARD, CROPS, PHOTOS, Sample, photo_path

DIGESTS = {
    "astronaut-face": "f1603ec449bb137aded9eb230aefbe4e",
    "china-pagoda": "c385c669312afccd9fe90403aeaf528f",
    "flower-bloom": "113143e24346b303c8a95229f6a6b8fa",
    "chelsea-eye": "ac7380bba79c258d9bfb83df5de77d26",
    "rocket-tower": "166511206e0a9d0355b76b437ec0a70c",
    "coffee-cup": "2306a193b3d298a1915821726f5a1aec",
    "astronaut-suit": "254f5d777f4ad8b2b361c1a76c6e3a9b",
    "china-lake": "508fa1e56c33333d9cd9847b253dcd78",
    "flower-leaves": "37b673226cb423d2631ca520d90958af",
    "coffee-spoon": "b8418fa98018aa304ca371fed9827c8b",
    "astronaut-shuttle": "a37934ba388f893c9e7247b706eb4ede",
    "china-roofs": "b1a6c4c93e1ec7a475b5c739cf454d50",
    "rocket-pad": "f4785d57900ed57bb7d61cb08b148bae",
    "chelsea-nose": "d7375b2154898fb3e247a9cd79698914",
    "astronaut-helmet": "140817e03506ad97fcacbc236983883d",
    "rocket-mast": "6b285df88978ea217b7129ff577d40f2",
}


def fill(folder: Path, *names: str) -> None:
    for index, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(folder / name, np.full((20, 24, 3), index * 20, dtype=np.uint8))


@pytest.mark.parametrize("name", DIGESTS)
def test_the_sample_pictures_are_these(name):
    crop = next(crop for crop in CROPS if crop.name == name)
    found = digest(Sample().load(name)["color"])
    jpeg = PHOTOS[crop.photo][1].endswith(".jpg")
    assert found == DIGESTS[name], f"{name} is not the picture it was: {photo_path(crop.photo)} has changed" + (
        f", or this Pillow decodes JPEG otherwise (libjpeg-turbo {features.version('libjpeg_turbo')})" if jpeg else ""
    )


def test_the_sample_set_has_16_different_squares():
    dataset = Sample()
    assert dataset.ids() == list(DIGESTS)
    pictures = [dataset.load(name)["color"] for name in dataset.ids()]
    assert {(picture.shape, picture.dtype) for picture in pictures} == {((256, 256, 3), np.dtype(np.uint8))}
    # Different to look at, not only in their bits: no two are alike even in coarse outline.
    coarse = [
        np.asarray(Image.fromarray(picture).resize((8, 8), Image.Resampling.BOX), dtype=float) for picture in pictures
    ]
    gaps = [np.sqrt(((a - b) ** 2).mean()) for i, a in enumerate(coarse) for b in coarse[:i]]
    assert min(gaps) > 20
    assert dataset.spec == "sample"


def test_the_sample_photos_are_scikit_images_own():
    import skimage.data

    astronaut = skimage.data.astronaut()
    assert (Sample().load("astronaut-face")["color"] == astronaut[:256, 96:352]).all()


def test_what_a_caller_does_to_a_picture_stays_with_it():
    dataset = Sample()
    dataset.load("coffee-cup")["color"][:] = 0
    assert digest(dataset.load("coffee-cup")["color"]) == DIGESTS["coffee-cup"]


def test_an_unknown_sample_fails_by_name():
    with pytest.raises(CellFailure, match="lena: no such picture in sample"):
        Sample().load("lena")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(PHOTOS, "coffee", ("no_such_package", "coffee.png"))
    with pytest.raises(CellFailure, match="coffee: the package no_such_package is not installed"):
        Sample().load("coffee-cup")


def test_loading_the_sample_imports_neither_package():
    code = (
        "import sys; from bench_datasets.sample import Sample; s = Sample(); [s.load(i) for i in s.ids()];"
        "print([m for m in ('skimage', 'sklearn', 'scipy', 'torch', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_card_names_every_photo_and_stands_in_the_readme():
    readme = (Path(__file__).parents[1] / "datasets" / "README.md").read_text()
    for photo in PHOTOS:
        assert f"- {photo}: " in CARD
    for line in (*CARD.splitlines(), Folder.card):
        assert line in readme


def test_the_sets_are_registered(tmp_path):
    fill(tmp_path, "a.png")
    sets = registry().datasets
    assert isinstance(sets.create("sample"), Sample)
    assert sets.create(f"folder:{tmp_path}").ids() == ["a.png"]


def test_a_folder_is_read_at_any_depth_by_relative_names(tmp_path):
    fill(tmp_path, "b.png", "a/z.png", "a/b/c.bmp", "A.webp", "deep/er/still/x.tif")
    fill(tmp_path, ".hidden.png", ".cache/thumb.png", "a/.x/y.png")
    (tmp_path / "notes.csv").write_text("not a picture")
    (tmp_path / "README").write_text("not a picture")
    (tmp_path / "empty.png.d").mkdir()
    dataset = Folder(str(tmp_path))
    assert dataset.ids() == ["A.webp", "a/b/c.bmp", "a/z.png", "b.png", "deep/er/still/x.tif"]
    assert dataset.load("a/z.png")["color"].shape == (20, 24, 3)
    with pytest.raises(CellFailure, match="no such picture"):
        dataset.load("../secret.png")


def test_rarer_formats_count_as_pictures_too(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "old.TGA")
    Image.new("RGB", (8, 8)).save(tmp_path / "older.pcx")
    (tmp_path / "table.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (tmp_path / "paper.pdf").write_bytes(b"%PDF-1.4")
    assert Folder(str(tmp_path)).ids() == ["old.TGA", "older.pcx"]


def test_a_folder_is_spelled_as_it_was_typed(tmp_path, monkeypatch):
    fill(tmp_path / "photos", "a.png")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for path in ("~/photos", "photos", "./photos/"):
        dataset = Folder(path)
        assert dataset.spec == f"folder:{path}"
        assert dataset.ids() == ["a.png"]


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("missing", "there is no such folder; e.g. folder:photos"),
        ("file.txt", "is a file"),
        ("empty", "no pictures"),
    ],
)
def test_a_folder_that_is_none_is_one_clear_line(tmp_path, path, problem):
    (tmp_path / "file.txt").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RequestError) as caught:
        Folder(str(tmp_path / path))
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(f"folder:{tmp_path / path}: ")
    assert problem in caught.value.problems[0]


def test_damaged_files_are_reported_by_name_and_the_rest_is_used(tmp_path):
    fill(tmp_path, "a.png", "b/c.png", "d.png")
    file = io.BytesIO()
    Image.effect_noise((64, 64), 50).convert("RGB").save(file, "JPEG")
    (tmp_path / "b" / "cut.jpg").write_bytes(file.getvalue()[: file.tell() // 2])
    (tmp_path / "notes.png").write_text("this is text")
    samples = build_samples(Folder(str(tmp_path)), STEGANOGRAPHY, seed=0, size=Size.parse("16"))
    assert samples.ids == ("a.png", "b/c.png", "d.png")
    assert list(samples.failures) == ["b/cut.jpg", "notes.png"]
    assert samples.failures["b/cut.jpg"].startswith("b/cut.jpg: ")
    assert samples.failures["notes.png"] == "notes.png: not a picture in a format that Pillow reads"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not allow such names")
def test_a_name_that_is_not_text_gets_an_id_that_is(tmp_path):
    fill(tmp_path, "a.png")
    try:
        (tmp_path / "a.png").rename(tmp_path / os.fsdecode(b"caf\xe9.png"))
    except OSError:
        pytest.skip("this file system allows no such names")
    dataset = Folder(str(tmp_path))
    assert dataset.ids() == ["caf\\xe9.png"]
    assert dataset.load("caf\\xe9.png")["color"].shape == (20, 24, 3)


def test_a_set_that_says_nothing_is_told_so():
    with pytest.raises(TypeError, match="Dataset does not list its pictures"):
        Dataset().ids()
    with pytest.raises(TypeError, match="Dataset does not load its pictures"):
        Dataset().load("x")
