"""Building the leaderboard: again, half-way, over something else, from the command line, and its script."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from leaderboard_site import CHANNELS, EVIL, Built, board, read

from bench_core.errors import RequestError
from bench_core.store.database import open_database
from bench_leaderboard import site
from bench_leaderboard.board import read_board


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_rebuild_gives_the_same_site_byte_for_byte_and_leaves_nothing_beside_it(built, tmp_path):
    database = built.database
    first = site.build_site(read_board(database), database, tmp_path / "site", title=EVIL).parent
    before = content(first)
    assert before == content(built.folder)
    site.build_site(read_board(database), database, tmp_path / "site", title=EVIL)
    assert content(first) == before
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    assert oct(first.stat().st_mode)[-3:] == "755"


def test_a_picture_that_is_gone_is_said_to_be_gone(built, tmp_path):
    board_ = read_board(built.database)
    kept = built.database.pictures
    built.database.pictures = tmp_path / "none"
    try:
        index = site.build_site(board_, built.database, tmp_path / "site")
    finally:
        built.database.pictures = kept
    page = read(index.parent / "runs" / f"{built.ids['good']}.html")
    assert not list(page.all("img"))
    assert page.text.count("not kept") == 2 * (4 + 4 * len(CHANNELS))


@pytest.mark.parametrize("where", ["_write", "_swap"])
def test_a_build_that_fails_leaves_the_old_site_whole(built, tmp_path, monkeypatch, where):
    database = built.database
    folder = tmp_path / "site"
    site.build_site(read_board(database), database, folder)
    before = content(folder)
    if where == "_write":
        monkeypatch.setattr(
            site, "_download", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left on device"))
        )
    else:
        rename = Path.rename

        def fails_into_place(self, target):
            if Path(target) == folder and self.name.startswith(".site.") and "old" not in str(self):
                raise OSError(28, "No space left on device")
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", fails_into_place)
    with pytest.raises(RequestError, match="No space left on device"):
        site.build_site(read_board(database), database, folder)
    assert content(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_what_is_not_a_leaderboard_is_not_overwritten(built, tmp_path):
    database = built.database
    foreign = tmp_path / "thesis"
    foreign.mkdir()
    (foreign / "index.html").write_text("mine")
    (foreign / "leaderboard.json").write_text('{"kind": "something else"}')
    file = tmp_path / "file"
    file.write_text("mine too")
    for place, reason in ((foreign, "is not a leaderboard"), (file, "is a file")):
        with pytest.raises(RequestError, match=reason):
            site.build_site(read_board(database), database, place)
    assert content(tmp_path) == {
        "thesis/index.html": b"mine", "thesis/leaderboard.json": b'{"kind": "something else"}', "file": b"mine too"
    }  # fmt: skip
    empty = tmp_path / "empty"
    empty.mkdir()
    assert site.build_site(read_board(database), database, empty).is_file()


def test_the_command_builds_and_prints_the_address_last(built, bench_command, tmp_path):
    db = str(Path(built.database.pictures).parent / "bench.db")
    done = bench_command("leaderboard", "build", "-o", "out/site", "--db", db, "--title", "Ours", check=0)
    assert done.stdout.splitlines()[-1] == (tmp_path / "out" / "site" / "index.html").as_uri()
    assert str(tmp_path / "out" / "site" / "index.html") in done.stdout
    assert read(tmp_path / "out" / "site" / "index.html").one("h1").text == "Ours"


def test_requests_that_cannot_be_met_say_so_in_one_line(bench_command, tmp_path):
    none = bench_command("leaderboard", "build", check=2)
    assert none.stderr.count("\n") == 1
    assert "no such database" in none.stderr
    open_database(str(tmp_path / "bench.db")).close()
    empty = bench_command("leaderboard", "build", check=2)
    assert empty.stderr == "Error: no runs in bench.db; make one with: bench run --plugin riis --degrade jpeg:40\n"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    assert "is not a leaderboard" in bench_command("leaderboard", "build", "-o", "mine", check=2).stderr
    assert not (tmp_path / "leaderboard-site").exists()


def test_open_builds_what_is_missing_and_hands_the_address_to_the_browser(built, bench_command, tmp_path):
    db = str(Path(built.database.pictures).parent / "bench.db")
    browser = {"BROWSER": "echo opened %s"}
    for _ in range(2):
        done = bench_command("leaderboard", "open", "--db", db, env=browser, check=0)
        assert f"opened {(tmp_path / 'leaderboard-site' / 'index.html').as_uri()}" in done.stdout
    (tmp_path / "leaderboard-site" / "index.html").write_text("kept")
    bench_command("leaderboard", "open", "--db", "gone.db", env=browser, check=0)
    assert (tmp_path / "leaderboard-site" / "index.html").read_text() == "kept"
    failed = bench_command("leaderboard", "open", env={"BROWSER": "false"}, check=1)
    assert "no browser could be started" in failed.stderr


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_the_script_sorts_and_filters_by_the_address(built, tmp_path):
    _, table = board(built)
    column = next(h for h in table.all("th") if h.attrs.get("data-name") == "secret psnr@1 under clean")
    order = f"{table.attrs['data-table']}+{column.attrs['data-key']}+descending"
    state = f"no-degradation=identity&no-metric=lpips&q=lsb&sort={order}"
    command = [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path}", "--dump-dom", f"{(built.folder / 'index.html').as_uri()}#{state}",
    ]  # fmt: skip
    environment = {**os.environ, "HOME": str(tmp_path)}
    dumped = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=True).stdout
    (tmp_path / "dom.html").write_text(dumped, "utf-8")
    page = read(tmp_path / "dom.html")
    form = page.one("form")
    assert "hidden" not in form.attrs
    table = next(page.all("table"))
    shown = [row.attrs["data-run"] for row in table.one("tbody").all("tr") if "hidden" not in row.attrs]
    assert shown == [built.ids["short"], built.ids["flaky"]]  # on a column that is itself hidden; failures after
    heads = [head for head in table.all("th") if "data-key" in head.attrs and "hidden" not in head.attrs]
    assert {head.attrs.get("data-metric") for head in heads} == {None, "psnr"}
    assert "identity" not in {head.attrs.get("data-degradation") for head in heads}
    assert all(head.one("button").text for head in heads)
    groups = [group for group in table.all("th", scope="colgroup") if "hidden" not in group.attrs]
    assert sum(int(group.attrs["colspan"]) for group in groups) == len(heads) - 1


def test_of_many_rows_only_the_runs_have_files_and_only_csv(built, tmp_path, monkeypatch):
    monkeypatch.setattr(site, "MANY_ROWS", 50)
    index = site.build_site(read_board(built.database), built.database, tmp_path / "site")
    names = {path.name for path in (index.parent / "data").iterdir()}
    large, small = built.ids["good"], built.ids["nothing"]
    assert f"run-{large}.csv" in names
    assert f"run-{large}.json" not in names
    assert f"run-{small}.json" in names
    assert not [name for name in names if name.startswith("steganography-sample-d0")]
    assert "the runs’ pages have them" in board(Built(index.parent, built.database, built.ids))[0].text
    page = read(index.parent / "runs" / f"{large}.html")
    assert "too many for JSON" in page.text
    for path in [index, *(index.parent / "runs").iterdir()]:
        links = [link.attrs["href"] for link in read(path).all("a") if "download" in link.attrs]
        assert all((path.parent / link).is_file() for link in links)
