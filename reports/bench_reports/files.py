"""`file:PATH`: a suite that no plugin registered."""

from pathlib import Path

from bench_core.errors import RequestError


def suite_file(path: str) -> Path:
    """The file itself; RequestError where there is none."""
    found = Path(path).expanduser()
    if not found.is_file():
        raise RequestError(f"suite 'file:{path}': there is no such file; e.g. file:my-suite.toml")
    return found
