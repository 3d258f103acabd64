"""Finding plugins: isolation, lookups, and messages that help."""

import importlib.metadata
import inspect
import json

import pytest

from bench_core import hookimpl, hookspecs
from bench_core.errors import RequestError
from bench_core.plugins import KINDS, Plugins, registry


def points(*names):
    return [importlib.metadata.EntryPoint(name=name, value=name, group="bench") for name in names]


@pytest.fixture
def modules(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(name, text):
        (tmp_path / f"{name}.py").write_text("from bench_core import hookimpl\n" + text)

    return write


GOOD = '@hookimpl\ndef register_metrics(register):\n    register("fine", "json:dumps", summary="all right")\n'


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("crash_at_import", "raise RuntimeError('boom')", "RuntimeError: boom"),
        ("missing_dependency", "import no_such_library_at_all", "No module named 'no_such_library_at_all'"),
        ("wrong_arguments", "@hookimpl\ndef register_metrics(wrong): ...\n", "wrong"),
        ("unknown_hook", "@hookimpl\ndef register_metrix(register): ...\n", "register_metrix"),
        (
            "raises_in_hook",
            "@hookimpl\ndef register_models(register): raise ValueError('later')\n",
            "ValueError: later",
        ),
        ("half_done", GOOD.replace("fine", "half") + "    raise ValueError('half')\n", "ValueError: half"),
    ],
)
def test_a_broken_plugin_breaks_only_itself(modules, name, text, reason):
    modules(name, text)
    modules("zz_good", GOOD)
    plugins = Plugins(points(name, "zz_good"))
    broken, good = plugins.infos
    assert reason in broken.error
    assert "\n" not in broken.error
    assert good.error == ""
    assert good.registered == ("metrics:fine",)
    assert plugins.metrics.names() == ["fine"]


def test_an_unknown_name_may_be_one_of_a_plugin_that_did_not_load(modules):
    modules("needs_more", "import no_such_library_at_all")
    with pytest.raises(RequestError, match="Known: none; plugin 'needs_more' failed to load: ModuleNotFoundError"):
        Plugins(points("needs_more")).models.get("mine")


def test_a_name_that_is_taken_is_the_second_plugins_mistake(modules):
    modules("aa_first", GOOD)
    modules("bb_second", GOOD)
    first, second = Plugins(points("aa_first", "bb_second")).infos
    assert first.error == ""
    assert "metric 'fine' is already registered by plugin 'aa_first'" in second.error


def test_an_import_string_that_leads_nowhere_names_its_plugin(modules):
    modules("nowhere", '@hookimpl\ndef register_models(register):\n    register("lost", "json:no_such_thing")\n')
    plugins = Plugins(points("nowhere"))
    with pytest.raises(RequestError, match="model 'lost' of plugin 'nowhere' cannot be loaded from json:no_such_thing"):
        plugins.models.load("lost")


def test_unknown_names_come_with_near_ones(testbed):
    with pytest.raises(RequestError, match=r"unknown model 'kepp'\. Did you mean 'keep'\? Known: bad, dice"):
        testbed.models.get("kepp")
    with pytest.raises(RequestError, match="'both' stands for several metrics: mean-error, fussy"):
        testbed.metrics.load("both")


def test_aliases_and_families(modules):
    modules(
        "family",
        '@hookimpl\ndef register_datasets(register):\n    register("dir:", "builtins:str", aliases=())\n'
        '    register("one", "builtins:dict", aliases=("uno",))\n',
    )
    datasets = Plugins(points("family")).datasets
    assert datasets.create("dir:some/where:else") == "some/where:else"
    assert datasets.create("uno") == {}
    with pytest.raises(RequestError, match="needs something after the colon"):
        datasets.create("dir:")


def test_a_module_can_be_tried_before_it_is_packaged(testbed):
    assert "keep" in testbed.models.names()


def test_only_the_plugins_asked_for_are_loaded(monkeypatch):
    monkeypatch.setenv("BENCH_LOAD_PLUGINS", "metrics")
    registry.cache_clear()
    try:
        assert [info.name for info in registry().infos] == ["metrics"]
        assert "psnr" in registry().metrics.names()
    finally:
        registry.cache_clear()


def test_every_installed_plugin_loads():
    assert {info.name: info.error for info in registry().infos if info.error} == {}
    names = {info.name for info in registry().infos}
    assert {"datasets", "degradations", "metrics", "iqa", "baselines", "riis", "leaderboard"} <= names


def test_every_hook_is_documented_with_its_argument():
    hooks = [name for name, _ in inspect.getmembers(hookspecs, inspect.isfunction) if name.startswith("register_")]
    assert sorted(hooks) == sorted(f"register_{kind}" for kind in KINDS)
    for name in hooks:
        function = getattr(hookspecs, name)
        assert list(inspect.signature(function).parameters) == ["register"]
        assert function.__doc__
    assert hookimpl.project_name == "bench"


def test_list_shows_a_broken_plugin_and_goes_on(bench_command, modules, tmp_path):
    modules("crash_at_import", "raise RuntimeError('boom')")
    env = {"BENCH_PLUGINS": "crash_at_import", "PYTHONPATH": str(tmp_path)}
    rows = {row["name"]: row for row in json.loads(bench_command("list", "plugins", "--json", env=env, check=0).stdout)}
    assert rows["crash_at_import"]["status"] == "failed"
    assert rows["crash_at_import"]["error"] == "RuntimeError: boom"
    assert rows["metrics"]["status"] == "ok"
    assert "FAILED: RuntimeError: boom" in bench_command("list", "plugins", env=env, check=0).stdout
