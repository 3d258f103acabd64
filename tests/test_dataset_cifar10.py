"""`cifar10:DIR`: the python batches in whatever packing, and `bench datasets fetch`."""

import gzip
import hashlib
import http.server
import io
import logging
import lzma
import os
import pickle
import struct
import tarfile
import threading
import time
import zlib

import numpy as np
import pytest
from click.testing import CliRunner

from bench_core.errors import BenchError, CellFailure, RequestError
from bench_core.plugins import registry
from bench_core.samples import build_samples
from bench_core.task import COLORIZATION
from bench_datasets import cifar10
from bench_datasets.cifar10 import ARCHIVE, CARD, CLASSES, FOLDER, SPLITS, Cifar10
from bench_datasets.commands import datasets, fetch_cifar10

COUNT = 6
BATCHES = tuple(name for names in SPLITS.values() for name in names)
NAMES = tuple(f"kind-{number}" for number in range(10))


class Python2(pickle._Pickler):
    """Writes texts as Python 2 did, its only kind of strings."""

    def save_string(self, text):
        raw = text.encode() if isinstance(text, str) else text
        head = b"U" + bytes([len(raw)]) if len(raw) < 256 else b"T" + struct.pack("<i", len(raw))
        self.write(head + raw)
        self.memoize(text)

    dispatch = {**pickle._Pickler.dispatch, bytes: save_string, str: save_string}


def published(thing):
    """A pickle as the official ones: of Python 2, with numpy 1's spelling."""
    file = io.BytesIO()
    Python2(file, protocol=2).dump(thing)
    return file.getvalue().replace(b"numpy._core.", b"numpy.core.")


def repacked(protocol):
    return lambda thing: pickle.dumps(thing, protocol=protocol)


def planes(name):
    return np.random.default_rng(list(name.encode())).integers(0, 256, (COUNT, 3072), dtype=np.uint8)


def labels(name):
    return [(index + len(name)) % 10 for index in range(COUNT)]


def files(dump=published):
    found = {name: dump({"data": planes(name), "labels": labels(name), "batch_label": name}) for name in BATCHES}
    return {**found, "batches.meta": dump({"label_names": list(NAMES), "num_vis": 3072})}


def write(folder, contents):
    folder.mkdir(exist_ok=True, parents=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)


def pack(contents):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as file:
        for name, content in {"readme.html": b"hello", **contents}.items():
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def everything(dataset):
    found = {name: dataset.load(name) for name in dataset.ids()}
    return {name: (fields["color"].tobytes(), fields["class"]) for name, fields in found.items()}


@pytest.fixture
def place(tmp_path):
    write(tmp_path / FOLDER, files())
    return tmp_path


def test_the_pictures_are_those_of_the_files(place):
    dataset = registry().datasets.create(f"cifar10:{place}")
    assert dataset.ids() == [f"test/{index:05}" for index in range(COUNT)]
    second = dataset.load("test/00001")
    red, green, blue = planes("test_batch")[1].reshape(3, 32, 32)
    assert np.array_equal(second["color"], np.stack([red, green, blue], axis=2))
    assert second["color"].dtype == np.uint8
    assert second["color"].flags.c_contiguous
    assert second["class"] == labels("test_batch")[1]
    assert type(second["class"]) is int
    assert dataset.classes == NAMES
    with pytest.raises(ValueError, match="read-only"):
        second["color"][:] = 0
    with pytest.raises(CellFailure, match="train/00001: no such picture"):
        dataset.load("train/00001")
    samples = build_samples(dataset, COLORIZATION, seed=0, limit=3)
    # No label: top1 would score class 3, a cat, as ImageNet's tiger shark.
    assert set(samples["test/00002"]) == {"color", "gray"}


def test_a_split_is_named_and_kept_in_the_spelling(place):
    train = Cifar10(f"{place},split=train")
    assert train.spec == f"cifar10:{place},split=train"
    assert train.ids() == [f"train/{index:05}" for index in range(5 * COUNT)]
    for index in (0, COUNT, 5 * COUNT - 1):
        raw = planes(f"data_batch_{index // COUNT + 1}")[index % COUNT]
        assert np.array_equal(train.load(f"train/{index:05}")["color"], raw.reshape(3, 32, 32).transpose(1, 2, 0))
    assert Cifar10(f"{place},split=test").ids() == Cifar10(str(place)).ids()


