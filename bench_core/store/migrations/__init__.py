"""Alembic migrations; numbered, and never changed once released."""
