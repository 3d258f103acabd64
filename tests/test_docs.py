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
    (source,) = blocks("docs/plugins.md", "plugin")
    code = [line for line in source.splitlines() if line.strip() and not line.strip().startswith(('"""', "#"))]
    assert len(code) <= 12
    (tmp_path / "bench_invert.py").write_text(source)
    env = {"BENCH_PLUGINS": "bench_invert", "PYTHONPATH": str(tmp_path)}
    done = bench_command("run", "-p", "invert", "-d", "jpeg:40", "--limit", "2", "--size", "64", env=env, check=0)
    assert "restored" in done.stdout
    assert "FAILED" not in done.stdout


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
