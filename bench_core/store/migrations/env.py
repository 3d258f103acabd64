"""Alembic's environment: runs the revisions on the connection that bench hands over."""

from alembic import context

from bench_core.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
context.run_migrations()
