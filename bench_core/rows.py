"""Long rows as CSV, JSON, Parquet and a pandas frame; `bench export` and the pages' downloads are made here."""

import csv
import io
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bench_core.store.queries import COLUMNS, Row

if TYPE_CHECKING:
    import pandas as pd


def as_csv(rows: Sequence[Row]) -> bytes:
    """Comma-separated, UTF-8, one header line; an empty value is one that does not exist, dictionaries are JSON."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        texts = row._replace(details=_json(row.details), trip=_json(row.trip))._asdict()
        writer.writerow({**texts, "value": "" if row.value is None else repr(row.value)}.values())
    return buffer.getvalue().encode()


def as_json(rows: Sequence[Row]) -> bytes:
    """A JSON array of objects, strict (no NaN, no Infinity)."""
    return (json.dumps([row._asdict() for row in rows], indent=1, allow_nan=False) + "\n").encode()


def as_frame(rows: Sequence[Row]) -> "pd.DataFrame":
    """A pandas frame with the columns of a long row; `value` is NaN where there is none."""
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(COLUMNS)).astype({"repeat": "int64", "value": "float64"})


def as_parquet(rows: Sequence[Row]) -> bytes:
    """A Parquet file; `details` and `trip` are columns of JSON texts."""
    frame = as_frame(rows)
    frame["details"] = [_json(row.details) for row in rows]
    frame["trip"] = [_json(row.trip) for row in rows]
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _json(facts: dict[str, Any]) -> Any:
    return json.dumps(facts, sort_keys=True)
