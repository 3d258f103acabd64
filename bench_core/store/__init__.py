"""Where runs land: SQLAlchemy over SQLite (or PostgreSQL by URL), with Alembic migrations from the first schema on."""
