"""What a result depends on besides the request: file and code digests, library and codec versions, hardware."""

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

LIBRARIES = ("bench", "numpy", "pillow", "torch", "opencv-python-headless", "scikit-image", "scikit-learn", "pyiqa")


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(value: Any) -> str:
    """BLAKE2b-128 of a JSON-able value, in hex."""
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).hexdigest()


@lru_cache(maxsize=64)
def code_digest(module: str) -> str:
    """BLAKE2b-128 over the Python sources of the top-level package (or lone module) that `module` is in."""
    root = module.partition(".")[0]
    spec = importlib.util.find_spec(root)
    if spec is None or spec.origin is None:
        return ""
    origin = Path(spec.origin)
    files = sorted(origin.parent.rglob("*.py")) if spec.submodule_search_locations else [origin]
    digest = hashlib.blake2b(digest_size=16)
    for file in files:
        digest.update(str(file.relative_to(origin.parent).as_posix()).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def git_revision(folder: Path) -> str | None:
    """The commit of the checkout that `folder` is in, with `+` where it has local changes; None outside of one."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()  # noqa: S603

    try:
        revision = git("rev-parse", "HEAD")
        return revision + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def versions() -> dict[str, str]:
    """Versions of Python, the libraries a figure can depend on, and the codecs inside Pillow."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    from PIL import features

    for codec in ("libjpeg_turbo", "jpg", "webp", "avif", "jpg_2000"):
        version = features.version(codec)
        if version:
            found[f"pillow:{codec}"] = str(version)
    return found


def hardware(device: str = "cpu") -> dict[str, Any]:
    """The machine: processor, cores, and the accelerator where one is used."""
    found: dict[str, Any] = {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "device": device,
    }
    torch = sys.modules.get("torch")  # never imported for the sake of a label
    if torch is not None and device.startswith("cuda"):
        found["accelerator"] = torch.cuda.get_device_name(device)
        found["cuda"] = torch.version.cuda
    return found


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def collect(device: str = "cpu") -> dict[str, Any]:
    """Everything above, for one execution of a run."""
    return {
        "versions": versions(),
        "hardware": hardware(device),
        "git": git_revision(Path(__file__).parent),
    }
