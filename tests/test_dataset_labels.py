"""`labels.csv`: what the pictures of a folder show."""

import numpy as np
import pytest

from bench_core.errors import RequestError
from bench_core.images import write_image
from bench_core.samples import build_samples
from bench_core.task import COLORIZATION, INVERTIBLE_GRAYSCALE
from bench_datasets.folder import Folder


def fill(folder, *names):
    for index, name in enumerate(names):
        write_image(folder / name, np.full((20, 24, 3), index * 20, dtype=np.uint8))


def labels(folder):
    dataset = Folder(str(folder))
    return {name: dataset.load(name).get("label") for name in dataset.ids()}


def test_a_table_in_the_folder_labels_its_pictures(tmp_path):
    fill(tmp_path, "a.png", "deep/b.png", "c.png")
    (tmp_path / "labels.csv").write_text("class_index,file,note\n7,a.png,x\n 0 ,deep/b.png,\n3,not-there.png,y\n")
    assert labels(tmp_path) == {"a.png": 7, "deep/b.png": 0, "c.png": None}
    assert "label" not in Folder(str(tmp_path)).load("c.png")
    assert type(Folder(str(tmp_path)).load("a.png")["label"]) is int


def test_a_table_beside_the_folder_names_the_folder_first(tmp_path, monkeypatch):
    fill(tmp_path, "test/a.png", "train/a.png")
    (tmp_path / "labels.csv").write_bytes(
        b"\xef\xbb\xbffile,split,class_index\r\ntest/a.png,test,1\r\ntrain/a.png,train,2\r\n"
    )
    assert labels(tmp_path / "test") == {"a.png": 1}
    assert labels(tmp_path / "train") == {"a.png": 2}
    assert labels(tmp_path) == {"test/a.png": 1, "train/a.png": 2}
    monkeypatch.chdir(tmp_path / "test")
    assert labels(".") == {"a.png": 1}


def test_the_folders_own_table_comes_first(tmp_path):
    fill(tmp_path, "test/a.png")
    (tmp_path / "labels.csv").write_text("file,class_index\ntest/a.png,1\n")
    (tmp_path / "test" / "labels.csv").write_text("file,class_index\na.png,2\n")
    assert labels(tmp_path / "test") == {"a.png": 2}


@pytest.mark.parametrize(
    "content",
    [
        b"image;class\ntest/a.png;1\n",
        b"file,class_index\nother/a.png,nonsense\n",
        b"\xff\xfe\x00",
        b"",
        b'file,class_index\n"',
    ],
)
def test_a_table_beside_the_folder_that_is_about_something_else_is_left_alone(tmp_path, content):
    fill(tmp_path, "test/a.png")
    (tmp_path / "labels.csv").write_bytes(content)
    assert labels(tmp_path / "test") == {"a.png": None}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"image,class\na.png,1\n", r"labels\.csv: its first line must name the columns file and class_index"),
        (b"", r"its first line must name the columns"),
        (b"file,class_index\na.png,dog\n", r"labels\.csv, line 2: class_index must be a whole number >= 0, not 'dog'"),
        (b"file,class_index\na.png,-1\n", r"line 2: class_index must be a whole number >= 0, not '-1'"),
        (b"file,class_index\na.png,1.5\n", r"not '1\.5'"),
        (b"file,class_index\na.png,\xc2\xb2\n", r"class_index must be a whole number"),
        (b"file,class_index\n\na.png\n", r"line 3: class_index must be a whole number >= 0, not ''"),
        (b"file,class_index\n,1\n", r"line 2: names no file"),
        (b"file,class_index\na.png,1\na.png,2\n", r"line 3: a\.png has class 1 and class 2"),
        (b"\xff\xfe\x00file", r"labels\.csv: cannot be read as CSV in UTF-8"),
        (b'file,class_index\n"a.png', r"cannot be read as CSV"),
    ],
)
def test_a_wrong_table_is_one_line(tmp_path, content, message):
    fill(tmp_path, "a.png")
    (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(RequestError, match=message) as error:
        Folder(str(tmp_path))
    assert len(error.value.problems) == 1
    assert "\n" not in str(error.value)


def test_a_row_that_is_there_twice_is_no_mistake(tmp_path):
    fill(tmp_path, "a.png")
    (tmp_path / "labels.csv").write_text("file,class_index\na.png,1\na.png,1\n")
    assert labels(tmp_path) == {"a.png": 1}


@pytest.mark.parametrize("task", [COLORIZATION, INVERTIBLE_GRAYSCALE])
def test_labels_reach_the_samples_and_their_digests(tmp_path, task):
    fill(tmp_path, "a.png")
    plain = build_samples(Folder(str(tmp_path)), task, seed=0)
    (tmp_path / "labels.csv").write_text("file,class_index\na.png,5\n")
    labeled = build_samples(Folder(str(tmp_path)), task, seed=0)
    assert "label" not in plain["a.png"]
    assert labeled["a.png"]["label"] == 5
    assert plain.digest != labeled.digest


def test_the_bad_table_is_a_wrong_request_of_the_command(bench_command, tmp_path):
    fill(tmp_path, "photos/a.png")
    (tmp_path / "photos" / "labels.csv").write_text("file,class_index\na.png,cat\n")
    done = bench_command("run", "-p", "copy-gray", "-d", "clean", "--dataset", "folder:photos", check=2)
    assert done.stderr.count("\n") == 1
    assert "labels.csv, line 2" in done.stderr
    assert not (tmp_path / "bench.db").exists()