def test_every_packing_holds_the_same(place, tmp_path):
    known = everything(Cifar10(f"{place},split=train"))
    assert everything(Cifar10(f"{place / FOLDER},split=train")) == known
    (tmp_path / "other").mkdir()
    archive = tmp_path / "other" / ARCHIVE
    archive.write_bytes(pack(files()))
    assert everything(Cifar10(f"{archive},split=train")) == known
    assert everything(Cifar10(f"{archive.parent},split=train")) == known
    for protocol in (3, 4, 5):
        write(tmp_path / f"protocol, {protocol}", files(repacked(protocol)))
        assert everything(Cifar10(f"{tmp_path}/protocol, {protocol},split=train")) == known


def test_files_that_are_not_as_published_are_named_in_a_warning(place, caplog, monkeypatch):
    with caplog.at_level(logging.WARNING, "bench"):
        Cifar10(str(place))
    assert [record.getMessage() for record in caplog.records] == [
        f"cifar10:{place}: {name} is not the file that was published (another MD5)"
        for name in ("test_batch", "batches.meta")
    ]
    caplog.clear()
    digests = {name: hashlib.md5(content, usedforsecurity=False).hexdigest() for name, content in files().items()}
    monkeypatch.setattr(cifar10, "MD5", digests)
    Cifar10(f"{place},split=train")
    assert not caplog.records


def test_the_published_digests_are_those_of_every_file():
    assert set(cifar10.MD5) == {*BATCHES, "batches.meta"}
    assert all(len(digest) == 32 for digest in cifar10.MD5.values())


class Evil:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


def test_a_malicious_pickle_runs_nothing(place, tmp_path):
    mark = tmp_path / "mark"
    for thing in (Evil(mark), {"data": planes("x"), "labels": [Evil(mark)] * COUNT}):
        (place / FOLDER / "test_batch").write_bytes(pickle.dumps(thing, protocol=3))
        with pytest.raises(RequestError, match=r"test_batch is no batch of CIFAR-10: .*system.* arrays only") as caught:
            Cifar10(str(place))
        assert len(caught.value.problems) == 1
    assert not mark.exists()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "test_batch is no batch of CIFAR-10"),
        (published([1, 2]), "holds a list, not a dict"),
        (published({"labels": [0]}), "has no uint8 pictures"),
        (published({"data": planes("a").astype(np.float32), "labels": labels("a")}), "has no uint8 pictures"),
        (published({"data": planes("a")[:, :3000], "labels": labels("a")}), r"pictures \(6, 3000\) and 6 labels"),
        (published({"data": planes("a"), "labels": labels("a")[1:]}), r"pictures \(6, 3072\) and 5 labels"),
        (published({"data": planes("a"), "fine_labels": labels("a")}), "and no labels"),
        (published({"data": planes("a"), "labels": [10] * COUNT}), "labels must be numbers from 0 to 9"),
    ],
)
def test_what_is_no_batch_is_one_clear_line(place, content, problem):
    (place / FOLDER / "test_batch").write_bytes(content)
    with pytest.raises(RequestError, match=problem) as caught:
        Cifar10(str(place))
    assert len(caught.value.problems) == 1


def test_a_missing_set_says_how_to_get_it(place, tmp_path):
    (tmp_path / "empty").mkdir()
    for where in ("empty", "nowhere"):
        with pytest.raises(RequestError, match=r"no python batches of CIFAR-10 .*bench datasets fetch cifar10 -o DIR"):
            Cifar10(str(tmp_path / where))
    (place / FOLDER / "data_batch_3").unlink()
    with pytest.raises(RequestError, match="data_batch_3 is missing; get them with"):
        Cifar10(f"{place},split=train")
    (place / FOLDER / "batches.meta").unlink()
    assert Cifar10(str(place)).classes == CLASSES
    (tmp_path / "text.tar.gz").write_text("no archive")
    with pytest.raises(RequestError, match=r"text.tar.gz: cannot be read: "):
        Cifar10(str(tmp_path / "text.tar.gz"))
    for split in ("val", "", "train,split=test"):
        with pytest.raises(RequestError, match=r"split must be test or train, given once; e\.g\."):
            Cifar10(f"{place},split={split}")


