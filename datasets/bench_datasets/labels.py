"""What the pictures of a folder show: the class numbers in a `labels.csv`."""

import csv
from pathlib import Path

from bench_core.errors import RequestError

FILE = "labels.csv"
_COLUMNS = ("file", "class_index")


def read_labels(folder: Path) -> dict[str, int]:
    """The class numbers of a folder's pictures, by their path relative to the folder, with `/`.

    `labels.csv` in the folder, or else the one beside it, where `file` begins with the folder's own name. Its header
    has the columns `file` and `class_index` (a whole number from 0 on); others are left alone. No such file: no labels.

    Raises:
        RequestError: one line with the place of the mistake. A table beside the folder that has other columns, or names
            no file of this folder, is not about it, and none.
    """
    own = folder / FILE
    if own.is_file():
        return _numbers(own, _rows(own, strict=True))
    beside, prefix = folder.resolve().parent / FILE, f"{folder.resolve().name}/"
    if not beside.is_file():
        return {}
    rows = [(line, name, number) for line, name, number in _rows(beside, strict=False) if name.startswith(prefix)]
    return {name.removeprefix(prefix): number for name, number in _numbers(beside, rows).items()}


def _rows(path: Path, strict: bool) -> list[tuple[int, str, str]]:
    """Line, file and class of each row."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if not set(_COLUMNS) <= set(reader.fieldnames or ()):
                if not strict:
                    return []
                raise RequestError(
                    f"{path}: its first line must name the columns file and class_index, e.g. file,class_index; "
                    "rename it if it is something else"
                )
            return [(reader.line_num, row["file"] or "", row["class_index"] or "") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        if not strict:
            return []
        raise RequestError(f"{path}: cannot be read as CSV in UTF-8: {error}") from error


def _numbers(path: Path, rows: list[tuple[int, str, str]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for line, name, text in rows:
        where = f"{path}, line {line}"
        if not name:
            raise RequestError(f"{where}: names no file; e.g. cat.jpg,281")
        if not (text.isascii() and text.strip().isdigit()):
            raise RequestError(f"{where}: class_index must be a whole number >= 0, not '{text}'; e.g. {name},281")
        if found.setdefault(name, int(text)) != int(text):
            raise RequestError(f"{where}: {name} has class {found[name]} and class {int(text)}")
    return found
