"""The tables. One score row is one cell; a run is a view onto cells, so no cell is ever computed twice.

Only portable column types, so that the same schema serves SQLite and PostgreSQL; pictures are hashed files
beside the database, never blobs.
"""

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

models = Table(
    "models",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", String(32), nullable=False, unique=True, comment="of name, settings, weights and code"),
    Column("name", String(100), nullable=False),
    Column("plugin", String(100), nullable=False),
    Column("plugin_version", String(50), nullable=False),
    Column("task", String(50), nullable=False),
    Column("settings", JSON, nullable=False),
    Column("weights", String(64), nullable=False, comment="SHA-256 of the weights file; empty where there is none"),
    Column("code", String(32), nullable=False, comment="digest of the plugin's source files"),
)

samples = Table(
    "samples",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("image", String(500), nullable=False),
    Column("digest", String(32), nullable=False, comment="of every picture the sample holds"),
    UniqueConstraint("image", "digest"),
)

trips = Table(
    "trips",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("model_id", ForeignKey("models.id"), nullable=False),
    Column("sample_id", ForeignKey("samples.id"), nullable=False),
    Column("degradation", String(300), nullable=False, comment="canonical id"),
    Column("repeat", Integer, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("encode_s", Float),
    Column("degrade_s", Float),
    Column("decode_s", Float),
    Column("details", JSON, nullable=False, comment="encoded bytes, clipped fraction, drawn parameters"),
    UniqueConstraint("model_id", "sample_id", "degradation", "repeat", "seed"),
)

scores = Table(
    "scores",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("trip_id", ForeignKey("trips.id"), nullable=False),
    Column("pair", String(50), nullable=False),
    Column("metric", String(100), nullable=False),
    Column("implementation", String(200), nullable=False, comment="the metric with its version"),
    Column("value", Float, comment="null where the cell failed, or the pictures are identical"),
    Column("status", String(30), nullable=False),
    Column("error", Text, nullable=False),
    Column("details", JSON, nullable=False),
    UniqueConstraint("trip_id", "pair", "implementation"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(12), primary_key=True, comment="digest of what was asked for: the same request, the same run"),
    Column("model_id", ForeignKey("models.id"), nullable=False),
    Column("dataset", String(500), nullable=False),
    Column("data_digest", String(32), nullable=False),
    Column("seed", Integer, nullable=False),
    Column("request", JSON, nullable=False),
    Column("created", DateTime(timezone=True), nullable=False),
    Index("ix_runs_created", "created"),
)

run_scores = Table(
    "run_scores",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("score_id", ForeignKey("scores.id"), primary_key=True),
)

executions = Table(
    "executions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False, index=True),
    Column("started", DateTime(timezone=True), nullable=False),
    Column("finished", DateTime(timezone=True), comment="null while it runs, or where it was killed"),
    Column("command", Text, nullable=False),
    Column("computed", Integer, nullable=False, comment="cells computed"),
    Column("reused", Integer, nullable=False, comment="cells that were there already"),
    Column("failed", Integer, nullable=False),
    Column("provenance", JSON, nullable=False),
)

pictures = Table(
    "pictures",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("trip_id", ForeignKey("trips.id"), nullable=False),
    Column("role", String(50), nullable=False, comment="sample.host, carrier, received, output.secret, …"),
    Column("digest", String(32), nullable=False, comment="names the file"),
    UniqueConstraint("trip_id", "role"),
)

suites = Table(
    "suites",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("title", String(300), nullable=False),
    Column("citation", Text, nullable=False),
    Column("source", String(100), nullable=False, comment="the paper's table or figure"),
    Column("task", String(50), nullable=False),
    Column("definition", JSON, nullable=False, comment="columns, methods, caveats: what a page of it needs"),
    Column("notes", JSON, nullable=False, comment="which data was chosen, which methods were skipped and why"),
)

reported = Table(
    "reported",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("suite", ForeignKey("suites.name"), nullable=False),
    Column("citation", Text, nullable=False),
    Column("source", String(100), nullable=False, comment="the paper's table or figure"),
    Column("row", String(200), nullable=False, comment="the method as the paper calls it"),
    Column("dataset", String(500), nullable=False, comment="what the paper was measured on, in words"),
    Column("degradation", String(300), nullable=False, comment="canonical id; empty for hyper-parameters"),
    Column("pair", String(50), nullable=False),
    Column("metric", String(100), nullable=False),
    Column("value", Float, nullable=False, comment="as printed"),
    Column("note", Text, nullable=False),
    UniqueConstraint("suite", "row", "dataset", "degradation", "pair", "metric"),
)

suite_runs = Table(
    "suite_runs",
    metadata,
    Column("suite", ForeignKey("suites.name"), primary_key=True),
    Column("method", String(500), primary_key=True, comment="which of the suite's methods"),
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("note", Text, nullable=False, comment="the line that says which data was chosen"),
    Column("added", DateTime(timezone=True), nullable=False),
)
