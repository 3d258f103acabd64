"""Long rows as CSV, JSON and Parquet; `bench export` and the pages' downloads are made here."""

import csv
import io
import json
from collections.abc import Sequence

from bench_core.store.queries import COLUMNS, Row


def as_csv(rows: Sequence[Row]) -> bytes:
    """Comma-separated, UTF-8, one header line; an empty value is one that does not exist, `details` is JSON."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        value = "" if row.value is None else repr(row.value)
        writer.writerow([*row[:10], value, *row[11:-1], json.dumps(row.details, sort_keys=True)])
    return buffer.getvalue().encode()


def as_json(rows: Sequence[Row]) -> bytes:
    """A JSON array of objects, strict (no NaN, no Infinity)."""
    return (json.dumps([row._asdict() for row in rows], indent=1, allow_nan=False) + "\n").encode()


def as_parquet(rows: Sequence[Row]) -> bytes:
    """A Parquet file; `details` is a column of JSON texts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"repeat": pa.int64(), "value": pa.float64()}
    columns = {
        name: pa.array(
            [json.dumps(row.details, sort_keys=True) if name == "details" else getattr(row, name) for row in rows],
            types.get(name, pa.string()),
        )
        for name in COLUMNS
    }
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()
