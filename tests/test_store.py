"""The store: schema and migrations, idempotent writes, several writers."""

import multiprocessing
import sqlite3
from dataclasses import replace

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from bench_core.errors import RequestError
from bench_core.records import CellKey, ScoreRecord, TripKey, TripRecord
from bench_core.store.database import HEAD, MIGRATIONS, open_database
from bench_core.store.queries import find_run, known_cells, list_runs, long_rows, run_executions, run_trips
from bench_core.store.schema import metadata
from bench_core.store.writer import ModelIdentity, RunIdentity, RunWriter, picture_path

MODEL = ModelIdentity("keep", "testbed", "1.0", "steganography", {"level": 3}, "ab" * 32, "cd" * 16)


def identity(**changes):
    given = {"dataset": "tiny", "data_digest": "ee" * 16, "seed": 0, "request": {"degradations": ["plain"]}, **changes}
    return RunIdentity(MODEL, **given)


def record(image="a", value=1.5, status="ok", repeat=0, pictures=None, metric="psnr"):
    score = ScoreRecord(
        "host", metric, f"{metric}@1", value if status == "ok" else None, status, "" if status == "ok" else "why"
    )
    key = TripKey(image, "plain", repeat)
    return TripRecord(key, f"digest-{image}", 0.1, 0.2, 0.3, {"encoded_bytes": 5}, [score], pictures or {})


def writer(database, run=None):
    return RunWriter(database, run or identity(), "bench run", {"versions": {"python": "3"}})


def test_the_head_named_in_the_code_is_the_newest_migration():
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_the_migrations_make_the_schema(database):
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_new_database_is_in_wal_mode(database):
    with database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_good_cell_is_never_overwritten_and_a_failed_one_is(database):
    book = writer(database)
    book.write([record("a", 1.5), record("b", status="model_error")])
    book.write([record("a", 99.0), record("b", 2.5)])
    assert [(row.image, row.value, row.status, row.error) for row in long_rows(database)] == [
        ("a", 1.5, "ok", ""),
        ("b", 2.5, "ok", ""),
    ]


def test_a_slice_is_written_whole_or_not_at_all(database):
    book = writer(database)
    bad = record("b")
    bad.scores[0].details = {"unwritable": object()}
    with pytest.raises(Exception, match="not JSON serializable"):
        book.write([record("a"), bad])
    assert long_rows(database) == []
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM samples").scalar() == 0


def test_known_cells_are_the_good_ones_of_this_model_seed_and_data(database):
    writer(database).write([record("a"), record("b", status="oom")])
    digests = {"a": "digest-a", "b": "digest-b"}
    assert list(known_cells(database, MODEL.digest, 0, digests)) == [CellKey("a", "plain", 0, "host", "psnr@1")]
    assert known_cells(database, MODEL.digest, 1, digests) == {}
    assert known_cells(database, "other", 0, digests) == {}
    assert known_cells(database, MODEL.digest, 0, {"a": "changed"}) == {}


def test_the_same_request_is_the_same_run(database):
    writer(database).write([record("a")])
    writer(database).write([record("b")])
    runs = list_runs(database)
    assert [(run.id, run.cells) for run in runs] == [(identity().id, 2)]
    assert identity(seed=1).id != identity().id
    assert len(run_executions(database, identity().id)) == 2


def test_a_run_names_its_method_with_the_settings_that_say_something(database):
    writer(database).write([record("a")])
    run = replace(list_runs(database)[0], plugin="sdc", settings={"size": 0, "edit": "", "infer": "pad"})
    assert (run.settings_text, run.method) == ("infer=pad, size=0", "sdc (infer=pad, size=0)")
    assert replace(run, settings={"edit": ""}).method == "sdc"


def test_two_runs_share_a_cell(database):
    writer(database).write([record("a")])
    other = identity(request={"degradations": ["plain", "more"]})
    book = writer(database, other)
    book.link(known_cells(database, MODEL.digest, 0, {"a": "digest-a"}).values())
    assert {row.run for row in long_rows(database)} == {identity().id, other.id}
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM scores").scalar() == 1


def test_an_execution_that_was_killed_stays_open(database):
    book = writer(database)
    assert run_executions(database, book.run.id)[0]["finished"] is None
    book.finish(computed=3, reused=2, failed=1, done=True)
    execution = run_executions(database, book.run.id)[0]
    assert execution["finished"] is not None
    assert (execution["computed"], execution["reused"], execution["failed"]) == (3, 2, 1)
    assert execution["provenance"] == {"versions": {"python": "3"}}


def test_kept_pictures_are_files_named_by_their_content(database):
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    book = writer(database)
    book.write(
        [record("a", pictures={"carrier": image, "received": image}), record("b", pictures={"carrier": 255 - image})]
    )
    trips = {trip.image: trip for trip in run_trips(database, book.run.id)}
    assert trips["a"].pictures["carrier"] == trips["a"].pictures["received"] != trips["b"].pictures["carrier"]
    assert len(list(database.pictures.rglob("*.png"))) == 2
    from bench_core.images import read_image

    assert np.array_equal(read_image(picture_path(database.pictures, trips["a"].pictures["carrier"])), image)


def test_runs_are_found_by_the_beginning_of_their_id(database):
    writer(database)
    assert find_run(database, identity().id[:4]).id == find_run(database, "last").id == identity().id
    with pytest.raises(RequestError, match="no run 'zz' in this database; see: bench runs"):
        find_run(database, "zz")
    writer(database, identity(seed=1))
    with pytest.raises(RequestError, match="ambiguous"):
        find_run(database, "")


def _write_many(path, start):
    database = open_database(path)
    book = writer(database)
    for number in range(start, start + 20):
        book.write([record(f"image-{number}"), record("shared", float(start))])
    book.finish(computed=40, reused=0, failed=0, done=True)
    database.close()


def test_two_processes_writing_to_one_database_lose_nothing(tmp_path):
    path = str(tmp_path / "bench.db")
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write_many, args=(path, start)) for start in (0, 100)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    database = open_database(path)
    images = [row.image for row in long_rows(database)]
    assert sorted(images) == sorted(
        ["shared", *(f"image-{number}" for number in range(20)), *(f"image-{number}" for number in range(100, 120))]
    )
    assert len(run_executions(database, identity().id)) == 2
    database.close()


def test_what_is_no_bench_database_is_refused_in_one_line(tmp_path):
    (tmp_path / "text.db").write_text("this is not a database, but long enough to look at" * 50)
    with pytest.raises(RequestError, match="cannot be used as a bench database"):
        open_database(str(tmp_path / "text.db"))
    with pytest.raises(RequestError, match="no such database"):
        open_database(str(tmp_path / "missing.db"), create=False)
    assert not (tmp_path / "missing.db").exists()
    with pytest.raises(RequestError, match="not a place for a database file"):
        open_database(str(tmp_path))
    with pytest.raises(RequestError, match="not a place for a database file"):
        open_database(str(tmp_path / "no" / "folder.db"))
    with pytest.raises(RequestError, match="--db what://ever"):
        open_database("what://ever")


def test_a_database_of_a_newer_bench_is_refused(database, tmp_path):
    database.close()
    with sqlite3.connect(tmp_path / "bench.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(RequestError, match="made by a newer bench"):
        open_database(str(tmp_path / "bench.db"))
