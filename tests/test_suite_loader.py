"""Reading suites: what a file may say, one line for each mistake, and nothing heavy imported."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bench_core.errors import RequestError
from bench_core.plugins import Entry
from bench_core.suite import DataChoice, load_suite, read_entry, read_suite

GOOD = """
title = "Tiny"
paper = "Somebody: Something. Somewhere, 2020"
table = "Table 1"
task = "steganography"
published_data = "photos"
seed = 3
columns = [
  { title = "five", pair = "secret", metric = "mean-error", degradations = "shift:5" },
  { title = "container", pair = "container", metric = "mean-error", measured_only = true },
]
data = [{ name = "Tiny", datasets = "tiny", limit = 4 }]
reported = [{ row = "A", values = [1.5] }, { row = "B", values = ["-"], note = "as cited" }]

[[methods]]
label = "keep"
row = "A"
plugin = "keep"
settings = { level = 7 }

[[caveats]]
number = 2
text = "read this"
"""


def parse(text, tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(text)
    return read_suite(path, "tiny")


def test_a_suite_is_read_into_typed_records(tmp_path):
    suite = parse(GOOD, tmp_path)
    assert (suite.title, suite.table, suite.seed) == ("Tiny", "Table 1", 3)
    assert suite.data == (DataChoice("Tiny", ("tiny",), limit=4),)
    assert [column.measured_only for column in suite.columns] == [False, True]
    assert suite.methods[0].settings == {"level": "7"}
    assert [row.values for row in suite.reported] == [(1.5,), (None,)]
    assert suite.caveats[0].text == "read this"
    assert not suite.of_hyperparameters


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "Tiny"', "", "title: is missing"),
        ('title = "Tiny"', 'title = ""', "title: must be a text that says something"),
        ('title = "Tiny"', "title = 4", "title: must be a text, not 4"),
        ("seed = 3", "seed = -1", "seed: must be an integer >= 0, not -1"),
        ("seed = 3", "seeed = 3", "seeed: unknown key; did you mean 'seed'?"),
        ('task = "steganography"', 'task = "painting"', "task: must be one of steganography"),
        ('pair = "secret"', 'pair = "secrte"', "columns[1].pair: 'secrte' is none of steganography's: container"),
        (', degradations = "shift:5"', "", "columns[1].degradations: is missing"),
        ("limit = 4", "limit = 0", "data[1].limit: must be an integer >= 1, not 0"),
        ('datasets = "tiny"', "datasets = [1]", "data[1].datasets: must be a text or a list of texts"),
        ("values = [1.5]", "values = [1.5, 2]", "reported 'A': has 2 values for 1 columns"),
        ("values = [1.5]", "values = ['x']", 'reported[1].values: must hold numbers, or "-"'),
        ("values = [1.5]", "values = [nan]", 'reported[1].values: must hold numbers, or "-"'),
        ("values = [1.5]", "values = 1.5", "reported[1].values: must be a list such as"),
        ('row = "B"', 'row = "A"', "reported: 'A' is there twice"),
        ('row = "A"\nplugin', 'row = "C"\nplugin', "methods 'keep': row 'C' is not reported; rows: A, B"),
        ('plugin = "keep"', "", "methods[1].plugin: is missing"),
        ("settings = { level = 7 }", "settings = 7", "methods[1].settings: must be a table"),
        ("number = 2", "number = true", "caveats[1].number: must be an integer >= 1, not True"),
        ("measured_only = true", "measured_only = 1", "columns[2].measured_only: must be true or false"),
        ("seed = 3", "figure = true", "figure: is true, so nothing may be reported"),
        ("seed = 3", 'floor = "nobody"', "floor: 'nobody' is the label of no method"),
        ("seed = 3", "methods = 3", "is no TOML"),
        ("seed = 3", "seed = ", "is no TOML"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_is_allowed(old, new, message, tmp_path):
    assert old in GOOD
    with pytest.raises(RequestError) as caught:
        parse(GOOD.replace(old, new, 1), tmp_path)
    assert len(caught.value.problems) == 1, caught.value.problems
    assert message in caught.value.problems[0]
    assert caught.value.problems[0].startswith("suite 'tiny': tiny.toml")


def test_all_mistakes_are_told_at_once(tmp_path):
    with pytest.raises(RequestError) as caught:
        parse(GOOD.replace("title", "titel").replace("number = 2", ""), tmp_path)
    assert len(caught.value.problems) >= 3


def test_a_plot_without_numbers_says_so(tmp_path):
    table = tomllib.loads(GOOD)
    assert table["reported"]
    bare = "\n".join(line for line in GOOD.splitlines() if not line.startswith(("reported", "row")))
    with pytest.raises(RequestError, match="reported: is missing; a plot without printed numbers says figure = true"):
        parse(bare, tmp_path)
    assert parse("figure = true\n" + bare, tmp_path).reported == ()


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(RequestError, match=r"suite 'x'.*cannot be read"):
        read_suite(tmp_path / "missing.toml", "x")
    with pytest.raises(RequestError, match=r"suite 'x' of plugin 'p' cannot be loaded from nowhere:a\.toml"):
        read_entry(Entry("suites", "x", "nowhere:a.toml", "p"))
    with pytest.raises(
        RequestError, match=r"suite 'x' of plugin 'p' cannot be loaded from colorsys:a\.toml: .*package"
    ):
        read_entry(Entry("suites", "x", "colorsys:a.toml", "p"))


def test_a_suite_is_registered_as_a_file_a_loader_or_a_family(tmp_path, monkeypatch):
    (tmp_path / "tiny.toml").write_text(GOOD)
    (tmp_path / "my_suites.py").write_text(
        "from pathlib import Path\n"
        "here = Path(__file__).parent\n"
        "def one(): return here / 'tiny.toml'\n"
        "def any_(name): return here / f'{name}.toml'\n"
        "from bench_core import hookimpl\n"
        "@hookimpl\n"
        "def register_suites(register):\n"
        "    register('loaded', 'my_suites:one')\n"
        "    register('mine:', 'my_suites:any_', summary='NAME')\n"
        "    register('several', ('loaded', 'mine:tiny'))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("BENCH_LOAD_PLUGINS", "")
    monkeypatch.setenv("BENCH_PLUGINS", "my_suites")
    from bench_core.plugins import registry

    registry.cache_clear()
    try:
        assert load_suite("loaded").title == load_suite("mine:tiny").title == "Tiny"
        assert load_suite("mine:tiny").name == "mine:tiny"
        for name, message in (
            ("several", "stands for several: loaded, mine:tiny"),
            ("mine:", "needs something after the colon: NAME"),
            ("mine:other", "cannot be read"),
            ("load", "unknown suite 'load'. Did you mean 'loaded'"),
        ):
            with pytest.raises(RequestError, match=message):
                load_suite(name)
    finally:
        registry.cache_clear()


def test_a_file_of_your_own_is_a_suite(tmp_path):
    from bench_reports.files import suite_file

    (tmp_path / "tiny.toml").write_text(GOOD)
    assert suite_file(str(tmp_path / "tiny.toml")) == Path(tmp_path / "tiny.toml")
    with pytest.raises(RequestError, match=r"suite 'file:nowhere': there is no such file; e\.g\. file:my-suite\.toml"):
        suite_file("nowhere")


def test_listing_suites_imports_nothing_heavy():
    code = (
        "import contextlib\nfrom bench_core.cli.main import main\n"
        "with contextlib.suppress(SystemExit):\n    main(['list', 'suites', '--json'])\n"
        "import sys; print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "pandas", "numpy", "PIL", "sqlalchemy", "rich"}
    assert {name.partition(".")[0] for name in done.stderr.split()} & heavy == set()