def damaged_gzip(archive):
    """Whole up to the middle of a member, and there a block of a kind that deflate has not."""
    packer = zlib.compressobj(wbits=31)
    return packer.compress(archive[: len(archive) // 2]) + packer.flush(zlib.Z_SYNC_FLUSH) + b"\xff" * 64


def damaged_xz(archive):
    """Whole in its first half; in the second no block of noise, which is stored as it is, has a head."""
    packed = lzma.compress(archive)
    return packed[: len(packed) // 2] + b"\xff" * (len(packed) // 2)


@pytest.mark.parametrize(("damaged", "kind"), [(damaged_gzip, "error"), (damaged_xz, "LZMAError")])
def test_a_damaged_archive_is_one_clear_line(tmp_path, damaged, kind):
    archive = gzip.decompress(
        pack({"test_batch": np.random.default_rng(0).bytes(2**20)})
    )  # more than what is read ahead
    (tmp_path / ARCHIVE).write_bytes(damaged(archive))
    with pytest.raises(RequestError, match=rf"{ARCHIVE}: cannot be read: {kind}: ") as caught:
        Cifar10(str(tmp_path / ARCHIVE))
    assert len(caught.value.problems) == 1


def test_pictures_are_loaded_fast(place):
    dataset = Cifar10(f"{place},split=train")
    names = dataset.ids()
    start = time.thread_time()
    for index in range(50_000):
        dataset.load(names[index % len(names)])
    assert time.thread_time() - start < 2


def test_the_card_stands_in_the_readme():
    readme = (cifar10.Path(__file__).parents[1] / "datasets" / "README.md").read_text()
    assert all(line in readme for line in CARD.splitlines())


@pytest.fixture
def server():
    """Serves an archive of the files, as `url`; `asked` counts."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked += 1
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            pass

    content = pack(files())
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.asked, running.sha256 = 0, hashlib.sha256(content).hexdigest()
        running.url, running.content = f"http://127.0.0.1:{running.server_port}/{ARCHIVE}", content
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def online(monkeypatch):
    monkeypatch.delenv("BENCH_OFFLINE", raising=False)


@pytest.mark.usefixtures("online")
def test_fetching_unpacks_the_archive_once(server, tmp_path):
    place = tmp_path / "new" / "data"
    assert fetch_cifar10(place, url=server.url, sha256=server.sha256) == place / FOLDER
    assert [path.name for path in place.iterdir()] == [FOLDER]
    assert Cifar10(str(place)).classes == NAMES
    fetch_cifar10(place, url=server.url, sha256=server.sha256)
    assert server.asked == 1
    (place / FOLDER / "data_batch_2").unlink()
    fetch_cifar10(place, url=server.url, sha256=server.sha256)
    assert server.asked == 2
    assert len(Cifar10(f"{place},split=train").ids()) == 5 * COUNT
    assert [path.name for path in place.iterdir()] == [FOLDER]


@pytest.mark.usefixtures("online")
def test_another_file_is_not_taken(server, tmp_path):
    with pytest.raises(BenchError, match=r"cifar10 cannot be fetched: .*another SHA-256.* Elsewhere: download http"):
        fetch_cifar10(tmp_path / "data", url=server.url, sha256="0" * 64)
    assert not (tmp_path / "data" / FOLDER).exists()
    assert not (tmp_path / "data" / ARCHIVE).exists()


def test_an_archive_at_hand_needs_no_network(server, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_OFFLINE", "1")
    with pytest.raises(RequestError, match=r"BENCH_OFFLINE forbids fetching cifar10\. Elsewhere: download .* --from"):
        fetch_cifar10(tmp_path / "data", url=server.url)
    source = tmp_path / "mine.tar.gz"
    source.write_bytes(server.content)
    with pytest.raises(RequestError, match="not the archive that was published"):
        fetch_cifar10(tmp_path / "data", source)
    with pytest.raises(RequestError, match="there is no such file"):
        fetch_cifar10(tmp_path / "data", tmp_path / "missing.tar.gz")
    assert not (tmp_path / "data").exists()
    fetch_cifar10(tmp_path / "data", source, sha256=server.sha256)
    assert source.exists()
    assert Cifar10(str(tmp_path / "data")).ids()
    assert server.asked == 0


def test_the_command_says_where_it_is_and_how_to_use_it(place):
    done = CliRunner().invoke(datasets, ["fetch", "cifar10", "-o", str(place)])
    assert done.exit_code == 0
    assert done.output == f"cifar10: {place / FOLDER}; use it with --dataset cifar10:{place}\n"
    assert CliRunner().invoke(datasets, ["fetch", "cifar100", "-o", str(place)]).exit_code == 2
