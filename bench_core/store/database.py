"""Opening a database: SQLite in WAL mode by file name, anything else by SQLAlchemy URL; always at the newest schema."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from bench_core.errors import RequestError, one_line

HEAD = "0002"
"""The newest revision under migrations/versions; a test holds it to what Alembic finds."""

BUSY_SECONDS = 60
MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """An engine on a database that is at the newest schema, and the folder of its pictures."""

    def __init__(self, engine: Engine, pictures: Path) -> None:
        self.engine = engine
        self.pictures = pictures

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reading."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that holds the write lock from its first statement on, so that two writers queue up."""
        with self.engine.connect().execution_options(bench_write=True) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Release the connections; SQLite then folds its write-ahead log into the file."""
        self.engine.dispose()


def database_url(name: str) -> URL:
    """A URL as it is; anything else is the name of an SQLite file."""
    if "://" in name:
        try:
            return make_url(name)
        except SQLAlchemyError as error:
            raise RequestError(f"--db {name}: not a database URL ({one_line(error)}); e.g. bench.db") from None
    return URL.create("sqlite", database=name)


def open_database(name: str, *, create: bool = True) -> Database:
    """Open `name`, creating or upgrading the schema as needed.

    Raises:
        RequestError: the file is not a bench database, is newer than this bench, or (create=False) is not there.
    """
    url = database_url(name)
    file = (
        Path(url.database)
        if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
        else None
    )
    if file is not None:
        if not create and not file.exists():
            raise RequestError(
                f"--db {name}: no such database; make one with: bench run --plugin lsb --degrade jpeg:40"
            )
        if file.is_dir() or not file.parent.is_dir():
            raise RequestError(f"--db {name}: not a place for a database file; e.g. --db bench.db")
    try:
        engine = create_engine(url)
    except (ImportError, SQLAlchemyError) as error:
        raise RequestError(f"--db {name}: {one_line(error)}") from None
    if engine.dialect.name == "sqlite":
        _configure_sqlite(engine)
    try:
        _migrate(engine)
    except DatabaseError as error:
        engine.dispose()
        reason = one_line(error.orig) if error.orig else one_line(error)
        raise RequestError(f"--db {name}: cannot be used as a bench database ({reason}); name another file") from None
    except RequestError:
        engine.dispose()
        raise
    return Database(engine, (file.parent if file else Path.cwd()) / f"{file.stem if file else 'bench'}-files")


def _configure_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # IMMEDIATE: a reader that turns into a writer half-way would fail with "locked" instead of waiting.
        write = connection.get_execution_options().get("bench_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _migrate(engine: Engine) -> None:
    if _revision(engine) == HEAD:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with engine.connect().execution_options(bench_write=True) as connection, connection.begin():
        # Two processes may open a new database at once: the second waits for the lock, then finds it done.
        if _current(connection) == HEAD:
            return
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise RequestError(
                f"--db: the database was made by a newer bench ({one_line(error)}); update bench or name another file"
            ) from None


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return _current(connection)


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    return str(row[0]) if row else None
