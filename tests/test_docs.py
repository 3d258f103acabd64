"""The documents hold: examples run, and what commands print is what they print."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

from bench_core import hookspecs

ROOT = Path(__file__).parents[1]


def blocks(path, mark):
    """The code blocks of a page that follow `<!-- tested: mark -->`."""
    return re.findall(rf"<!-- tested: {mark} -->\n```\w*\n(.*?)```", (ROOT / path).read_text(), re.DOTALL)


def test_the_plugin_in_the_docs_works_and_is_small(bench_command, tmp_path):
    (hooks,), (method,) = blocks("docs/plugins.md", "hooks"), blocks("docs/plugins.md", "method")
    lines = (hooks + method).splitlines()
    assert len([line for line in lines if line.strip() and not line.strip().startswith(('"""', "#"))]) <= 12
    (tmp_path / "bench_invert").mkdir()
    (tmp_path / "bench_invert" / "__init__.py").write_text(hooks)
    (tmp_path / "bench_invert" / "method.py").write_text(method)
    env = {"BENCH_PLUGINS": "bench_invert", "PYTHONPATH": str(tmp_path)}
    done = bench_command("run", "-p", "invert", "-d", "jpeg:40", "--limit", "2", "--size", "64", env=env, check=0)
    assert "restored" in done.stdout
    assert "FAILED" not in done.stdout


def test_the_plugin_in_the_docs_is_the_one_that_is_written_for_you(bench_command, tmp_path):
    bench_command("plugin", "new", "invert", check=0)
    folder = tmp_path / "bench-invert"
    assert [(folder / "bench_invert" / "__init__.py").read_text()] == blocks("docs/plugins.md", "hooks")
    assert [(folder / "bench_invert" / "method.py").read_text()] == blocks("docs/plugins.md", "method")
    (shown,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/plugins.md").read_text(), re.DOTALL)
    assert shown in (folder / "pyproject.toml").read_text()
    assert len([line for line in shown.splitlines() if line.strip()]) <= 6


def test_the_python_example_works(tmp_path):
    (source,) = blocks("docs/results.md", "python")
    done = subprocess.run([sys.executable, "-c", source], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "jpeg:q=60,ss=420" in done.stdout
    assert (tmp_path / "bench.db").exists()


def test_every_hook_is_in_the_docs_with_its_argument():
    text = (ROOT / "docs/plugins.md").read_text()
    for name, function in inspect.getmembers(hookspecs, inspect.isfunction):
        if name.startswith("register_"):
            assert f"`{name}({', '.join(inspect.signature(function).parameters)})`" in text


def test_the_command_reference_is_what_the_commands_say():
    # In a process of its own: click keeps what a command was first shown with.
    command = [sys.executable, str(ROOT / "docs" / "make_commands.py"), "--print"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, encoding="utf-8").stdout
    assert (ROOT / "docs/commands.md").read_text() == said, "run: python docs/make_commands.py"


def test_links_between_the_documents_lead_somewhere():
    for page in [
        ROOT / "README.md",
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("plugins/*/README.md"),
        ROOT / "datasets/README.md",
    ]:
        for target in re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)}: {target}"
