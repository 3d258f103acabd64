"""Files that are there whole or not at all."""

import contextlib
import json
import re
import secrets
from pathlib import Path
from typing import Any

from bench_core.errors import RequestError, one_line


def write_bytes(path: Path, content: bytes) -> None:
    """Write beside the place under another name, then rename; missing folders are made.

    Raises:
        RequestError: where the place cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        raise RequestError(f"{path}: cannot be written: {error.strerror or one_line(error)}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def write_json(path: Path, content: Any) -> None:
    """Write JSON a reader can read; strict, without NaN. Raises as `write_bytes`."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def check_folder(folder: Path, own: str, example: str) -> None:
    """Refuse an output folder in which somebody else's files lie; one that does not exist yet is fine.

    Args:
        folder: where to write.
        own: a pattern of the file names that such a folder has.
        example: a name to propose.

    Raises:
        RequestError: for a file, or a folder with a file of another name.
    """
    if folder.exists() and not folder.is_dir():
        raise RequestError(f"-o {folder}: is a file; name a folder, e.g. -o {example}")
    try:
        files = sorted(entry.name for entry in folder.iterdir() if entry.is_file()) if folder.exists() else []
    except OSError as error:
        raise RequestError(f"-o {folder}: cannot be read: {error.strerror}") from error
    foreign = [name for name in files if not name.startswith(".") and not re.fullmatch(own, name)]
    if foreign:
        raise RequestError(f"-o {folder}: holds other files ({foreign[0]}); name a new folder, e.g. -o {example}")


def slug(text: str) -> str:
    """A short file name for any text: ASCII letters, digits, `-`, `_` and inner dots."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")
    return plain[:60] or "picture"
